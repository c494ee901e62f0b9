"""Cuts: which part of the body a garment covers, as metres inside of its edge (negative outside).

All heights are those of the reference body: ankle .08, knee .53, crotch .86, hips .98, waist 1.16, armpit
1.38, shoulders 1.5, neck 1.57, eyes 1.72, top 1.84 m; the arm is .54 m long to the wrist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from model.data.synthetic.points import Floats, Points

OUTSIDE = np.float32(-1.0)


NECKS = {
    "crew": (1.535, 0.08),
    "v": (1.54, 0.08),
    "scoop": (1.53, 0.105),
    "square": (1.53, 0.1),
    "boat": (1.525, 0.125),
    "high": (1.64, 0.08),
    "shirt": (1.575, 0.075),
}
"""Height of each neckline beside the neck, and half its width."""


class Cut(Protocol):
    """A shape cut out of the body's surface."""

    def inside(self, points: Points) -> Floats:
        """Metres (N,) from each point to the garment's edge, negative where it is not covered."""
        ...


@dataclass(frozen=True, slots=True)
class Upper:
    """A garment of trunk and arms.

    hem: height of its lower edge (below the crotch it covers the legs too). sleeve: metres along the arm, 0
    none. neck: 'crew', 'v', 'scoop', 'square', 'boat', 'high', 'shirt' or 'strapless'; depth: how deep the
    front of the neckline goes below a crew neck. open: half the width of an open front, 0 closed; spread: how
    much wider it opens at the hem. shoulder: half the width where straps end, for garments without sleeves.
    """

    hem: float
    sleeve: float = 0.0
    neck: str = "crew"
    depth: float = 0.0
    open: float = 0.0
    spread: float = 0.0
    shoulder: float = 0.2

    def inside(self, points: Points) -> Floats:
        x, y, z = np.abs(points.x), points.y, points.z
        trunk = np.minimum(z - self.hem, self._below_neck(x, y, z))
        if self.sleeve <= 0:
            trunk = np.where(z > 1.36, np.minimum(trunk, self.shoulder - x), trunk)
        if self.open > 0:
            front = (y < 0.0) & points.on("torso", "leg")
            width = self.open + self.spread * np.clip(1.5 - z, 0, 1.5)
            trunk = np.where(front, np.minimum(trunk, x - width), trunk)
        arm = self.sleeve - points.arm if self.sleeve > 0 else np.full(len(points), OUTSIDE)
        below = trunk if self.hem < 0.95 else np.minimum(trunk, z - self.hem)
        result = np.where(points.on("upper", "hand"), arm, np.where(points.on("leg"), below, trunk))
        return np.where(points.on("head", "foot"), OUTSIDE, result).astype(np.float32)

    def _below_neck(self, x: Floats, y: Floats, z: Floats) -> Floats:
        if self.neck == "strapless":
            return (1.40 + 0.03 * np.cos(x * 30) - z).astype(np.float32)
        base, width = NECKS[self.neck]
        # The neckline is a plane that rises towards the back (y > 0), cut deeper in front; beside the neck,
        # the shoulders are covered.
        line = base + 0.45 * y
        share = np.clip(x / width, 0, 1)
        if self.neck == "scoop":
            shape = np.sqrt(1 - share**2)
        elif self.neck == "square":
            shape = (share < 1).astype(np.float32)
        else:
            shape = 1 - share
        depth = self.depth if self.neck in ("v", "scoop", "square", "shirt") else 0.0
        below = np.where(y < 0.0, line - depth * shape - z, line - z)
        return np.where(z > 1.45, np.maximum(below, np.minimum(x - width, 1.56 - z)), below).astype(
            np.float32
        )


