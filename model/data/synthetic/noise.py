"""Smooth noise in space, the same in every process."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

from model.data.synthetic.points import Floats

SIDE = 32


@cache
def _lattice() -> Floats:
    # The lattice is fixed; a garment's own noise is a shifted look into it.
    return np.random.default_rng(20).random((SIDE, SIDE, SIDE)).astype(np.float32)


def noise(where: Floats, offset: float, per_metre: float | tuple[float, float, float]) -> Floats:
    """Noise (N,) in -1..1 at points (N, 3), with so many bumps a metre, shifted by `offset`."""
    coordinates = (where * np.asarray(per_metre, np.float32)).T + np.float32(offset * 7.31)
    values = ndimage.map_coordinates(_lattice(), coordinates, order=1, mode="grid-wrap")
    return (2 * values - 1).astype(np.float32)
