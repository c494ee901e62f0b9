"""How likely a label is on its person: what is measured of a segment, how weights are fitted and used."""

from __future__ import annotations

import json
from dataclasses import replace
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.evaluation.vocabularies import CCP19
from model.network.config import SpectrumConfig
from model.network.spectrum import Spectrum
from model.parser import DEFAULT_CHECKPOINT, Parser, revision
from model.parsing import Parsing, Query
from model.reading.closer import Window
from model.reading.enlarge import Frame
from model.reading.existence import CELLS, FEATURES, likelihood
from model.reading.postprocess import Answer, Legend, answered, read
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds
from model.training import existence
from tests.unit.ccp_roots import REAL
from tests.unit.reading_scenes import Someone, asked, scene
from tests.unit.tiny_network import hashed_text, tiny_mini

SIZE = (20, 20)
BODY = (0, 0, 20, 20)
TERMS = [asked("jacket"), asked("watch", "accessory"), asked("hand", "body")]
WATCH, HAND = (2, 2, 6, 6), (14, 14, 18, 18)  # each .04 of the person
BY_DENSE = {"constant": 0.0, "dense": 1.0}


def dressed(chance: float = 0.7, queried: float | None = None) -> Readout:
    """Somebody in a jacket with a watch and a hand; both are as likely as told, the rest is shared by all."""
    readout = scene(SIZE, [Someone(BODY)], [(0, BODY), (1, WATCH), (2, HAND)], TERMS)
    for index, rect in ((1, WATCH), (2, HAND)):
        top, left, bottom, right = rect
        readout.dense[:, top:bottom, left:right] = (1 - chance) / 4
        readout.dense[index, top:bottom, left:right] = chance
        if queried is not None:
            readout.labels[index + 1, index] = queried
    return readout


def answer(readout: Readout, size: tuple[int, int] = (80, 80), **more: Any) -> Answer:
    limits = Thresholds()
    found = answered(readout, Frame.within(size, limits.working_pixels), limits, **more)
    assert found is not None
    return found


def features(readout: Readout, **more: Any) -> dict[str, dict[str, float]]:
    found = answer(readout, **more)
    names = [found.legend.phrase(int(label)) for label in found.grouping.label]
    rows = found.evidence()
    return {str(names[k]): dict(zip(FEATURES, rows[k], strict=True)) for k in range(1, len(names))}


def chance_of(logit: float) -> float:
    return 1 / (1 + float(np.exp(-logit)))


def labels(readout: Readout, weights: dict[str, float], limits: Thresholds | None = None) -> set[str]:
    image = np.zeros((80, 80, 3), np.uint8)
    parsing: Parsing = read(readout, image, thresholds=limits, existence=weights)
    return {segment.label for segment in parsing.segments}


def test_features_say_how_sure_both_maps_are_and_how_large_the_segment_is():
    watch = features(dressed(0.7, queried=0.6))["watch"]
    assert chance_of(watch["dense"]) == pytest.approx(0.7, abs=0.01)
    assert chance_of(watch["queries"]) == pytest.approx(0.6, abs=0.01)
    assert np.exp(watch["share"]) == pytest.approx(0.04, abs=0.01)
    assert watch["constant"] == 1
    assert watch["closer_dense"] == watch["closer_queries"] == 0


def test_size_is_in_cells_of_the_first_look_whatever_the_pictures_size():
    for size in ((80, 80), (1000, 1000), (333, 500)):
        found = features(dressed(0.7, queried=0.6), size=size)
        for row in found.values():
            assert np.exp(row["size"]) * CELLS == pytest.approx(SIZE[0] * SIZE[1], rel=0.05)
            assert row["size_dense"] == pytest.approx(row["size"] * row["dense"])


def test_a_closer_look_may_count_by_how_small_the_person_is():
    window = Window(0.0, 1.0, 0.0, 1.0)
    watch = features(dressed(0.6, queried=0.5), closer=[(window, dressed(0.9, queried=0.8))])["watch"]
    assert watch["size_closer_dense"] == pytest.approx(watch["size"] * watch["closer_dense"])
    assert watch["size_closer_queries"] == pytest.approx(watch["size"] * watch["closer_queries"])
    assert watch["closer_queries"] != 0


def test_features_tell_garments_accessories_and_the_body_apart():
    found = features(dressed())
    kinds = {name: (row["accessory"], row["body"]) for name, row in found.items()}
    assert kinds == {"jacket": (0, 0), "watch": (1, 0), "hand": (0, 1)}


def test_a_closer_look_counts_by_how_much_surer_it_is():
    window = Window(0.0, 0.5, 0.0, 0.5)  # the hand is not in it, the watch is twice as large
    closer = dressed(0.9)
    for maps in (closer.dense, closer.masks):
        maps[:] = maps[:, :10, :10].repeat_interleave(2, 1).repeat_interleave(2, 2)
    found = features(dressed(0.6), closer=[(window, closer)])
    watch = found["watch"]
    assert chance_of(watch["dense"]) == pytest.approx(0.6, abs=0.03)
    assert chance_of(watch["dense"] + watch["closer_dense"]) == pytest.approx(0.9, abs=0.03)
    assert found["hand"]["closer_dense"] == 0


def test_pixels_of_a_large_picture_are_sampled_without_another_outcome():
    small, large = features(dressed(0.7)), features(dressed(0.7), size=(1000, 1000))
    for name, row in small.items():
        assert row == pytest.approx(large[name], abs=0.1)


@pytest.mark.parametrize(("chance", "worn"), [(0.45, {"jacket"}), (0.6, {"jacket", "watch", "hand"})])
def test_what_is_likelier_not_there_is_left_out(chance, worn):
    assert labels(dressed(chance), BY_DENSE) == worn


