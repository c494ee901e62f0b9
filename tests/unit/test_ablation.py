"""The ablation: every row trained by the same command but for what it ablates."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from model.training import ablation
from model.training.ablation import ROWS, training_command
from model.training.cli import parser
from model.training.stages.parsing import changes


@pytest.fixture
def args() -> argparse.Namespace:
    p = argparse.ArgumentParser()
    ablation.add_options(p)
    given = ["--data", "ccp", "--tower", "t", "--texture", "x", "--denoiser", "d", "--synthetic", "s"]
    return p.parse_args(given)


@pytest.mark.parametrize("name", list(ROWS))
def test_every_row_is_a_command_that_the_parsing_stage_reads(name, args):
    told = parser("parsing").parse_args(training_command(ROWS[name], args, Path("out")))
    assert told.freeze
    assert "tower-maps" in told.without
    assert changes(told)["tower"].maps is False
    assert bool(told.synthetic) == (name != "no-synthetic")


def test_rows_differ_from_the_whole_method_in_nothing_but_what_they_say(args):
    whole = training_command(ROWS["full"], args, Path("out"))
    for name, row in ROWS.items():
        command = training_command(row, args, Path("out"))
        extra = [word for word in command if word not in whole]
        assert len(extra) <= 2, (name, extra)


def test_the_table_has_a_line_for_each_row_measured(tmp_path: Path):
    summary = {
        "semantic": {"summary": {"mIoU": 0.25, "mAcc": 0.5}},
        "persons": {"summary": {"IoU of the best person": 0.75}},
        "parts": {"summary": {"mIoU of the parts": 0.125}},
    }
    folder = tmp_path / "k5.11"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"tasks": summary}), encoding="utf-8")
    lines = ablation.table(tmp_path, 300).splitlines()
    assert lines[2:] == ["| K = 5 | 11 | 0.250 | 0.500 | 0.750 | 0.125 |"]


def test_an_unknown_row_is_refused(capsys):
    given = ["--data", "ccp", "--tower", "t", "--texture", "x", "--denoiser", "d", "--synthetic", "s"]
    with pytest.raises(SystemExit):
        ablation.main([*given, "--rows", "full,half"])
    assert "no row 'half'" in capsys.readouterr().err
