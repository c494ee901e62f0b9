"""What a measurement found, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """What a task found: a few numbers by name, and a table of named rows.

    Shares lie in 0..1 as float, nan where undefined; counts are int.
    """

    task: str
    summary: dict[str, float]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[float, ...]], ...] = ()
