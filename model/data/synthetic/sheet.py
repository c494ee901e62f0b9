"""Contact sheets: scenes beside their truth, to be looked at."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.synthetic.scene import SYNTHETIC_CLASSES, SyntheticScene


def label_colors(count: int) -> NDArray[np.uint8]:
    """Well spread colours (count, 3), the first black."""
    hues = (np.arange(count) * 0.618) % 1
    table = [
        colorsys.hsv_to_rgb(h, 0.55 + 0.45 * (k % 2), 0.6 + 0.4 * (k % 3) / 2) for k, h in enumerate(hues)
    ]
    out = (np.array(table) * 255).astype(np.uint8)
    out[0] = 0
    return out


def row(scene: SyntheticScene) -> NDArray[np.uint8]:
    """Picture, classes, persons and the first person's texture map side by side (H, W', 3)."""
    height = scene.image.shape[0]
    classes = label_colors(len(SYNTHETIC_CLASSES))[scene.classes]
    persons = label_colors(16)[np.minimum(scene.persons, 15)]
    persons[scene.loose] = 128
    textures = [np.asarray(Image.fromarray(p.texture).resize((height, height), 0)) for p in scene.people[:1]]
    blank = [np.full((height, height, 3), 128, np.uint8)] * (1 - len(textures))
    return np.concatenate([scene.image, classes, persons, *textures, *blank], 1)


def write_sheet(scenes: Sequence[SyntheticScene], path: Path, columns: int = 2) -> None:
    """A picture of all the scenes; they must be of one size."""
    rows = [row(scene) for scene in scenes]
    while len(rows) % columns:
        rows.append(np.zeros_like(rows[0]))
    lines = [np.concatenate(rows[k : k + columns], 1) for k in range(0, len(rows), columns)]
    Image.fromarray(np.concatenate(lines)).save(path)
