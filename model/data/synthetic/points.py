"""Points of a body's surface, described in the rest pose of one reference body that all people share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

COLUMNS = ("x", "y", "z", "arm", "s", "t", "head", "torso", "upper", "hand", "leg", "foot")
"""Columns of a surface's attributes.

x to the body's left, y backwards, z up from the ground, in metres of the reference body (1.84 m tall). arm:
metres from the shoulder along the arm. s, t: metres along and up the cloth, for patterns. The rest: shares of
the parts of the body (torso includes the neck; upper is the arm without the hand), which sum to 1.
"""

WIDTH = len(COLUMNS)
PARTS = COLUMNS[6:]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Attributes (N, WIDTH) of surface points, and the part (N,) of the body that each belongs to."""

    values: Floats
    part: NDArray[np.intp]

    @classmethod
    def of(cls, values: Floats) -> Points:
        """Points with the part found from the shares."""
        return cls(values, values[:, 6:].argmax(1))

    def __len__(self) -> int:
        return len(self.values)

    def pick(self, mask: Mask) -> Points:
        """The points of a mask (N,) alone."""
        return Points(self.values[mask], self.part[mask])

    def on(self, *names: str) -> Mask:
        """Which points belong to any of these parts."""
        inside = self.part == PARTS.index(names[0])
        for name in names[1:]:
            inside |= self.part == PARTS.index(name)
        return inside

    @property
    def x(self) -> Floats:
        return self.values[:, 0]

    @property
    def y(self) -> Floats:
        return self.values[:, 1]

    @property
    def z(self) -> Floats:
        return self.values[:, 2]

    @property
    def arm(self) -> Floats:
        return self.values[:, 3]

    @property
    def s(self) -> Floats:
        return self.values[:, 4]

    @property
    def t(self) -> Floats:
        return self.values[:, 5]

    @property
    def front(self) -> Mask:
        """Which points lie on the front of trunk and legs."""
        return self.values[:, 1] < -0.02
