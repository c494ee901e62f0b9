"""Factors on what the body's parts bid: how they are fitted, kept, and used by the reading."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log
from shutil import copytree

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.checkpoint import WEIGHTS
from model.network.config import SpectrumConfig
from model.network.spectrum import Spectrum
from model.parser import DEFAULT_CHECKPOINT, Parser
from model.parsing import Query
from model.questions import Questions
from model.reading.competition import compete
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds
from model.training import calibrate
from model.vocabulary import resolve
from tests.unit.ccp_roots import REAL
from tests.unit.tiny_network import hashed_text, tiny_mini

CPU = torch.device("cpu")
ASKED = resolve(Query(prompts=("arm", "skin", "coat")))


def drawn(seed: int, factors: torch.Tensor | None = None) -> Readout:
    noise = torch.Generator().manual_seed(seed)
    terms = len(ASKED.terms)
    return Readout(
        masks=torch.randn(4, 5, 6, generator=noise),
        labels=torch.randn(4, terms + 1, generator=noise).softmax(-1),
        dense=torch.randn(terms + 1, 5, 6, generator=noise).softmax(0),
        terms=ASKED.terms,
        person=ASKED.person,
        factors=factors,
    )


def test_a_fit_finds_the_peak_of_each_node_and_leaves_out_what_is_best_at_one():
    peaks = {"arm": 0.4, "face": 1.6, "leg": 1.0}
    told: list[str] = []
    found = calibrate.fit(
        lambda factors: -sum(log(factors.get(node, 1.0) / peak) ** 2 for node, peak in peaks.items()),
        list(peaks),
        say=told.append,
    )
    assert set(found) == {"arm", "face"}
    assert found["arm"] == pytest.approx(0.4, rel=0.13)
    assert found["face"] == pytest.approx(1.6, rel=0.13)
    assert len(told) == 3


def test_a_fit_does_not_follow_gains_that_are_next_to_nothing():
    assert calibrate.fit(lambda factors: -1e-5 * factors.get("arm", 1.0), ["arm"], say=lambda _: None) == {}


@given(seed=st.integers(0, 999), factor=st.floats(0.1, 4))
@settings(max_examples=30, deadline=None)
def test_a_factor_for_all_terms_changes_no_order_between_them(seed, factor):
    """Only 'none' keeps its probability, and loses or gains by it."""
    plain = compete(drawn(seed), Thresholds())
    scaled = compete(drawn(seed, torch.full((len(ASKED.terms),), factor)), Thresholds())
    both = sorted({*plain.terms.tolist()} & {*scaled.terms.tolist()} - {len(ASKED.terms)})
    assert both
    rows = [[c.terms.tolist().index(term) for term in both] for c in (plain, scaled)]
    winners = [c.maps[r].argmax(0) for c, r in zip((plain, scaled), rows, strict=True)]
    np.testing.assert_array_equal(*winners)


def test_factors_of_one_change_nothing():
    plain, same = (compete(drawn(3, f), Thresholds()) for f in (None, torch.ones(len(ASKED.terms))))
    assert (plain.terms == same.terms).all()
    np.testing.assert_allclose(plain.maps, same.maps, rtol=1e-6)


def test_a_term_that_bids_less_holds_fewer_cells_and_no_term_of_them_more_than_all():
    plain = compete(drawn(8), Thresholds())
    held = np.bincount(plain.maps[:-1].argmax(0).ravel(), minlength=len(plain.terms) - 1)
    strongest = int(plain.terms[held.argmax()])
    factors = torch.ones(len(ASKED.terms))
    factors[strongest] = 0.5
    less = compete(drawn(8, factors), Thresholds())
    place = list(less.terms).index(strongest) if strongest in less.terms else None
    assert place is None or (less.maps[:-1].argmax(0) == place).sum() < held.max()
    for found in (plain, less):
        assert found.maps.sum(0).max() <= 1 + 1e-5


def test_factors_must_fit_the_terms():
    with pytest.raises(ValueError, match="factors"):
        drawn(1, torch.ones(3))


def test_a_term_has_the_factor_of_the_finest_node_that_has_one():
    calibration = {"skin": 0.5, "arm": 0.25}
    question = Questions(hashed_text(), CPU, gloss=True, calibration=calibration).of(
        Query(prompts=("arm", "leg", "hair", "coat"))
    )
    assert question.factors is not None
    of = {term.path[-1]: float(f) for term, f in zip(question.asked.terms, question.factors, strict=True)}
    assert (of["arm"], of["leg"], of["hair"]) == (0.25, 0.5, 1.0)
    assert Questions(hashed_text(), CPU, gloss=True).of(Query(prompts=("arm",))).factors is None


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan"), "many"])
def test_a_config_with_a_factor_that_is_none_is_refused(factor):
    raw = json.loads(tiny_mini().to_json()) | {"calibration": {"arm": factor}}
    with pytest.raises(ValueError, match=r"calibration|config"):
        SpectrumConfig.from_json(json.dumps(raw))


def test_the_parser_reads_by_its_checkpoints_factors():
    picture = np.random.default_rng(4).integers(0, 256, (96, 64, 3), np.uint8)
    answers = []
    for calibration in ({}, {"body": 1e6}):
        torch.manual_seed(0)
        config = replace(tiny_mini(), calibration=calibration)
        parser = Parser(Spectrum(config), hashed_text(), device="cpu", thresholds=Thresholds(person=0.0))
        answers.append(parser.parse([picture], [Query()])[0])
    kinds = [{segment.kind for segment in answer.segments} for answer in answers]
    assert kinds[0] - {"body"}
    assert kinds[1] == {"body"}


def test_the_command_writes_a_checkpoint_with_factors_and_the_same_weights(tmp_path):
    split = json.loads((REAL / "index.json").read_text())
    copytree(REAL, tmp_path / "data")
    split["split"]["train"] = split["split"]["val"][:1]
    (tmp_path / "data/index.json").write_text(json.dumps(split))
    arguments = [
        "--data",
        str(tmp_path / "data"),
        "--checkpoint",
        str(DEFAULT_CHECKPOINT),
        "--quiet",
        "--passes",
        "1",
    ]
    assert calibrate.main([*arguments, "--out", str(tmp_path / "fitted")]) == 0
    shipped, fitted = (
        SpectrumConfig.load(f / "config.json") for f in (DEFAULT_CHECKPOINT, tmp_path / "fitted")
    )
    assert fitted.calibration
    assert set(fitted.calibration) <= set(calibrate.NODES)
    assert replace(fitted, calibration={}) == replace(shipped, calibration={})
    assert len({(f / WEIGHTS).read_bytes() for f in (DEFAULT_CHECKPOINT, tmp_path / "fitted")}) == 1


def test_the_command_says_what_is_wrong_with_its_folders(tmp_path, capsys):
    with pytest.raises(SystemExit):
        calibrate.main(["--data", str(tmp_path), "--checkpoint", str(tmp_path), "--out", str(tmp_path / "o")])
    assert "config.json is missing" in capsys.readouterr().err
