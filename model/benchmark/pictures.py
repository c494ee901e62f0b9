"""Pictures to measure with: photos of a folder, or smooth noise."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def pictures(folder: Path | None, count: int, size: tuple[int, int]) -> list[Picture]:
    """`count` pictures of `size` (height, width): the folder's, taken round and cropped to shape, or noise.

    ValueError for a folder without pictures.
    """
    if folder is None:
        return [noise(size, seed) for seed in range(count)]
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise ValueError(f"there is no picture in {folder}")
    return [photo(path, size) for path in islice(cycle(files), count)]


def photo(path: Path, size: tuple[int, int]) -> Picture:
    """The middle of a photo, resized to `size` (height, width)."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), size[::-1]))


def noise(size: tuple[int, int], seed: int) -> Picture:
    """Smooth noise (H, W, 3): pixels that differ each from the next are like no photo."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (8, 8, 3))
    rows, columns = (np.linspace(0, 7, side) for side in size)
    low, part = rows.astype(int), (rows % 1)[:, None, None]
    tall = coarse[low] * (1 - part) + coarse[np.minimum(low + 1, 7)] * part
    low, part = columns.astype(int), (columns % 1)[None, :, None]
    smooth = tall[:, low] * (1 - part) + tall[:, np.minimum(low + 1, 7)] * part
    return np.asarray(smooth, np.uint8)