def test_what_has_much_of_a_person_stays():
    assert labels(dressed(0.45), BY_DENSE, Thresholds(existence_share=0.03)) == {"jacket", "watch", "hand"}
    assert labels(dressed(), {"constant": -9.0}) == {"jacket"}


def test_without_weights_the_share_and_the_mean_decide():
    assert labels(dressed(0.45), {}) == {"jacket", "watch", "hand"}
    assert labels(dressed(0.45), {}, Thresholds(doubt=0.9)) == {"jacket"}


@given(seed=st.integers(0, 999), weight=st.floats(0.5, 2))
@settings(max_examples=20, deadline=None)
def test_a_fit_finds_by_what_segments_were_drawn(seed, weight):
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (4000, len(FEATURES)))
    rows[:, 0] = 1
    truth = {"constant": 0.3, "dense": weight, "share": -0.5}
    right = rng.random(len(rows)) < likelihood(rows, truth)
    found = existence.fit(rows, right)
    assert found == pytest.approx({name: truth.get(name, 0.0) for name in FEATURES}, abs=0.25)


def test_a_fit_needs_both_sorts_of_segments():
    with pytest.raises(ValueError, match="some that are not"):
        existence.fit(np.ones((3, len(FEATURES))), np.ones(3, bool))


def test_a_segment_is_right_when_its_person_wears_its_class_anywhere():
    found = answer(dressed())
    jacket = CCP19.class_of_prompt("jacket")
    classes, owner = np.zeros((80, 80), np.uint8), np.zeros((80, 80), np.uint8)
    owner[:, :40], classes[60:, :40] = 1, jacket
    plain = replace(found, legend=_without_other_words(found))
    rows, right = existence.judged(plain, classes, owner)
    assert rows.shape == (1, len(FEATURES))
    assert right.tolist() == [True]
    classes[60:, :40] = CCP19.class_of_prompt("coat")
    assert existence.judged(plain, classes, owner)[1].tolist() == [False]


def _without_other_words(found: Answer) -> Legend:
    """Of 'ccp19' the scene has 'jacket' alone."""
    terms = tuple(
        tuple(t if t.phrase == "jacket" else asked(t.phrase, t.kind, answers=None) for t in group)
        for group in found.legend.terms
    )
    return replace(found.legend, terms=terms)


@pytest.mark.parametrize("weights", [{"dense": float("nan")}, {"dense": "much"}])
def test_a_config_with_weights_that_are_none_is_refused(weights):
    raw = json.loads(tiny_mini().to_json()) | {"existence": weights}
    with pytest.raises(ValueError, match=r"existence|config"):
        SpectrumConfig.from_json(json.dumps(raw))


def test_the_command_says_what_is_wrong_with_its_folders(tmp_path, capsys):
    with pytest.raises(SystemExit):
        existence.main(["--data", str(tmp_path), "--checkpoint", str(tmp_path), "--out", str(tmp_path / "o")])
    assert "config.json is missing" in capsys.readouterr().err


def test_the_parser_judges_the_callers_own_prompts_and_not_the_default_vocabulary():
    """Weights that believe in nothing: of what was asked only what is large stays."""
    picture = np.random.default_rng(4).integers(0, 256, (96, 64, 3), np.uint8)
    found = {}
    for name, weights in (("without", {}), ("with", {"constant": -9.0})):
        torch.manual_seed(0)
        limits = Thresholds(person=0.0, existence_share=1.0)
        network = Spectrum(replace(tiny_mini(), existence=weights))
        parser = Parser(network, hashed_text(), device="cpu", thresholds=limits)
        asked_for = (Query(prompts=("coat", "arm", "hair", "shoes")), Query())
        found[name] = [len(parser.parse([picture], [query])[0].segments) for query in asked_for]
    assert found["without"][0] > 1
    assert found["with"][0] <= 1  # a label that has all of a person is not less than all of it
    assert found["with"][1] == found["without"][1] > 0


def test_the_command_writes_a_checkpoint_with_weights_for_every_feature(tmp_path, capsys):
    index = json.loads((REAL / "index.json").read_text())
    copytree(REAL, tmp_path / "data")
    index["split"]["train"] = index["split"]["val"]
    (tmp_path / "data/index.json").write_text(json.dumps(index))
    out = tmp_path / "judged"
    folders = ["--data", str(tmp_path / "data"), "--checkpoint", str(DEFAULT_CHECKPOINT), "--out", str(out)]
    assert (
        existence.main([*folders, "--quiet", "--groups", "1", "--pairs", "1", "--photos", "2", "--afar", "1"])
        == 0
    )
    shipped, fitted = (SpectrumConfig.load(f / "config.json") for f in (DEFAULT_CHECKPOINT, out))
    assert set(fitted.existence) == set(FEATURES)
    assert fitted.existence != shipped.existence
    assert replace(fitted, existence={}) == replace(shipped, existence={})
    assert f"revision {revision(out)}" in capsys.readouterr().out


def test_the_command_needs_somebody_to_learn_from(tmp_path, capsys):
    index = json.loads((REAL / "index.json").read_text())
    copytree(REAL, tmp_path / "data")
    index["split"]["train"] = index["split"]["val"][:1]
    (tmp_path / "data/index.json").write_text(json.dumps(index))
    folders = [
        "--data",
        str(tmp_path / "data"),
        "--checkpoint",
        str(DEFAULT_CHECKPOINT),
        "--out",
        str(tmp_path),
    ]
    with pytest.raises(SystemExit):
        existence.main([*folders, "--quiet", "--groups", "0", "--pairs", "0", "--photos", "0", "--afar", "0"])
    assert "nobody was found" in capsys.readouterr().err
