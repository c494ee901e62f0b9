"""A pinhole camera at eye level, and where people stand before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.points import Floats

TALL = 1.88
"""Metres of a rather tall person, who should fit into the picture."""


@dataclass(frozen=True, slots=True)
class Camera:
    """Stands at (0, 0, height) metres and looks along +y, turned down by `pitch` radians.

    focal: in units of the picture's height.
    """

    height: float
    pitch: float
    focal: float

    def directions(self, size: tuple[int, int], samples: int = 1) -> Floats:
        """Directions (H * samples, W * samples, 3) of rays through a picture of a size (height, width)."""
        rows, columns = size[0] * samples, size[1] * samples
        y = (np.arange(rows, dtype=np.float32) + 0.5) / rows - 0.5
        x = ((np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5) * (size[1] / size[0])
        out = np.empty((rows, columns, 3), np.float32)
        cos, sin = np.float32(np.cos(self.pitch)), np.float32(np.sin(self.pitch))
        out[..., 0] = x[None, :]
        out[..., 1] = (self.focal * cos - y * sin)[:, None]
        out[..., 2] = (-self.focal * sin - y * cos)[:, None]
        return out / np.linalg.norm(out, axis=-1, keepdims=True)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where somebody stands: x to the right, y away from the camera (metres), turned by `yaw` radians."""

    x: float
    y: float
    yaw: float

    @property
    def turn(self) -> NDArray[np.float32]:
        """The turn about the vertical (3, 3)."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)

    @property
    def shift(self) -> NDArray[np.float32]:
        """The place on the ground (3,)."""
        return np.array([self.x, self.y, 0], np.float32)


def drawn_yaw(rng: np.random.Generator) -> float:
    """Mostly towards the camera, sometimes from the side or the back."""
    kind = rng.random()
    if kind < 0.72:
        return float(rng.normal(0, 0.35))
    return float(rng.uniform(-np.pi, np.pi)) if kind < 0.9 else float(np.pi + rng.normal(0, 0.4))


def drawn_view(
    rng: np.random.Generator, size: tuple[int, int], people: int, portrait: bool
) -> tuple[Camera, list[Place]]:
    """A camera, and places in which so many people fit into its picture."""
    aspect = size[1] / size[0]
    focal = float(rng.uniform(1.1, 2.6))
    if portrait:
        share = float(rng.uniform(0.82, 0.98) if rng.random() < 0.7 else rng.uniform(1.0, 1.7))
    else:
        # So many bodies, each about a third as wide as tall, hide one another by half at most.
        most = min(0.92, 1.45 * aspect / (0.33 * people)) if people > 1 else 0.92
        share = float(rng.uniform(0.62, 1.0) * most)
    distance = focal * TALL / share
    height = float(rng.uniform(1.0, 1.7))
    middle = TALL / 2 if share <= 1 else float(rng.uniform(0.75, 1.2))
    tilt = rng.normal(0, 0.01) + rng.uniform(-0.5, 0.5) * max(0.0, 1 - share) * 0.6 / focal
    camera = Camera(height, float(np.arctan2(height - middle, distance) + tilt), focal)
    span = aspect * distance / focal
    return camera, _places(rng, people, span, distance, portrait)


def _places(
    rng: np.random.Generator, people: int, span: float, distance: float, portrait: bool
) -> list[Place]:
    places = []
    order = rng.permutation(people)
    for k in range(people):
        depth = distance * (1 + (0 if people == 1 else float(rng.uniform(0, 0.35)) * (order[k] % 3) / 1.5))
        if people == 1:
            reach = 0.06 if portrait else max(0.0, 0.5 - 0.33 / span)
            x = float(rng.uniform(-reach, reach)) * span
        else:
            slot = (k + 0.5 + float(rng.uniform(-0.22, 0.22))) / people - 0.5
            x = slot * max(span * 0.92 - 0.4, 0.4) * depth / distance
        places.append(Place(x, depth, drawn_yaw(rng)))
    return places
