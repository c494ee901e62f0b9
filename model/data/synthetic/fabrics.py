"""Cloth: patterns, weaves and sewn details as functions of the place on the body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.data.synthetic.noise import noise
from model.data.synthetic.points import Floats, Points


@dataclass(frozen=True, slots=True, eq=False)
class Fabric:
    """A cloth: three colours (3,), a pattern's name and size (metres), a seed for its noise.

    weave: 'smooth', 'knit', 'denim' or 'leather'. details: sewn things, by name. folds: how deep light and
    shade of the folds are, 0..1.
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
    return 0.7 * noise(where, seed, (9, 9, 5)) + 0.4 * noise(where, seed + 3, (22, 22, 9))


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


def _buttons(fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    front = points.front & points.on("torso")
    colors[front & (np.abs(np.abs(points.x) - 0.016) < 0.003)] *= 0.8
    dot = (np.abs(points.x) < 0.007) & ((points.z % 0.09) < 0.014)
    colors[front & dot] = fabric.third


def _collar(fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    """Two flaps beside the neck, and the stand around it."""
    flap = points.front & (points.z > 1.475) & (np.abs(np.abs(points.x) - 0.05) < 0.026)
    rim = points.front & (points.z > 1.463) & (np.abs(np.abs(points.x) - 0.05) < 0.034) & ~flap
    colors[flap] = np.clip(colors[flap] * 1.12 + 0.03, 0, 1)
    colors[rim & points.on("torso")] *= 0.72


def _lapels(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    """Turned-back fronts of a blazer: a darker line from the neck to the button."""
    reach = 0.03 + 0.35 * np.clip(points.z - 1.22, 0, 0.3)
    inside = points.front & points.on("torso") & (points.z > 1.22) & (np.abs(points.x) < reach)
    colors[inside] *= 1.12
    line = points.front & (points.z > 1.22) & (np.abs(np.abs(points.x) - reach) < 0.007)
    colors[line & points.on("torso")] *= 0.55


def _zip(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    line = points.front & points.on("torso") & (np.abs(points.x) < 0.008)
    colors[line] = 0.5 * colors[line] + 0.3


def _pockets(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    """Slanted pockets beside the hips."""
    slant = np.abs(np.abs(points.x) - 0.115 - 0.5 * (1.03 - points.z)) < 0.005
    colors[points.front & slant & (points.z < 1.03) & (points.z > 0.93)] *= 0.6


def _fly(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    line = points.front & (np.abs(points.x - 0.012) < 0.004) & (points.z > 0.9)
    colors[line] *= 0.6
    crease = (points.z < 0.86) & points.front & (np.abs(np.abs(points.x) - 0.135) < 0.006)
    colors[crease] *= 1.1


def _pouch(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    """The front pocket of a hoodie, and its strings."""
    out = np.maximum(np.abs(points.x) - 0.09, np.abs(points.z - 1.1) - 0.06)
    front = points.front & points.on("torso")
    colors[front & (np.abs(out) < 0.005)] *= 0.6
    strings = front & (np.abs(np.abs(points.x) - 0.03) < 0.005) & (points.z > 1.33) & (points.z < 1.5)
    colors[strings] = 0.8


def _ribbing(_fabric: Fabric, points: Points, edge: Floats, colors: Floats) -> None:
    """Tighter knit at hem, cuffs and neck."""
    colors[edge < 0.045] *= 0.84


def _buckle(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    colors[points.front & (np.abs(points.x) < 0.025)] = (0.72, 0.66, 0.45)


def _sole(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    colors[points.z < 0.022] = (0.88, 0.87, 0.84)


def _dark_sole(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    colors[points.z < 0.016] *= 0.4


def _laces(_fabric: Fabric, points: Points, _edge: Floats, colors: Floats) -> None:
    top = (points.z > 0.045) & (points.y < -0.06) & (points.y > -0.15) & ((points.y % 0.02) < 0.009)
    colors[top] = 0.85


def _border(fabric: Fabric, _points: Points, edge: Floats, colors: Floats) -> None:
    colors[edge < 0.05] = fabric.third


def _frames(_fabric: Fabric, points: Points, edge: Floats, colors: Floats) -> None:
    """Clear lenses: skin and an eye seen through them."""
    colors[edge > 0.005] = np.clip(0.35 + 0.5 * colors[edge > 0.005], 0, 1)


DETAILS: dict[str, Callable[[Fabric, Points, Floats, Floats], None]] = {
    "buttons": _buttons,
    "collar": _collar,
    "lapels": _lapels,
    "zip": _zip,
    "pockets": _pockets,
    "fly": _fly,
    "pouch": _pouch,
    "ribbing": _ribbing,
    "buckle": _buckle,
    "sole": _sole,
    "dark sole": _dark_sole,
    "laces": _laces,
    "border": _border,
    "frames": _frames,
}
