"""The benchmark's forms: options, tables, what they try; and peers whose sizes are the published ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from model.benchmark import cli, forward, scale
from model.benchmark.forward import Effort
from model.benchmark.networks import random_network
from model.benchmark.operations import count
from model.benchmark.pictures import noise
from model.benchmark.report import Report, table
from model.benchmark.subject import Subject, at_size, hashed
from model.network.config import LONGEST
from model.network.lean.head import LeanDecoder
from model.parser import Parser, Query
from model.precision import AUTO
from model.reading.postprocess import read
from model.reading.thresholds import Thresholds
from service import cli as spectrum
from tests.unit.tiny_network import tiny_mini

CPU = torch.device("cpu")
QUICK = Effort(runs=1, seconds=0.1)


@pytest.fixture(scope="module")
def subject() -> Subject:
    config = tiny_mini()
    return Subject(random_network(config, CPU), hashed(config.text.width), CPU, "random weights")


def test_the_model_form_tells_every_stage_of_a_picture(subject):
    (row,) = forward.rows(subject, [noise((70, 60), 0)], [(64, 96)], [2], QUICK)
    assert row["input"] == "96x64"
    assert row["batch"] == 2
    assert set(row["stages"]) >= {
        "vision tower",
        "UNet",
        "VAE decoder",
        "pixel decoder",
        "grounding",
        "reading",
    }
    stages = [stage["GFLOP"] for stage in row["stages"].values()]
    assert sum(stages) == pytest.approx(row["GFLOP"])
    assert table([row]).count("\n") == 2


def test_mini_is_counted_and_measured_as_it_is_served():
    served = Subject.open("mini", None, "cpu")
    assert isinstance(served.network.decoder, LeanDecoder)
    pixels = torch.rand(1, 3, 64, 64)
    by_shapes = forward.counted(served.network.config, (64, 64), 1, lean=True).stages
    with torch.inference_mode():
        run = count(lambda: served.network(pixels)).flop
    grounding = by_shapes.pop("grounding").flop
    assert grounding > 0
    assert sum(work.flop for work in by_shapes.values()) == run
    with torch.inference_mode():  # and what was counted has left nothing behind that is not real
        assert bool(served.network(pixels).pixels.isfinite().all())
    libraries = forward.counted(served.network.config, (64, 64), 1).whole.flop
    assert run + grounding < libraries


def test_a_size_off_the_grid_is_refused():
    with pytest.raises(ValueError, match="multiples of 32, not 64x100"):
        at_size(tiny_mini(), (64, 100))


def test_the_scale_form_tries_prompts_people_and_sizes(subject):
    sweep = scale.Sweep(prompts=(1, 30), people=(1, 3), megapixels=(1,))
    found = scale.rows(subject.parser(), noise((90, 60), 0), sweep, QUICK)
    assert [(row["by"].split()[0], row["value"]) for row in found] == [
        ("prompts", 1), ("prompts", 30), ("people", 1), ("people", 3), ("megapixels", 1),
    ]  # fmt: skip
    assert [row["ratio"] for row in found if row["value"] == 1] == [1, 1, 1]


def test_a_made_crowd_is_read_as_that_many_people():
    for people in (1, 5, 12):
        answer = read(scale.crowd(people, CPU), noise((192, 288), 0), thresholds=Thresholds())
        assert len(answer.persons) == people
        assert len(answer.segments) == 6 * people


def test_there_are_a_thousand_different_prompts():
    assert len(set(scale.prompts(1000))) == 1000


def test_a_report_is_a_table_and_json(tmp_path):
    report = Report("model", "spectrum bench model", {"cores": "2"}, [{"a": 1, "b": 2.345, "c": None}])
    assert "cores: 2" in report.text()
    assert report.text().splitlines()[-1].split() == ["1", "2.35", "-"] or "2.35" in report.text()
    report.write(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["rows"] == [{"a": 1, "b": 2.345, "c": None}]


def test_the_command_hands_its_forms_to_the_model(capsys):
    assert spectrum.main(["bench", "model", "--size", "100x100", "--count"]) == 2
    assert "multiples of 32, not 100x100" in capsys.readouterr().err
    assert cli.arguments().parse_args(["model", "--size", "256x384"]).size == ((384, 256),)


def test_pictures_of_any_size_are_parsed_in_bounded_memory(subject):
    """What the network and the reading hold depends on bounded sizes alone, not on the picture's."""
    small = Thresholds(working_pixels=4096)
    parser = Parser(subject.network, subject.text, device="cpu", precision=AUTO, thresholds=small)
    image = np.zeros((900, 700, 3), np.uint8)
    (answer,) = parser.parse([image], [Query(prompts=scale.prompts(100))])
    assert answer.size == (900, 700)
    assert parser.cost(40_000, 1_000) <= LONGEST * parser.config.max_long_side**2
