"""Cloth: patterns, weaves and sewn details as functions of the place on the body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.data.synthetic.details import DETAILS
from model.data.synthetic.noise import noise
from model.data.synthetic.points import Floats, Points


@dataclass(frozen=True, slots=True, eq=False)
class Fabric:
    """A cloth: three colours (3,), a pattern's name and size (metres), a seed for its noise.

    weave: 'smooth', 'knit', 'denim' or 'leather'. details: sewn things, by name. folds: how deep light and
    shade of the folds are, 0..1. sheer: how much of what is beneath shows through, 0..1.
    """

    first: Floats
    second: Floats
    third: Floats
    pattern: str
    size: float
    seed: float
    weave: str = "smooth"
    details: frozenset[str] = frozenset()
    folds: float = 0.1
    sheer: float = 0.0

    def color(self, points: Points, edge: Floats) -> Floats:
        """Colours (N, 3) at points whose distance to the garment's edge is `edge` (N,) metres."""
        colors = PATTERNS[self.pattern](self, points).copy()
        for name in sorted(self.details):
            DETAILS[name](self, points, edge, colors)
        shade = 1 + self.folds * _folds(points, self.seed) + WEAVES[self.weave](self, points)
        # A hem is folded over: a thin darker line.
        shade *= np.where((edge > 0.012) & (edge < 0.018), 0.88, 1.0)
        return np.clip(colors * shade[:, None], 0, 1).astype(np.float32)

    def mixed(self, share: Floats, other: Floats | None = None) -> Floats:
        """First colour where `share` (N,) is 0, the other (the second) where it is 1."""
        other = self.second if other is None else other
        return self.first + (other - self.first) * share[:, None]


def _folds(points: Points, seed: float) -> Floats:
    where = points.values[:, :3]
    soft = noise(where, seed, (9, 9, 5))
    creases = 1 - 3 * np.abs(noise(where + 0.03 * soft[:, None], seed + 3, (13, 13, 6)))
    return (0.6 * soft + 0.5 * creases.clip(-0.5, 1)).astype(np.float32)


def _plain(fabric: Fabric, points: Points) -> Floats:
    return np.broadcast_to(fabric.first, (len(points), 3))


def _striped(fabric: Fabric, points: Points) -> Floats:
    return fabric.mixed(_band(points.t, fabric.size))


def _pinstriped(fabric: Fabric, points: Points) -> Floats:
    return fabric.mixed(_band(points.s, fabric.size, 0.2))


def _band(where: Floats, period: float, share: float = 0.5) -> Floats:
    return ((where / period) % 1 < share).astype(np.float32)


def _checked(fabric: Fabric, points: Points) -> Floats:
    across, up = _band(points.s, fabric.size), _band(points.t, fabric.size)
    colors = fabric.mixed(0.5 * (across + up))
    line = np.maximum(
        _band(points.s + 0.3 * fabric.size, fabric.size, 0.1), _band(points.t, fabric.size, 0.1)
    )
    return colors + (fabric.third - colors) * 0.6 * line[:, None]


def _dotted(fabric: Fabric, points: Points) -> Floats:
    row = np.floor(points.t / fabric.size)
    a = (points.s / fabric.size + 0.5 * (row % 2)) % 1 - 0.5
    b = (points.t / fabric.size) % 1 - 0.5
    return fabric.mixed((a * a + b * b < 0.07).astype(np.float32))


def _floral(fabric: Fabric, points: Points) -> Floats:
    where, rate = points.values[:, :3], 1.2 / fabric.size
    blobs = noise(where, fabric.seed, rate)
    leaves = noise(where, fabric.seed + 5, rate)
    colors = fabric.mixed((leaves > 0.3).astype(np.float32), fabric.third)
    colors[blobs > 0.25] = fabric.second
    colors[blobs > 0.55] = 0.5 * fabric.second + 0.5
    return colors


def _camouflage(fabric: Fabric, points: Points) -> Floats:
    field = noise(points.values[:, :3], fabric.seed, 0.6 / fabric.size)
    other = noise(points.values[:, :3], fabric.seed + 9, 0.6 / fabric.size)
    colors = fabric.mixed((field > 0.1).astype(np.float32))
    colors[other > 0.25] = fabric.third
    return colors


def _printed(fabric: Fabric, points: Points) -> Floats:
    """A picture on the chest."""
    x, z = points.x / 0.09, (points.z - 1.36) / (0.05 + fabric.size)
    inside = (np.abs(x) < 1) & (np.abs(z) < 1) & (points.y < -0.03)
    field = noise(points.values[:, :3], fabric.seed, 25)
    colors = fabric.mixed(np.zeros(len(points), np.float32))
    colors[inside & (field > -0.1)] = fabric.second
    colors[inside & (field > 0.35)] = fabric.third
    return colors


def _blocked(fabric: Fabric, points: Points) -> Floats:
    return fabric.mixed((points.t < 1.05 + 2 * fabric.size).astype(np.float32))


def _bordered(fabric: Fabric, points: Points) -> Floats:
    """Plain cloth with small golden figures, as of a draped cloth."""
    row = np.floor(points.t / fabric.size)
    a = (points.s / fabric.size + 0.5 * (row % 2)) % 1 - 0.5
    b = (points.t / fabric.size) % 1 - 0.5
    return fabric.mixed(((np.abs(a) + np.abs(b)) < 0.2).astype(np.float32), fabric.third)


PATTERNS: dict[str, Callable[[Fabric, Points], Floats]] = {
    "plain": _plain,
    "striped": _striped,
    "pinstriped": _pinstriped,
    "checked": _checked,
    "dotted": _dotted,
    "floral": _floral,
    "camouflage": _camouflage,
    "printed": _printed,
    "two-tone": _blocked,
    "bordered": _bordered,
}


def _smooth(fabric: Fabric, points: Points) -> Floats:
    return 0.03 * noise(points.values[:, :3], fabric.seed + 1, 130)


def _knit(_fabric: Fabric, points: Points) -> Floats:
    ribs = np.sin(points.s * (2 * np.pi / 0.014)) + 0.6 * np.sin(points.t * (2 * np.pi / 0.011))
    return (0.10 * ribs).astype(np.float32)


def _denim(fabric: Fabric, points: Points) -> Floats:
    """Twill grain, and legs that are worn lighter along the front of the thighs."""
    worn = np.exp(-(((np.abs(points.x) - 0.12) / 0.05) ** 2) - ((points.z - 0.7) / 0.22) ** 2)
    grain = 0.10 * noise(points.values[:, :3], fabric.seed + 1, (160, 160, 60))
    seam = -0.25 * ((np.abs(np.abs(points.x) - 0.185) < 0.006) & (points.z < 1.0))
    return (0.35 * worn * (points.y < 0) + grain + seam).astype(np.float32)


def _leather(fabric: Fabric, points: Points) -> Floats:
    field = noise(points.values[:, :3], fabric.seed + 1, (18, 18, 12))
    return (0.9 * np.maximum(field - 0.25, 0) ** 1.2).astype(np.float32)


def _strands(fabric: Fabric, points: Points) -> Floats:
    """Hair: fine streaks that run down."""
    where = points.values[:, :3]
    return 0.25 * noise(where, fabric.seed, (90, 90, 4)) + 0.15 * noise(where, fabric.seed + 1, (40, 40, 9))


WEAVES: dict[str, Callable[[Fabric, Points], Floats]] = {
    "smooth": _smooth,
    "knit": _knit,
    "denim": _denim,
    "leather": _leather,
    "strands": _strands,
}
