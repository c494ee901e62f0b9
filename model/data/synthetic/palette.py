"""Colours by name, of cloth, skin and hair, in sRGB 0..1."""

from __future__ import annotations

import numpy as np

from model.data.synthetic.points import Floats

CLOTH: dict[str, tuple[int, int, int]] = {
    "black": (24, 24, 27),
    "white": (236, 235, 231),
    "grey": (130, 130, 131),
    "red": (182, 38, 44),
    "blue": (52, 86, 168),
    "navy": (29, 37, 72),
    "green": (58, 112, 66),
    "brown": (106, 70, 44),
    "beige": (206, 182, 147),
    "pink": (226, 150, 171),
    "yellow": (226, 196, 62),
    "purple": (112, 60, 132),
}

SKIN = ((232, 198, 174), (224, 184, 154), (215, 165, 128), (186, 131, 95), (141, 94, 66), (94, 62, 45))

HAIR: dict[str, tuple[int, int, int]] = {
    "black": (22, 19, 18),
    "brown": (67, 43, 28),
    "chestnut": (101, 59, 34),
    "blond": (196, 160, 101),
    "red": (138, 62, 29),
    "grey": (150, 147, 143),
}


def named(name: str) -> Floats:
    """A cloth's colour (3,) as it is."""
    return (np.array(CLOTH[name]) / 255).astype(np.float32)


def near(rgb: tuple[int, int, int], rng: np.random.Generator, spread: float = 0.035) -> Floats:
    """A colour (3,) close to `rgb`: a little lighter or darker, a little off in hue."""
    color = np.array(rgb, np.float32) / 255
    grey = np.float32(color.mean())
    color = grey + (color - grey) * np.float32(rng.uniform(0.7, 1.1))
    moved = color * np.float32(rng.uniform(0.8, 1.12)) + rng.normal(0, spread, 3).astype(np.float32)
    return np.clip(moved, 0.03, 0.95).astype(np.float32)
