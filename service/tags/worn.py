"""One person's segments at a size that is quick to look at: where things are, as shares of their height."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.tags.seen import Parsing, Segment
from service.tags.windows import grown

Mask = NDArray[np.bool_]

LEAST_HEIGHT = 160
"""Pixels of a person's height below which nothing is read from it."""

_WORKING_HEIGHT = 640
_REACH = 0.008  # of the height: so near to a garment, another segment touches it
_AT_THE_FEET = 0.9  # of the height: shoes above that are carried, or the person is cut off


@dataclass(frozen=True)
class Worn:
    """What one person wears and shows. Everything in here comes of their own segments.

    ids (h, w): their segments alone, cropped to them and thinned out to at most 640 rows. Heights are
    shares of the person's: 0 is the highest row of what they wear and show, 1 the lowest.
    """

    segments: Sequence[Segment]
    ids: NDArray[np.uint16]
    height: int  # pixels of the picture itself

    @classmethod
    def of(cls, parsing: Parsing, person_id: int) -> Worn | None:
        """The person's; None where nothing of them is left in the map."""
        segments = [segment for segment in parsing.segments if segment.person_id == person_id]
        whole = parsing.segment_map
        own = np.zeros(int(whole.max(initial=0)) + 1, dtype=bool)
        own[[segment.id for segment in segments if segment.id < len(own)]] = True
        own[0] = False
        rows, columns = np.flatnonzero(own[whole].any(axis=1)), np.flatnonzero(own[whole].any(axis=0))
        if not rows.size:
            return None
        cropped = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        step = -(-len(cropped) // _WORKING_HEIGHT)
        thinned = cropped[::step, ::step]
        return cls(segments, np.where(own[thinned], thinned, 0).astype(np.uint16), len(cropped))

    def mask(self, segment: Segment) -> Mask:
        """Where a segment is (h, w)."""
        found: Mask = self.ids == segment.id
        return found

    def all(self, wanted: Callable[[Segment], bool]) -> Mask:
        """Where any of the wanted segments is (h, w)."""
        return np.isin(self.ids, [segment.id for segment in self.segments if wanted(segment)])

    def part(self, name: str) -> Mask:
        """Where a body part of this name is (h, w)."""
        return self.all(lambda segment: segment.taxonomy[-1:] == (name,))

    def span(self, mask: Mask, low: float, high: float) -> tuple[float, float]:
        """The heights between which the rows of a mask lie, from one quantile to the other."""
        rows = np.nonzero(mask)[0]
        first, last = np.quantile(rows, (low, high))
        return float(first) / len(self.ids), float(last) / len(self.ids)

    def area(self, mask: Mask) -> float:
        """A mask's area, in thousandths of the square of the height."""
        return 1000 * float(mask.sum()) / len(self.ids) ** 2

    def contact(self, mask: Mask, other: Mask) -> float:
        """How long a mask and another one touch, in hundredths of the height."""
        reach = max(2, round(_REACH * len(self.ids)))
        return 100 * float((other & grown(mask, reach)).sum()) / reach / len(self.ids)

    @cached_property
    def upright(self) -> bool:
        """Whether the whole figure is there, from the head to feet that are the lowest of it."""
        head = self.part("face") | self.part("hair")
        feet = self.all(_on_feet)
        if self.height < LEAST_HEIGHT or not head.any() or not feet.any():
            return False
        return self.span(head, 0, 1)[0] < 0.1 and self.span(feet, 0, 1)[1] > _AT_THE_FEET


def _on_feet(segment: Segment) -> bool:
    return segment.taxonomy[:1] == ("footwear",) or segment.taxonomy[-1:] == ("foot",)
