"""Skin, face, hair and clothes on points of the body: colour, class and how far the cloth stands off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.garment import Garment
from model.data.synthetic.noise import noise
from model.data.synthetic.points import PARTS, Floats, Points
from model.data.synthetic.scene import SYNTHETIC_CLASSES

_NAME_OF_PART = {
    "head": "face",
    "torso": "torso",
    "upper": "arm",
    "hand": "hand",
    "leg": "leg",
    "foot": "foot",
}
CLASS_OF_PART = np.array([SYNTHETIC_CLASSES.index(_NAME_OF_PART[part]) for part in PARTS], np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """skin, hair, lips, eyes (3,): colours; beard 0..1; seed of the noise."""

    skin: Floats
    hair: Floats
    lips: Floats
    eyes: Floats
    beard: float
    seed: float


def painted(points: Points, skin: Skin, garments: tuple[Garment, ...]) -> tuple[Floats, NDArray[np.uint8]]:
    """Colours (N, 3) and classes (N,) of points of a dressed body; later garments lie over earlier ones."""
    colors = skin_colors(points, skin)
    classes = CLASS_OF_PART[points.part]
    for garment in garments:
        if garment.cut is None:
            continue
        edge = garment.cut.inside(points)
        inside = edge > 0
        if inside.any():
            cloth = garment.fabric.color(points.pick(inside), edge[inside])
            colors[inside] = cloth + garment.fabric.sheer * (colors[inside] - cloth)
            classes[inside] = garment.id
    return colors, classes


def stand_off(points: Points, garment: Garment) -> Floats:
    """How far (N,) one garment stands off what is beneath it, in metres; 0 where it covers nothing."""
    out = np.zeros(len(points), np.float32)
    if garment.cut is None:
        return out
    inside = garment.cut.inside(points) > 0
    if inside.any():
        where, seed = points.values[inside, :3], garment.fabric.seed
        uneven = noise(where, seed + 2, (8, 8, 5)) + 0.6 * noise(where, seed + 4, (17, 17, 8))
        out[inside] = garment.thick * (1 + garment.rough * uneven)
    return out


def skin_colors(points: Points, skin: Skin) -> Floats:
    """Bare skin and a face (N, 3)."""
    where = points.values[:, :3]
    tone = 1 + 0.05 * noise(where, skin.seed, 30) + 0.04 * noise(where, skin.seed + 1, 9)
    colors = skin.skin * tone[:, None]
    x, y, z = np.abs(points.x), points.y, points.z
    face = points.on("head") & (y < -0.09)
    jaw = face | (points.on("head") & (y < -0.04))
    if skin.beard > 0:
        stubble = jaw & (z < 1.675) & ((z < 1.655) | (x > 0.03) | (z > 1.667))
        colors[stubble] += (skin.hair - colors[stubble]) * np.float32(skin.beard)
    colors[face & (np.hypot((x - 0.05) / 0.022, (z - 1.685) / 0.02) < 1)] *= (1.03, 0.94, 0.93)
    lips = face & (x < 0.024) & (np.abs(z - 1.66) < 0.009 * (1 - (x / 0.026) ** 2) + 0.001)
    colors[lips] = skin.lips
    colors[face & (np.hypot(x - 0.031, 1.9 * (z - 1.72)) < 0.013)] = (0.85, 0.84, 0.82)
    colors[face & (np.hypot(x - 0.031, z - 1.72) < 0.0065)] = skin.eyes
    colors[face & (np.abs(z - 1.7285 + 6 * (x - 0.031) ** 2) < 0.0022) & (np.abs(x - 0.031) < 0.017)] *= 0.35
    brow = face & (np.abs(z - 1.742 + 8 * (x - 0.033) ** 2) < 0.004) & (np.abs(x - 0.033) < 0.021)
    colors[brow] += (skin.hair - colors[brow]) * np.float32(0.8)
    return colors.astype(np.float32)