@dataclass(frozen=True, slots=True)
class Lower:
    """A garment of hips and legs, from `waist` down to `hem`; feet are covered where `feet`."""

    waist: float
    hem: float
    feet: bool = False
    slant: float = 0.0

    def inside(self, points: Points) -> Floats:
        z = points.z
        distance = np.minimum(self.waist - z, z - self.hem - self.slant * points.x)
        if self.feet:
            distance = np.where(points.on("foot"), 0.2, distance)
        elif self.hem > 0.09:
            distance = np.where(points.on("foot"), OUTSIDE, distance)
        return np.where(points.on("head", "upper", "hand"), OUTSIDE, distance).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Foot:
    """Something on the feet up to `top`; `low` leaves the instep bare, `straps` is bare between straps."""

    top: float
    low: bool = False
    straps: bool = False
    bottom: float = -1.0

    def inside(self, points: Points) -> Floats:
        z, y = points.z, points.y
        distance = np.minimum(self.top - z, z - self.bottom)
        if self.low:
            instep = np.minimum(0.055 - z + 0.35 * np.maximum(-0.11 - y, 0), self.top - z)
            heel = self.top - z + np.where(y > 0.0, 0.02, 0)
            distance = np.where(y > 0.0, heel, np.minimum(distance, instep))
        if self.straps:
            band = ((y > -0.17) & (y < -0.12)) | (z < 0.02) | ((z > 0.075) & (z < 0.1))
            distance = np.where(band, 0.008, OUTSIDE)
            distance = np.where(z < self.top, distance, OUTSIDE)
        return np.where(points.on("foot", "leg"), distance, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Band:
    """Everything on the trunk between two heights: belts, sashes."""

    low: float
    high: float

    def inside(self, points: Points) -> Floats:
        distance = np.minimum(points.z - self.low, self.high - points.z)
        return np.where(points.on("torso", "leg"), distance, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Wrist:
    """A stretch of the arm, in metres from the shoulder; side 1 left, -1 right, 0 both."""

    start: float
    end: float
    side: int = 0

    def inside(self, points: Points) -> Floats:
        distance = np.minimum(points.arm - self.start, self.end - points.arm)
        there = points.on("upper", "hand") & (points.x * self.side >= 0)
        return np.where(there, distance, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Scalp:
    """Hair, or a cap: the head above a line that falls from the forehead to the nape."""

    front: float
    back: float
    sides: float = 0.0

    def inside(self, points: Points) -> Floats:
        share = np.clip((points.y + 0.135) / 0.16, 0, 1)
        line = self.front + (self.back - self.front) * share**0.8 - self.sides * (share > 0.3) * (share < 0.6)
        return np.where(points.on("head") | (points.z > 1.63), points.z - line, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Eyewear:
    """Two lenses of a radius, the bridge between them and the arms to the ears."""

    radius: float

    def inside(self, points: Points) -> Floats:
        x, z = np.abs(points.x), points.z
        lens = self.radius - np.hypot(x - 0.034, 1.25 * (z - 1.715))
        bridge = 0.004 - np.maximum(np.abs(z - 1.722), x - 0.03)
        arms = np.where(x > 0.06, 0.004 - np.abs(z - 1.722), OUTSIDE)
        front = np.where(points.y < -0.1, np.maximum(lens, bridge), OUTSIDE)
        side = np.where((points.y < -0.03) & (points.y > -0.13), arms, OUTSIDE)
        return np.where(points.on("head"), np.maximum(front, side), OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Panel:
    """A piece hung on the front (or the back): a bib or an apron, with straps over the shoulders."""

    low: float
    high: float
    half: float
    bib: float
    straps: bool = True
    back: bool = False

    def inside(self, points: Points) -> Floats:
        x, z = np.abs(points.x), points.z
        half = np.where(z > 1.16, self.bib, self.half)
        panel = np.minimum(np.minimum(z - self.low, self.high - z), half - x)
        side = points.y > 0 if self.back else points.y < 0.0
        distance = np.where(side & points.on("torso", "leg"), panel, OUTSIDE)
        if self.straps:
            strap = np.where(z > self.high - 0.02, 0.022 - np.abs(x - self.bib + 0.02), OUTSIDE)
            distance = np.maximum(distance, np.where(points.on("torso") & (z < 1.55), strap, OUTSIDE))
        return distance.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Sash:
    """A band over one shoulder (side 1 left, -1 right) to the other hip, front and back."""

    half: float
    side: int = 1
    low: float = 0.95

    def inside(self, points: Points) -> Floats:
        # The band's middle runs from the hip (x = -side * .16, z = 1.0) to the shoulder (side * .1, 1.5).
        x = points.x * self.side
        middle = -0.16 + (points.z - 1.0) * (0.26 / 0.5)
        distance = np.minimum(self.half - np.abs(x - middle) * 0.86, points.z - self.low)
        return np.where(points.on("torso") & (points.z < 1.56), distance, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Union:
    """What any of several cuts covers."""

    cuts: tuple[Cut, ...]

    def inside(self, points: Points) -> Floats:
        distance = self.cuts[0].inside(points)
        for cut in self.cuts[1:]:
            distance = np.maximum(distance, cut.inside(points))
        return distance
