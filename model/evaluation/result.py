"""What a measurement found, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Result:
    """What a task found: a few numbers by name, and a table of named rows.

    Shares lie in 0..1 as float, nan where undefined; counts are int. confusion (rows, rows): pixels by true
    and found class, in the order of the rows, where the task counted them.
    """

    task: str
    summary: dict[str, float]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[float, ...]], ...] = ()
    confusion: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)
