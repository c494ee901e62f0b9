"""A closer look: each of several people is read once more, alone and larger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.reading.people import find_bodies
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds

FINER = 2  # cells of the blended maps to a cell of the first look's, along each side


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, as shares of its height and width: from top to bottom, from left to right."""

    top: float
    bottom: float
    left: float
    right: float

    def within(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of maps or pixels of `size` (height, width) that it covers; at least one each."""
        return _span(self.top, self.bottom, size[0]), _span(self.left, self.right, size[1])


def _span(start: float, end: float, length: int) -> slice:
    first = min(round(start * length), length - 1)
    return slice(first, max(round(end * length), first + 1))


def windows(readout: Readout, thresholds: Thresholds) -> list[Window]:
    """Where each of several people is, with a margin around; none for one person, who fills the picture.

    Of more than `closer_most` people, the surest. A body of which hardly a cell is likely to be anything will
    be nobody in the answer (`person_named`), and is nobody here.
    """
    bodies = find_bodies(readout, thresholds)
    if bodies is None:
        return []
    strongest = bodies.logits.argmax(axis=0)
    something = (readout.dense[-1] < 0.5).cpu().numpy()
    own = [(mask > 0) & (strongest == number) for number, mask in enumerate(bodies.logits)]
    own = [cells for cells in own if something[cells].mean() >= thresholds.person_named]
    if len(own) < 2:
        return []
    height, width = strongest.shape
    down, across = readout.extent or (height, width)
    found = []
    for cells in own[: thresholds.closer_most]:
        rows, columns = np.nonzero(cells)
        top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        margin = thresholds.closer_margin * max(bottom - top, right - left)
        found.append(
            Window(
                max(0.0, (top - margin) / down),
                min(1.0, (bottom + margin) / down),
                max(0.0, (left - margin) / across),
                min(1.0, (right + margin) / across),
            )
        )
    return found


def blended(
    claims: Tensor, closer: Sequence[tuple[Window, Tensor]], extent: tuple[float, float] | None = None
) -> Tensor:
    """The mean of all that was said of each cell: (P, h, w) -> (P, FINER h, FINER w).

    claims: of the whole picture, which covers `extent` of the cells (`Readout`); closer: (P, h', w') of parts
    of it. Each look has the same say, wherever it looked.
    """
    size = (claims.shape[1] * FINER, claims.shape[2] * FINER)
    down, across = extent or claims.shape[1:]
    covered = (round(down * FINER), round(across * FINER))
    total = _resized(claims, size)
    looks = torch.ones(size, device=claims.device)
    for window, seen in closer:
        rows, columns = window.within(covered)
        total[:, rows, columns] += _resized(seen, (rows.stop - rows.start, columns.stop - columns.start))
        looks[rows, columns] += 1
    return total / looks


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]
