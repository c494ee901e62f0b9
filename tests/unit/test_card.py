"""The pages' figures are the committed report's, and nobody's else."""

from __future__ import annotations

from pathlib import Path

import pytest

from model import checkpoint
from model.evaluation.card import BEGIN, END, LINES, PAGES, beside, load, summary, written

ROOT = Path(__file__).parent.parent.parent
REPORT = ROOT / "docs" / "report"


@pytest.mark.parametrize("page", list(PAGES))
def test_the_figures_of_a_page_are_those_of_the_report(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == written(text, PAGES[page](*load(REPORT)))


def test_the_report_is_of_the_checkpoint_that_ships():
    report, _ = load(REPORT)
    assert report["subject"]["revision"] == checkpoint.revision(ROOT / "model" / "weights" / "mini")


def test_every_main_figure_was_measured():
    report, _ = load(REPORT)
    assert {task for _, task, _ in LINES} <= set(report["tasks"])
    assert len(summary(report)) == len(LINES) + 2


def test_figures_take_the_place_between_the_marks_and_no_other():
    page = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    assert written(page, "new") == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="no place for figures"):
        written("nothing here", "new")


def test_baselines_stand_beside_ours():
    ours = {"semantic": {"summary": {"mIoU": 0.5}}}
    report = {"tasks": ours, "baselines": {"plain": {"semantic": {"summary": {"mIoU": 0.25}}}}}
    assert beside(report)[2:] == ["| plain | semantic: mIoU | 0.250 | 0.500 |"]
    assert beside({"tasks": ours, "baselines": {}}) == []
