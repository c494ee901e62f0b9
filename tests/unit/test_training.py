"""The parsing stage: its targets, its losses, and that a killed run goes on as if nothing had happened."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from model import checkpoint
from model.data.ccp import CLASSES, IGNORE, CcpDataset
from model.data.scenes import Scene, SceneMaker
from model.network.grounding import Grounding
from model.network.spectrum import Spectrum
from model.training.batches import NOTHING, PERSON, PROMPTS, SceneBatches, dense_of, targets_of
from model.training.criterion import Criterion, Weights, caption_contrast
from model.training.loop import Schedule
from model.training.phrases import HELD_OUT, Phrases, holds_out, synonyms
from model.training.plot import plot, read_log, smooth
from model.training.stages.parsing import Trainer
from tests.unit.tiny_network import TEXT_WIDTH, hashed_text, tiny_mini

ROOT = Path(__file__).parent.parent / "data" / "ccp"


@pytest.fixture(scope="module")
def phrases() -> Phrases:
    return Phrases(list(PROMPTS), hashed_text(), gloss=True)


def trainer_at(folder: Path, phrases: Phrases) -> tuple[Trainer, SceneBatches]:
    torch.manual_seed(0)
    config = tiny_mini()
    network = Spectrum(config)
    network.train_only_parsing()
    schedule = Schedule(steps=4, warmup=1, save_every=2, validate_every=100)
    trainer = Trainer(network, Criterion(config.head, points=64), phrases, schedule, folder)
    maker = SceneMaker(CcpDataset(ROOT, "val"))
    return trainer, SceneBatches(maker, phrases, seed=3, batch=2, height=96, steps=4)


def losses(folder: Path) -> list[float]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["total"] for line in lines]


def test_a_killed_run_goes_on_with_the_same_losses(tmp_path, phrases):
    whole, batches = trainer_at(tmp_path / "whole", phrases)
    whole.run(batches, workers=0)

    first, batches = trainer_at(tmp_path / "halved", phrases)
    first.schedule = Schedule(steps=4, warmup=1, save_every=2, validate_every=100)
    for step in range(2):
        first.train_step(batches[step], np.random.default_rng((batches.seed, step, 1)))
        first.step += 1
    first.save()

    second, batches = trainer_at(tmp_path / "halved", phrases)
    torch.manual_seed(99)  # whatever state the new process has
    assert second.resume()
    assert second.step == 2
    second.run(batches, workers=0)
    assert losses(tmp_path / "halved") == pytest.approx(losses(tmp_path / "whole")[2:], rel=1e-4)


def test_a_saved_run_leaves_a_checkpoint_that_loads(tmp_path, phrases):
    trainer, _ = trainer_at(tmp_path, phrases)
    trainer.save()
    network = checkpoint.load(tmp_path / "checkpoint")
    for name, value in network.state_dict().items():
        assert torch.allclose(value, trainer.average[name].to(value.dtype), atol=2e-3, rtol=2e-3), name


def test_a_broken_or_missing_checkpoint_is_named(tmp_path, phrases):
    with pytest.raises(checkpoint.CheckpointError, match="missing"):
        checkpoint.load(tmp_path)
    trainer, _ = trainer_at(tmp_path, phrases)
    trainer.save()
    weights = tmp_path / "checkpoint" / checkpoint.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(checkpoint.CheckpointError, match="broken"):
        checkpoint.load(tmp_path / "checkpoint")


def test_training_lowers_the_loss_of_one_batch(tmp_path, phrases):
    trainer, batches = trainer_at(tmp_path, phrases)
    trainer.schedule = Schedule(steps=100, warmup=1, rate=3e-3)
    for group in trainer.optimizer.param_groups:
        group["peak"] = 3e-3
    batch = batches[0]
    seen = [trainer.train_step(batch, np.random.default_rng(0))["total"] for _ in range(8)]
    assert seen[-1] < 0.9 * seen[0]


def test_every_trained_parameter_gets_a_gradient(tmp_path, phrases):
    trainer, batches = trainer_at(tmp_path, phrases)
    batches.height = 288  # smaller pictures leave the UNet's middle one cell, whose attention has no choice
    batch = batches[1]
    for gate in (trainer.network.conditioning.context_gate, trainer.network.conditioning.time_gate):
        torch.nn.init.constant_(gate, 0.5)  # they start closed, and what lies behind them waits
    trainer.train_step(batch, np.random.default_rng(1))
    asleep = [
        name
        for name, p in trainer.network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    ]
    assert asleep == []


def test_held_out_synonyms_are_never_trained():
    used = {word.casefold() for name in PROMPTS for word in (name, *synonyms(name))}
    assert not used & HELD_OUT
    for held in ("trouser", "hand bag", "denim trousers", "small handbag", "spectacles", "Pullovers"):
        assert holds_out(held) and held not in used
    assert not holds_out("pants") and not holds_out("shirt")
    assert {"pants", "bag", "sunglasses", "sweater"} <= used


def test_targets_hold_each_person_and_each_of_its_parts(phrases):
    classes = np.zeros((64, 64), np.uint8)
    persons = np.zeros((64, 64), np.uint8)
    shirt, pants = CLASSES.index("shirt"), CLASSES.index("pants")
    for person, columns in ((1, slice(4, 28)), (2, slice(36, 60))):
        persons[8:56, columns] = person
        classes[8:32, columns], classes[32:56, columns] = shirt, pants
    classes[8:16, 36:60] = IGNORE
    scene = Scene(np.zeros((64, 64, 3), np.uint8), classes, persons)
    masks, labels, said = targets_of(scene, phrases, np.random.default_rng(0))
    assert labels.tolist() == [PERSON, pants - 1, shirt - 1] * 2
    assert masks.shape == (6, 32, 32)
    assert torch.equal(masks[0], masks[1] | masks[2])
    assert not (masks[4] & masks[5]).any()
    assert masks[5].sum() < masks[2].sum()  # what is not known is nobody's shirt
    assert {label for label, _ in said.tolist()} == {shirt - 1, pants - 1}


def test_dense_targets_keep_unknown_apart_from_nothing():
    classes = np.zeros((8, 8), np.uint8)
    classes[:4, 4:] = IGNORE
    classes[4:, :4] = 7
    assert dense_of(classes).tolist() == [[NOTHING, -100], [6, NOTHING]]


def test_pictures_without_people_train_without_captions(phrases):
    torch.manual_seed(0)
    network = Spectrum(tiny_mini()).train()
    criterion = Criterion(tiny_mini().head, points=64)
    maker = SceneMaker(CcpDataset(ROOT, "val"))
    batches = SceneBatches(maker, phrases, seed=1, batch=2, height=96, steps=1, empty_share=1.0)
    batch = batches[0]
    assert [len(m) for m in batch.masks] == [0, 0]
    spoken = [torch.zeros(0, TEXT_WIDTH)] * 2
    out = criterion(network(batch.pixels.float() / 255), batch, network.grounding, phrases.plain(), spoken)
    assert all(torch.isfinite(v) for v in out.values())
    assert float(out["grounding"].detach()) == 0.0


def test_the_caption_loss_falls_when_masks_meet_their_own_phrases():
    torch.manual_seed(0)
    grounding = Grounding(TEXT_WIDTH, 16)
    spoken = [torch.randn(3, TEXT_WIDTH) for _ in range(4)]
    own = torch.stack([grounding.text(s) for s in spoken])  # each picture's masks are its own phrases
    right = caption_contrast(own, spoken, grounding)
    wrong = caption_contrast(own.roll(1, dims=0), spoken, grounding)
    assert float(right.detach()) < 0.1 < float(wrong.detach())


def test_without_the_caption_loss_the_term_is_absent(phrases):
    criterion = Criterion(tiny_mini().head, points=64, weights=Weights(grounding=0.0))
    assert criterion.weights.grounding == 0.0
    torch.manual_seed(0)
    network = Spectrum(tiny_mini()).train()
    batch = SceneBatches(SceneMaker(CcpDataset(ROOT, "val")), phrases, seed=1, batch=2, height=96, steps=1)[0]
    out = criterion(network(batch.pixels.float() / 255), batch, network.grounding, phrases.plain(), [])
    assert "grounding" not in out


def test_a_log_plots_and_a_step_logged_twice_counts_once(tmp_path):
    log = tmp_path / "log.jsonl"
    rows = [{"step": s, "dense": 10.0 / s, "val_mean": 0.1 * s} for s in (1, 2, 2, 3)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [row["step"] for row in read_log(log)] == [1, 2, 3]
    plot(log, tmp_path / "log.png")
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")


def test_smoothing_is_a_running_mean():
    assert smooth([2.0, 4.0, 6.0, 8.0], window=2).tolist() == [2.0, 3.0, 5.0, 7.0]
