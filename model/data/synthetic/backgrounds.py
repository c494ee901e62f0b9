"""Places without people: crops of given pictures, or made up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from model.data.synthetic.points import Floats

Picture = NDArray[np.uint8]


def drawn_background(rng: np.random.Generator, size: tuple[int, int], given: Sequence[Picture]) -> Floats:
    """A background (H, W, 3) in 0..1: one of the given pictures nine times of ten, where there are any."""
    if given and rng.random() < 0.9:
        return cropped(rng, given[int(rng.integers(len(given)))], size)
    kinds = (_street, _wall, _gradient, _clutter)
    return np.clip(kinds[int(rng.integers(len(kinds)))](rng, size), 0, 1).astype(np.float32)


def cropped(rng: np.random.Generator, picture: Picture, size: tuple[int, int]) -> Floats:
    """A random part of a picture, mirrored or not, at a size."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.5, 1.0)
    tall = min(height * share, width * size[0] / size[1] * 1.6)
    wide = min(width, tall * size[1] / size[0])
    top, left = rng.uniform(0, height - tall), rng.uniform(0, max(0.0, width - wide))
    box = (left, top, left + wide, top + tall)
    target = (size[1], size[0])
    part = Image.fromarray(picture).resize(target, Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    out = np.asarray(part, np.float32) / 255
    out = out[:, ::-1] if rng.random() < 0.5 else out
    return np.clip(out * rng.uniform(0.7, 1.2), 0, 1).astype(np.float32)


def _color(rng: np.random.Generator) -> NDArray[np.float64]:
    grey = rng.uniform(0.1, 0.95)
    return np.clip(grey + rng.normal(0, 0.12, 3) * rng.uniform(0, 1.2), 0, 1)


def _grain(rng: np.random.Generator, size: tuple[int, int], cell: float) -> NDArray[np.float64]:
    """Smooth noise (H, W, 1) of unit size with cells of so many pixels."""
    small = rng.normal(0, 1, (int(size[0] / cell) + 2, int(size[1] / cell) + 2))
    big = ndimage.zoom(
        small, (size[0] / small.shape[0], size[1] / small.shape[1]), order=1, grid_mode=True, mode="nearest"
    )
    return big[: size[0], : size[1], None]


def _gradient(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    ramp = np.linspace(0, 1, size[0])[:, None, None]
    picture = _color(rng) * (1 - ramp) + _color(rng) * ramp
    return np.broadcast_to(picture, (*size, 3)) + 0.02 * rng.normal(0, 1, (*size, 1))


def _wall(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """A wall, of bricks or boards or plaster, above a floor."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    brick = rng.uniform(0.02, 0.08) * height
    shifted = columns + (rows // brick % 2) * brick
    joint = ((rows % brick) < 1.2) | ((shifted % (2 * brick)) < 1.2)
    kind = rng.random()
    picture = np.broadcast_to(_color(rng), (height, width, 3)).copy()
    picture += 0.05 * _grain(rng, size, 20) + 0.04 * _grain(rng, size, 3)
    if kind < 0.35:
        picture[joint] *= rng.uniform(0.6, 1.3)
    elif kind < 0.6:
        picture[(columns % (brick * 2)) < 1.5] *= 0.7
    return _floored(rng, picture, rng.uniform(0.6, 0.98))


def _floored(rng: np.random.Generator, picture: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    edge = int(picture.shape[0] * share)
    floor = picture[edge:]
    if floor.size:
        floor[:] = _color(rng) + 0.05 * _grain(rng, floor.shape[:2], 6)
    return picture


def _street(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """Blocks of houses with windows, a sky, a road; out of focus."""
    height, width = size
    picture = np.broadcast_to(_color(rng) * 0.4 + 0.6, (height, width, 3)).copy()
    left = 0
    while left < width:
        wide = int(rng.uniform(0.12, 0.4) * width) + 4
        top = int(rng.uniform(-0.2, 0.4) * height)
        block = picture[max(top, 0) :, left : left + wide]
        block[:] = _color(rng)
        step = int(rng.uniform(0.05, 0.12) * height) + 3
        pane = _color(rng) * 0.6
        rows, columns = np.mgrid[: block.shape[0], : block.shape[1]]
        block[((rows % step) > step * 0.45) & ((columns % step) > step * 0.4)] = pane
        left += wide
    picture = _floored(rng, picture + 0.03 * _grain(rng, size, 4), rng.uniform(0.6, 0.85))
    return ndimage.gaussian_filter(picture, (rng.uniform(0, 2.5), rng.uniform(0, 2.5), 0))


def _clutter(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """Smooth spots of many colours, as leaves or a crowd of things."""
    picture = np.stack([_grain(rng, size, rng.uniform(3, 40))[..., 0] for _ in range(3)], -1)
    return 0.5 + rng.uniform(0.05, 0.25) * picture + (_color(rng) - 0.5) * 0.7
