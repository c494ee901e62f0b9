"""Parts against people: whose is what was found?

Letters: H, W picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE


@dataclass(frozen=True, slots=True)
class PartCount:
    """True parts, those of them that were found, and those of these that hang on the right person."""

    parts: int = 0
    found: int = 0
    right: int = 0

    def __add__(self, other: PartCount) -> PartCount:
        return PartCount(self.parts + other.parts, self.found + other.found, self.right + other.right)

    @property
    def right_of_found(self) -> float:
        """Share of the found parts that hang on the right person: grouping alone."""
        return self.right / self.found if self.found else float("nan")

    @property
    def right_of_all(self) -> float:
        """Share of all true parts that were found and hang on the right person."""
        return self.right / self.parts if self.parts else float("nan")


@dataclass(frozen=True, slots=True)
class PartRule:
    """When a true part counts (pixels), and when it counts as found (share of it that one segment covers)."""

    min_area: int = 100
    min_cover: float = 0.1


def count_parts(
    classes: NDArray[np.uint8],
    owner: NDArray[np.uint8],
    segment_map: NDArray[np.uint16],
    segments: Mapping[int, tuple[int, int]],
    rule: PartRule | None = None,
) -> dict[int, PartCount]:
    """Whose are the parts? Over one picture, by class.

    A true part is (true person, class other than background) of at least `min_area` pixels. Among the
    segments of that class, the one that covers most of the part speaks for it; the part is found if that is
    at least `min_cover` of it, and right if that segment hangs on the true person.

    classes, owner (H, W); segment_map (H, W) segment ids; segments: id -> (class, true person to whom the
    person that it hangs on was matched, 0 for none).
    """
    rule = rule or PartRule()
    counts: dict[int, PartCount] = {}
    for person in (int(i) for i in np.unique(owner) if i):
        for class_ in (int(c) for c in np.unique(classes[owner == person]) if c not in (0, IGNORE)):
            part = (owner == person) & (classes == class_)
            if np.count_nonzero(part) >= rule.min_area:
                count = _count_part(segment_map[part], class_, person, segments, rule)
                counts[class_] = counts.get(class_, PartCount()) + count
    return counts


def _count_part(
    covered: NDArray[np.uint16],
    class_: int,
    person: int,
    segments: Mapping[int, tuple[int, int]],
    rule: PartRule,
) -> PartCount:
    """Count one true part of class `class_` and true person `person`; covered (pixels of it,) segment ids."""
    ids, pixels = np.unique(covered, return_counts=True)
    candidates = [
        (int(n), int(i)) for i, n in zip(ids, pixels, strict=True) if i and segments[int(i)][0] == class_
    ]
    most, segment = max(candidates, default=(0, 0))
    if not segment or most < rule.min_cover * covered.size:
        return PartCount(parts=1)
    return PartCount(parts=1, found=1, right=int(segments[segment][1] == person))
