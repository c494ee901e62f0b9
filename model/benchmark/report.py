"""A benchmark's outcome: JSON for programs, a table for people."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.evaluation.hardware import cores, hardware

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What was measured: `rows` of equal keys, and what the reader has to know beside them."""

    form: str
    command: str
    machine: dict[str, str]
    rows: list[Row]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def json(self) -> str:
        """Everything, indented."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def text(self) -> str:
        """Machine, facts, table and notes."""
        told = {**self.machine, **self.facts}
        head = [f"{name}: {value}" for name, value in told.items() if not isinstance(value, (dict, list))]
        return "\n".join([*head, "", table(self.rows), "", *self.notes]).rstrip() + "\n"

    def write(self, path: Path | None) -> None:
        """The JSON to a file, where one is named."""
        if path is not None:
            path.write_text(self.json(), encoding="utf-8")


def machine(device: str) -> dict[str, str]:
    """What the figures were taken on, and whether it had anything else to do."""
    load = os.getloadavg()[0]
    busy = load > 0.5
    told = hardware(device)
    told["others"] = (
        f"the machine was busy: load {load:.1f} before the start, {cores()} core(s) for this program"
        if busy
        else "the machine was idle before the start"
    )
    return told


def table(rows: Sequence[Row]) -> str:
    """The rows in columns, numbers to the right; columns by the first row, nested values left out."""
    if not rows:
        return "(nothing)"
    names = [name for name, value in rows[0].items() if not isinstance(value, (dict, list, tuple))]
    cells = [[cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    numeric = [
        all(isinstance(row.get(name), (int, float)) or row.get(name) is None for row in rows)
        for name in names
    ]
    lines = [names, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def cell(value: Any) -> str:
    """A figure as a table shows it: three digits where there is a fraction, a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return (
            f"{value:.3g}" if abs(value) < 10 else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"
        )
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
