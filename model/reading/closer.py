"""A closer look: each of several people, and who is small, is read once more, alone and larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model.reading.people import find_bodies
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds

FINEST = 4  # cells of the blended maps to a cell of the first look's, along each side, at most


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a picture, as shares of its height and width: from top to bottom, from left to right.

    whose (h, w): the first look's cells that are nearer to the person it is at than to anyone else; None
    where there is nobody else.
    """

    top: float
    bottom: float
    left: float
    right: float
    whose: NDArray[np.bool_] | None = None

    @property
    def area(self) -> float:
        """Its share of the picture."""
        return (self.bottom - self.top) * (self.right - self.left)

    def within(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of maps or pixels of `size` (height, width) that it covers; at least one each."""
        return _span(self.top, self.bottom, size[0]), _span(self.left, self.right, size[1])


def _span(start: float, end: float, length: int) -> slice:
    first = min(round(start * length), length - 1)
    return slice(first, max(round(end * length), first + 1))


def windows(readout: Readout, thresholds: Thresholds) -> list[Window]:
    """Where each of several people is, with a margin around; of one person only who is small in the picture.

    Of more than `closer_most` people, the surest. A body of which hardly a cell is likely to be anything will
    be nobody in the answer (`person_named`), and is nobody here.
    """
    bodies = find_bodies(readout, thresholds)
    if bodies is None:
        return []
    strongest = bodies.logits.argmax(axis=0)
    something = (readout.dense[-1] < 0.5).cpu().numpy()
    found = []
    for number, mask in enumerate(bodies.logits):
        cells = (mask > 0) & (strongest == number)
        if something[cells].mean() >= thresholds.person_named:
            found.append(_window(cells, strongest == number, readout, thresholds))
    if len(found) > 1:
        return found[: thresholds.closer_most]
    return [replace(one, whose=None) for one in found if one.area < thresholds.closer_small]


def _window(
    cells: NDArray[np.bool_], whose: NDArray[np.bool_], readout: Readout, thresholds: Thresholds
) -> Window:
    down, across = readout.extent or cells.shape
    rows, columns = np.nonzero(cells)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    margin = thresholds.closer_margin * max(bottom - top, right - left)
    return Window(
        max(0.0, (top - margin) / down),
        min(1.0, (bottom + margin) / down),
        max(0.0, (left - margin) / across),
        min(1.0, (right + margin) / across),
        whose,
    )


def blended(
    claims: Tensor,
    closer: Sequence[tuple[Window, Tensor]],
    extent: tuple[float, float] | None = None,
    weight: float = 1.0,
) -> Tensor:
    """The mean of all that was said of each cell: (P, h, w) -> (P, F h, F w), F as the finest look asks.

    claims: of the whole picture, which covers `extent` of the cells (`Readout`); closer: (P, h', w') of parts
    of it. A closer look counts as `weight` first ones on cells of the person it is at, and of nobody else's:
    whom its window cuts off it knows less well than the look that is at them.
    """
    extent = extent or (claims.shape[1], claims.shape[2])
    finer = _finer(closer, extent)
    size = (claims.shape[1] * finer, claims.shape[2] * finer)
    covered = (round(extent[0] * finer), round(extent[1] * finer))
    total = _resized(claims, size)
    counts = torch.ones(size, device=claims.device)
    for window, seen in closer:
        rows, columns = window.within(covered)
        count = torch.full_like(counts[rows, columns], weight)
        if window.whose is not None:
            whose = torch.from_numpy(window.whose).to(claims.device, claims.dtype)
            count *= _resized(whose[None], size)[0, rows, columns]
        total[:, rows, columns] += count * _resized(seen, (count.shape[0], count.shape[1]))
        counts[rows, columns] += count
    return total.div_(counts)


def _finer(closer: Sequence[tuple[Window, Tensor]], extent: tuple[float, float]) -> int:
    """How many cells of the closest look fit beside each other into one of the first, in 1..FINEST."""
    closest = max(seen.shape[1] / ((window.bottom - window.top) * extent[0]) for window, seen in closer)
    return min(FINEST, max(1, math.ceil(closest - 0.05)))


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]
