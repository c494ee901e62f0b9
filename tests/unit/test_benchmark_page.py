"""The performance page says what the committed runs of the benchmark say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.benchmark.cli import arguments
from model.benchmark.page import END, FOLDER, PAGE, PARTS, figures, main, written

ROOT = Path(__file__).resolve().parents[2]
REPORT = {
    "command": "spectrum bench model --count --json /somewhere/count-mini.json",
    "machine": {"processor": "a CPU", "cores": "2"},
    "facts": {"matmul ceiling": "9 GFLOP/s", "early exit": [{"part": "UNet", "left out %": 12.5}]},
    "rows": [{"input": "256x384", "stage": "UNet", "GFLOP": 0.825, "MB": 50.4, "more": [1]}],
}


def test_the_page_is_what_the_runs_say():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert written(page, ROOT / FOLDER) == page


def test_the_page_has_a_place_for_every_run():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert all(f"<!-- figures: {name} -->" in page for name in PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_the_benchmark_understands_the_words_of_every_run(name):
    assert arguments().parse_args(PARTS[name].words).form == PARTS[name].words[0]


def test_a_run_becomes_a_table_with_its_machine(tmp_path):
    (tmp_path / "count-mini.json").write_text(json.dumps(REPORT), encoding="utf-8")
    text = figures("count-mini", tmp_path)
    assert "`spectrum bench model --count` on processor: a CPU; cores: 2; matmul ceiling: 9 GFLOP/s." in text
    assert "| 256x384 | UNet | 0.825 | 50.4 |" in text
    assert "| UNet | 12.5 |" in text


def test_what_was_not_measured_says_so(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- figures: start -->\nold\n{END}\nafter\n", encoding="utf-8")
    assert main(["--folder", str(tmp_path), "--page", str(page)]) == 0
    told = page.read_text(encoding="utf-8")
    assert "old" not in told
    assert "Not measured yet: `spectrum bench start --service`." in told
    assert told.endswith("after\n")


def test_a_place_that_no_run_fills_is_refused(tmp_path):
    with pytest.raises(ValueError, match="named horsepower"):
        written(f"<!-- figures: horsepower -->\n{END}", tmp_path)
