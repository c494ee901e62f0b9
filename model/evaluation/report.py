"""An evaluation's results for people and programs: terminal, Markdown, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.evaluation.result import Result


@dataclass(frozen=True, slots=True)
class Report:
    """Results, and what they were measured on: names in the order in which they are shown."""

    subject: dict[str, str | int]
    results: tuple[Result, ...]

    def text(self) -> str:
        """For the terminal: aligned columns."""
        parts = [", ".join(f"{name} {value}" for name, value in self.subject.items())]
        for result in self.results:
            parts.append(f"\n{result.task}")
            parts.append(_aligned([[name, show(value)] for name, value in result.summary.items()]))
            if result.rows:
                parts.append("\n" + _aligned(_table(result)))
        return "\n".join(parts) + "\n"

    def markdown(self) -> str:
        """One heading, one list and one table a task."""
        lines = ["# Evaluation", ""]
        lines += [f"- {name}: {value}" for name, value in self.subject.items()]
        for result in self.results:
            lines += ["", f"## {result.task}", ""]
            lines += [f"- {name}: **{show(value)}**" for name, value in result.summary.items()]
            if result.rows:
                lines += ["", *_markdown_table(_table(result))]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Every number at full precision; null where a number is undefined."""
        tasks = {
            result.task: {
                "summary": {name: _plain(value) for name, value in result.summary.items()},
                "rows": {
                    name: dict(zip(result.columns, map(_plain, values), strict=True))
                    for name, values in result.rows
                },
            }
            for result in self.results
        }
        return json.dumps({"subject": self.subject, "tasks": tasks}, indent=2, allow_nan=False) + "\n"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write report.json and report.md into the folder, made if it is missing; their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = (folder / "report.json", folder / "report.md")
        for path, content in zip(paths, (self.json(), self.markdown()), strict=True):
            path.write_text(content, encoding="utf-8")
        return paths


def show(value: float) -> str:
    """A count as it is, a share with three decimals, '-' for an undefined one."""
    if isinstance(value, int):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.3f}"


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _table(result: Result) -> list[list[str]]:
    return [["", *result.columns], *([name, *map(show, values)] for name, values in result.rows)]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """First column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )
    return "\n".join("  " + line.rstrip() for line in lines)


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    rule = "|---|" + "---:|" * (len(rows[0]) - 1)
    return [lines[0], rule, *lines[1:]]
