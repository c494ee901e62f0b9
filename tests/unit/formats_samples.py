"""Tiny photos and label pictures, written as the datasets' releases lay them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.uint8]
SIZE = (12, 8)


def plane(*bands: int) -> Plane:
    """(12, 8) labels in bands from top to bottom, each of 12 / len(bands) rows."""
    return np.repeat(np.array(bands, np.uint8), SIZE[0] // len(bands))[:, None].repeat(SIZE[1], axis=1)


def sides(left: int, right: int) -> Plane:
    """(12, 8) with one value on the left half and another on the right one."""
    return np.tile(np.repeat(np.array([left, right], np.uint8), SIZE[1] // 2), (SIZE[0], 1))


def write_photo(path: Path, size: tuple[int, int] = SIZE) -> Path:
    """Noise, without loss where the suffix allows it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def write_labels(path: Path, labels: Plane, *, palette: bool = False) -> Path:
    """A label picture: grey, or with a palette whose colours say nothing of the numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(labels)
    if palette:
        picture.putpalette([(37 * i + 11) % 256 for i in range(768)])
    picture.save(path)
    return path


def write_list(path: Path, *ids: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{id_}\n" for id_ in ids), encoding="utf-8")
    return path


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
