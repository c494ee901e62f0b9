"""Sums over the square around each pixel, each from one pass over the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def summed(values: NDArray[Any], radius: int) -> NDArray[np.float64]:
    """values (H, W) -> sums (H, W) over the square of `radius` around each pixel; outside all is 0."""
    side = 2 * radius + 1
    padded = np.pad(values.astype(np.float64), ((radius + 1, radius), (radius + 1, radius)))
    total = padded.cumsum(axis=0).cumsum(axis=1)
    sums: NDArray[np.float64] = (
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
    return sums


def grown(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """The mask (H, W) and all pixels whose square of `radius` meets it."""
    return summed(mask, radius) > 0.5


def shrunk(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """The pixels whose square of `radius` lies within the mask (H, W)."""
    return summed(mask, radius) > (2 * radius + 1) ** 2 - 0.5
