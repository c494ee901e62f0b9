"""The evaluation's command, and how its results read."""

import json

import pytest

from model.data.ccp import IGNORE
from model.evaluation.cli import data_root, main
from model.evaluation.composites import composites
from model.evaluation.report import Report, show
from model.evaluation.result import Result
from tests.unit.ccp_roots import TruthfulParser, figure, val, write_root


@pytest.fixture
def root(tmp_path):
    """Three photos; a stranger whom nobody labelled stands in the last."""
    stranger = figure(88, 60, top="coat", bottom="skirt")
    stranger[0][5:20, :8] = IGNORE
    figures = [figure(), figure(120, 72, top="sweater", bottom="shorts"), stranger]
    return write_root(tmp_path / "ccp", {"val": figures})


def truthful(root):
    dataset = val(root)
    return TruthfulParser([*dataset, *composites(dataset, 50)])


RESULT = Result(
    "semantic",
    {"mIoU": 0.51234, "classes": 2, "mAcc": float("nan")},
    ("IoU", "pixels"),
    (("hat", (0.25, 7)), ("vest", (float("nan"), 0))),
)
REPORT = Report({"model": "mini"}, (RESULT,))


def test_numbers_read_well():
    assert [show(value) for value in (3, 0.5, float("nan"))] == ["3", "0.500", "-"]


def test_the_terminal_shows_aligned_columns():
    assert REPORT.text().splitlines() == [
        "model mini",
        "",
        "semantic",
        "  mIoU     0.512",
        "  classes      2",
        "  mAcc         -",
        "",
        "          IoU  pixels",
        "  hat   0.250       7",
        "  vest      -       0",
    ]


def test_markdown_has_a_table_a_task():
    assert REPORT.markdown().splitlines()[4:] == [
        "## semantic",
        "",
        "- mIoU: **0.512**",
        "- classes: **2**",
        "- mAcc: **-**",
        "",
        "|  | IoU | pixels |",
        "|---|---:|---:|",
        "| hat | 0.250 | 7 |",
        "| vest | - | 0 |",
    ]


def test_json_keeps_every_digit_and_no_nan():
    tasks = json.loads(REPORT.json(), parse_constant=pytest.fail)["tasks"]
    assert tasks["semantic"]["summary"] == {"mIoU": 0.51234, "classes": 2, "mAcc": None}
    assert tasks["semantic"]["rows"]["vest"] == {"IoU": None, "pixels": 0}


def command(root, *more):
    return ["--data", str(root), "--quiet", "--tasks", "semantic,persons", *more]


def test_the_command_prints_and_writes_its_report(root, tmp_path, capsys):
    out = tmp_path / "report"
    code = main(command(root, "--out", str(out), "--limit", "2"), open_parser=lambda _: truthful(root))
    assert code == 0
    printed = capsys.readouterr().out
    assert "mIoU" in printed
    assert "IoU of the best person" in printed
    written = json.loads((out / "report.json").read_text())
    assert written["tasks"]["semantic"]["summary"]["mIoU"] == 1.0
    assert written["subject"] == {
        "model": "truth",
        "revision": "0" * 12,
        "dataset": "ccp",
        "split": "val",
        "vocabulary": "ccp19",
        "first photos": 2,
    }
    assert (out / "report.md").read_text().startswith("# Evaluation")


def test_the_command_asks_the_vocabulary_it_was_given(root):
    parser = truthful(root)
    assert main(command(root, "--vocabulary", "ccp19-synonyms"), open_parser=lambda _: parser) == 0
    assert {query.prompts[4] for query in parser.asked if query.prompts} == {"trousers"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--split", "test"],
        ["--tasks", "nothing"],
        ["--data", "nowhere"],
        ["--tasks", "empty", "--empty", "nowhere"],
    ],
)
def test_what_the_caller_can_mend_is_said_and_not_thrown(root, capsys, arguments):
    assert main([*command(root), *arguments], open_parser=lambda _: truthful(root)) == 2
    assert capsys.readouterr().err.startswith("spectrum evaluate: ")


def test_a_checkpoint_that_is_missing_is_said(root, capsys):
    def absent(_):
        raise ValueError("no checkpoint at nowhere")

    assert main(command(root), open_parser=absent) == 2
    assert "no checkpoint at nowhere" in capsys.readouterr().err


def test_the_dataset_is_sought_in_three_places(tmp_path):
    here = tmp_path / "project"
    beside = tmp_path / "shared" / "data" / "ccp"
    here.mkdir()
    with pytest.raises(ValueError, match="SPECTRUM_CCP"):
        data_root(None, {}, here)
    beside.mkdir(parents=True)
    assert data_root(None, {}, here).resolve() == beside.resolve()
    assert data_root(None, {"SPECTRUM_CCP": "/elsewhere"}, here).as_posix() == "/elsewhere"
    assert data_root(tmp_path, {"SPECTRUM_CCP": "/elsewhere"}, here) == tmp_path
