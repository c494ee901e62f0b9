"""The closed-set peer: it learns, goes on after a kill, and answers as the evaluation expects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint import CheckpointError
from model.data.ccp import BODY, CLASSES, CcpDataset
from model.data.scenes import SceneMaker
from model.evaluation.baselines.baseline import BASELINES
from model.evaluation.cli import main
from model.evaluation.plan import TASKS, Plan
from model.evaluation.run import evaluate
from model.evaluation.vocabularies import CCP19, CCP19_SYNONYMS
from model.parsing import Query
from model.reading.enlarge import Frame
from model.training.closed import network as closed
from model.training.closed.baseline import CLOSED
from model.training.closed.network import ClosedConfig, ClosedNetwork
from model.training.closed.parser import ClosedParser, Question, answer
from model.training.closed.train import ClosedBatches, ClosedTrainer, Validation, class_table
from model.training.loop import Schedule

ROOT = Path(__file__).parent.parent / "data" / "ccp"
SMALL = ClosedConfig(width=16, short_side=64, max_long_side=160)
NAMES = CCP19.names


def trainer_at(folder: Path, *, validation: Validation | None = None) -> tuple[ClosedTrainer, ClosedBatches]:
    torch.manual_seed(0)
    schedule = Schedule(steps=4, warmup=1, save_every=2, validate_every=4)
    trainer = ClosedTrainer(ClosedNetwork(SMALL), schedule, folder, validation=validation)
    maker = SceneMaker(CcpDataset(ROOT, "val"))
    return trainer, ClosedBatches(maker, seed=3, batch=2, height=96, steps=4)


def logged(folder: Path, key: str = "total") -> list[float]:
    return [json.loads(line)[key] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_killed_run_goes_on_with_the_same_losses(tmp_path):
    whole, batches = trainer_at(tmp_path / "whole")
    whole.run(batches, workers=0)
    first, batches = trainer_at(tmp_path / "halved")
    for step in range(2):
        first.train_step(batches[step])
        first.step += 1
    first.save()
    second, batches = trainer_at(tmp_path / "halved")
    torch.manual_seed(99)  # whatever state the new process has
    assert second.resume() and second.step == 2
    second.run(batches, workers=0)
    assert logged(tmp_path / "halved") == pytest.approx(logged(tmp_path / "whole")[2:], rel=1e-4)
    for name, value in whole.average.items():
        assert torch.allclose(value, second.average[name], atol=1e-5), name


def test_steps_on_one_batch_lower_its_loss(tmp_path):
    trainer, batches = trainer_at(tmp_path)
    batch = batches[0]
    losses = [trainer.train_step(batch) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_every_parameter_gets_a_gradient(tmp_path):
    trainer, batches = trainer_at(tmp_path)
    trainer.train_step(batches[0])
    asleep = [
        n for n, p in trainer.network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert asleep == []


def test_a_batch_is_the_same_for_the_same_step_and_another_for_the_next():
    batches = ClosedBatches(SceneMaker(CcpDataset(ROOT, "val")), seed=3, batch=2, height=96, steps=4)
    (pixels, truth), (again, same), (other, _) = batches[1], batches[1], batches[2]
    assert torch.equal(pixels, again) and torch.equal(truth, same) and not torch.equal(pixels, other)
    assert pixels.shape == (2, 3, 96, 64) and truth.shape == (2, 24, 16)
    assert int(truth.max()) < len(NAMES) and set(np.unique(truth[truth < 0])) <= {-100}


def test_training_classes_are_those_of_ccp19():
    table = class_table()
    assert {
        name: NAMES[table[CLASSES.index(name)]] for name in ("background", "jeans", "romper", "hair")
    } == {
        "background": "background",
        "jeans": "pants",
        "romper": "dress",
        "hair": "hair",
    }
    assert {int(table[CLASSES.index(part)]) for part in BODY} == {NAMES.index("skin")}
    assert table[CLASSES.index("watch")] == table[255] == -100


@pytest.mark.parametrize("height", [0, 100, 32])
def test_a_height_that_the_network_cannot_take_is_refused(height):
    with pytest.raises(ValueError, match=str(height)):
        ClosedBatches(SceneMaker(CcpDataset(ROOT, "val")), seed=1, batch=1, height=height, steps=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("closed")
    trainer, batches = trainer_at(out, validation=Validation(CcpDataset(ROOT, "val"), size=(96, 64)))
    trainer.schedule = Schedule(steps=1, warmup=1)
    trainer.run(batches, workers=0)
    assert 0.0 <= logged(out, "val_mIoU")[0] <= 1.0
    return out / "checkpoint"


@pytest.mark.parametrize("size", [(70, 50), (33, 90)])
def test_an_answer_has_the_pictures_size_and_ids_that_exist(folder, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    (parsing,) = ClosedParser.load(folder, device="cpu").parse([image], [Query(prompts=CCP19.prompts)])
    assert parsing.size == size
    assert set(np.unique(parsing.segment_map)) - {0} == {s.id for s in parsing.segments}
    assert set(np.unique(parsing.person_map)) - {0} == {p.id for p in parsing.persons}
    assert {s.label for s in parsing.segments} | set(parsing.unmatched_prompts) == set(CCP19.prompts)
    for segment in parsing.segments:
        mask = parsing.segment_map == segment.id
        assert int(mask.sum()) == segment.area and 0 <= segment.score <= 1
        assert set(np.unique(parsing.person_map[mask])) == {segment.person_id}


def test_the_evaluation_takes_it_as_any_parser(folder):
    plan = Plan(CcpDataset(ROOT, "val"), tasks=("semantic", "persons", "synonyms"), limit=1)
    semantic, persons, synonyms = evaluate(ClosedParser.load(folder, device="cpu"), plan, quiet=True)
    assert 0.0 <= semantic.summary["mIoU"] <= 1.0
    assert (persons.task, synonyms.task) == ("persons", "synonyms")


def test_it_stands_beside_a_checkpoint_in_the_evaluations_command(folder, capsys, monkeypatch):
    monkeypatch.setitem(BASELINES, CLOSED.name, CLOSED)
    assert set(CLOSED.tasks) <= set(TASKS)
    words = ["--data", str(ROOT), "--limit", "1", "--tasks", "semantic", "--quiet"]
    words += ["--baseline", "closed", "--device", "cpu", "--closed"]
    assert main([*words, str(folder)], open_parser=lambda _: ClosedParser.load(folder, device="cpu")) == 0
    assert "closed" in capsys.readouterr().out
    assert main([*words, "nowhere"], open_parser=lambda _: ClosedParser.load(folder, device="cpu")) == 2
    assert "no closed-set network at nowhere" in capsys.readouterr().err


def asked(*prompts: str) -> Question:
    return Question.of(Query(prompts=prompts), NAMES)


def test_each_connected_foreground_is_a_person_and_specks_are_nobody():
    classes = np.zeros((60, 60), np.uint16)
    classes[5:25, 5:15] = NAMES.index("dress")
    classes[25:30, 5:15] = NAMES.index("shoes")
    classes[10:20, 40:50] = NAMES.index("dress")
    classes[50, 50] = NAMES.index("dress")
    likely = np.full((60, 60), 0.5, np.float32)
    parsing = answer(classes, likely, Frame((60, 60), (60, 60)), asked("dress", "shoes", "saree"))
    assert [(p.area, p.bbox) for p in parsing.persons] == [(250, (5, 5, 10, 25)), (100, (40, 10, 10, 10))]
    assert [(s.label, s.person_id, s.area) for s in parsing.segments] == [
        ("dress", 1, 200),
        ("shoes", 1, 50),
        ("dress", 2, 100),
    ]
    assert parsing.unmatched_prompts == ("saree",)
    assert not parsing.person_map[50, 50] and not parsing.segment_map[50, 50]
    assert parsing.persons[0].segments == (1, 2)


def test_classes_that_nobody_asked_for_answer_nothing_but_belong_to_their_person():
    classes = np.full((20, 20), NAMES.index("coat"), np.uint16)
    parsing = answer(classes, np.ones((20, 20), np.float32), Frame((20, 20), (20, 20)), asked("pants", "man"))
    assert parsing.segments == () and not parsing.segment_map.any()
    assert parsing.persons[0].area == 400
    assert parsing.unmatched_prompts == ("pants",)


def test_a_large_picture_is_read_small_and_counted_in_full():
    classes = np.zeros((10, 10), np.uint16)
    classes[:, :5] = NAMES.index("hat")
    parsing = answer(classes, np.ones((10, 10), np.float32), Frame((40, 40), (10, 10)), asked("hat"))
    assert parsing.size == (40, 40)
    assert parsing.segments[0].area == 800 and parsing.segments[0].bbox == (0, 0, 20, 40)


def test_prompts_find_their_class_by_name_and_by_synonym():
    for prompts in (CCP19.prompts, CCP19_SYNONYMS.prompts):
        question = asked(*prompts)
        assert [question.terms[k - 1].phrase for k in question.term_of_class[1:]] == list(prompts)
    assert asked("trousers", "pants").term_of_class[NAMES.index("pants")] == 1
    assert asked("jeans").terms == ()


def test_a_low_score_is_left_out():
    classes = np.full((20, 20), NAMES.index("coat"), np.uint16)
    likely = np.full((20, 20), 0.4, np.float32)
    parsing = answer(classes, likely, Frame((20, 20), (20, 20)), asked("coat"), min_score=0.5)
    assert parsing.persons == () and parsing.unmatched_prompts == ("coat",)


def test_a_folder_that_holds_something_else_is_named(tmp_path, folder):
    with pytest.raises(CheckpointError, match="no closed-set network"):
        ClosedParser.load(tmp_path)
    (tmp_path / closed.CONFIG).write_bytes((folder / closed.CONFIG).read_bytes())
    (tmp_path / closed.WEIGHTS).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="broken"):
        ClosedParser.load(tmp_path)
    assert closed.is_closed(folder) and not closed.is_closed(tmp_path / "nowhere")


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_a_picture_of_another_shape_or_type_is_refused(folder, image):
    with pytest.raises(ValueError, match="picture must be"):
        ClosedParser.load(folder, device="cpu").parse([image], [Query()])
