"""The notebook runs from top to bottom, and shows what it says."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "first_parse.ipynb"


def run(source: str, names: dict[str, Any]) -> object:
    """Run a cell; the value of its last expression, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), names)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)


def test_every_cell_runs_and_shows_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # wherever it is opened from
    names: dict[str, Any] = {"__name__": "notebook"}
    pictures = 0
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        shown = run("".join(cell["source"]), names)
        kept = [output for output in cell["outputs"] if "image/jpeg" in output.get("data", {})]
        assert isinstance(shown, Image.Image) == bool(kept)
        pictures += len(kept)
    assert pictures > 2
    assert "leather bag" in {segment.label for segment in names["own"].segments}
    assert len(names["pair"].persons) == 2
    assert "person 2" in capsys.readouterr().out


def test_the_notebook_is_small() -> None:
    assert NOTEBOOK.stat().st_size < 300_000
