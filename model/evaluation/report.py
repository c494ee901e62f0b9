"""An evaluation's results for people and programs: terminal, Markdown, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.evaluation.confusion_picture import draw_confusion
from model.evaluation.gallery import Gallery
from model.evaluation.result import Result


@dataclass(frozen=True, slots=True)
class Report:
    """Results, and what they were measured on: names in the order in which they are shown.

    hardware: processor, cores and so on; command: the line that measures the same again; baselines: what
    other parsers made of the same pictures, by their names; remarks: what a reader must know of figures.
    """

    subject: dict[str, str | int]
    results: tuple[Result, ...]
    hardware: dict[str, str] = field(default_factory=dict)
    command: str = ""
    baselines: dict[str, tuple[Result, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """For the terminal: aligned columns."""
        parts = [", ".join(f"{name} {value}" for name, value in self.subject.items())]
        for name, result in self._named():
            parts.append(f"\n{name}")
            parts.append(_aligned([[name, show(value)] for name, value in result.summary.items()]))
            if result.rows:
                parts.append("\n" + _aligned(_table(result)))
        return "\n".join(parts) + "\n"

    def _named(self) -> list[tuple[str, Result]]:
        """All results with their headings."""
        others = [(f"{r.task}, {name}", r) for name, results in self.baselines.items() for r in results]
        return [*((result.task, result) for result in self.results), *others]

    def markdown(self) -> str:
        """One heading, one list and one table a task."""
        lines = ["# Evaluation", ""]
        lines += [f"- {name}: {value}" for name, value in self.subject.items()]
        lines += [f"- {name}: {value}" for name, value in self.hardware.items()]
        lines += [f"- command: `{self.command}`"] if self.command else []
        lines += comparison(self.results, self.baselines)
        lines += ["", *self.remarks] if self.remarks else []
        for name, result in self._named():
            lines += ["", f"## {name}", ""]
            lines += [f"- {name}: **{show(value)}**" for name, value in result.summary.items()]
            if result.rows:
                lines += ["", *_markdown_table(_table(result))]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Every number at full precision; null where a number is undefined."""
        whole = {
            "subject": self.subject,
            "hardware": self.hardware,
            "command": self.command,
            "remarks": self.remarks,
            "tasks": _numbers(self.results),
            "baselines": {name: _numbers(results) for name, results in self.baselines.items()},
        }
        return json.dumps(whole, indent=2, allow_nan=False) + "\n"

    def write(self, folder: Path, gallery: Gallery | None = None) -> list[Path]:
        """Write report.json and report.md into the folder, made if it is missing; the paths of all files.

        With a gallery also pictures.md with the best and worst examples and, where matplotlib is installed,
        the confusion of the task 'semantic'. These show the dataset's photos: they stay with the figures.
        """
        folder.mkdir(parents=True, exist_ok=True)
        contents = {"report.json": self.json(), "report.md": self.markdown()}
        pictures = self._draw(folder, gallery) if gallery is not None else []
        if pictures:
            contents["pictures.md"] = "".join(f"![{path.stem}]({path.name})\n\n" for path in pictures)
        for name, content in contents.items():
            (folder / name).write_text(content, encoding="utf-8")
        return [*(folder / name for name in contents), *pictures]

    def _draw(self, folder: Path, gallery: Gallery) -> list[Path]:
        drawn = list(gallery.write(folder)) if gallery.best else []
        for result in self.results:
            if result.task == "semantic":
                with suppress(ImportError):
                    drawn.append(draw_confusion(result, folder / "confusion.png"))
        return drawn


def comparison(results: Sequence[Result], baselines: Mapping[str, Sequence[Result]]) -> list[str]:
    """A Markdown table of all numbers that baselines have too, one a line; nothing without baselines."""
    if not baselines:
        return []
    here = {(r.task, measure): value for r in results for measure, value in r.summary.items()}
    there = {
        (r.task, measure, name): value
        for name, found in baselines.items()
        for r in found
        for measure, value in r.summary.items()
    }
    table = [["", "here", *baselines]]
    for task, measure in dict.fromkeys(key[:2] for key in there):
        cells = [there.get((task, measure, name), math.nan) for name in baselines]
        table.append([f"{task}: {measure}", *map(show, [here.get((task, measure), math.nan), *cells])])
    return ["", "## Beside other parsers", "", *_markdown_table(table)]


def show(value: float) -> str:
    """A count as it is, a share with three decimals, '-' for an undefined one."""
    if isinstance(value, int):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.3f}"


def _numbers(results: Sequence[Result]) -> dict[str, Any]:
    """By task: the summary, and the rows by name and column."""
    return {
        result.task: {
            "summary": {name: _plain(value) for name, value in result.summary.items()},
            "rows": {
                name: dict(zip(result.columns, map(_plain, values), strict=True))
                for name, values in result.rows
            },
        }
        for result in results
    }


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
