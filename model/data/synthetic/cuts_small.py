"""Cuts of small things: necklaces, the ends of scarves, straps, ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.data.synthetic.cuts import OUTSIDE, Upper
from model.data.synthetic.points import Floats, Points


@dataclass(frozen=True, slots=True)
class Ring:
    """A line around the neck that hangs `depth` metres in front."""

    depth: float

    def inside(self, points: Points) -> Floats:
        outer = Upper(1.0, 0, "v", self.depth, shoulder=9).inside(points)
        inner = Upper(1.0, 0, "v", self.depth + 0.016, shoulder=9).inside(points)
        return np.where((outer > 0) & (inner < 0), 0.007, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Ends:
    """The roll of a scarf on the neck and its ends, bands `half` wide beside the middle down to `hem`."""

    half: float
    hem: float
    side: int
    both: bool

    def inside(self, points: Points) -> Floats:
        x = np.abs(points.x) if self.both else points.x * self.side
        band = np.minimum(self.half - np.abs(x - 0.055), points.z - self.hem)
        front = (points.y < 0) & (points.z < 1.56)
        neck = np.minimum(points.z - 1.525, 1.6 - points.z)
        distance = np.maximum(np.where(front, band, OUTSIDE), neck)
        return np.where(points.on("torso", "leg"), distance, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Strap:
    """A strap from the shoulder of a side (1 left, -1 right) straight down to the hip."""

    side: int

    def inside(self, points: Points) -> Floats:
        middle = 0.115 + 0.08 * np.clip(1.35 - points.z, 0, 1)
        band = 0.014 - np.abs(points.x * self.side - middle)
        there = points.on("torso") & (points.z > 1.0) & (points.z < 1.56)
        return np.where(there, band, OUTSIDE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Tie:
    """A tie from the collar down to `hem`, wider below."""

    hem: float

    def inside(self, points: Points) -> Floats:
        half = 0.014 + 0.03 * np.clip((1.5 - points.z) / 0.4, 0, 1)
        band = np.minimum(half - np.abs(points.x), points.z - self.hem)
        there = points.on("torso") & (points.y < 0) & (points.z < 1.53)
        return np.where(there, band, OUTSIDE).astype(np.float32)
