"""Where to cut one of several people out of a scene, as a closer look will see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # left, top, right, bottom; pixels

LEAST = 0.004  # share of a scene under which a person is too few pixels to learn names from
MARGIN = (0.0, 0.2)  # of the person's longer side; a closer look's own is a tenth


def window_box(persons: NDArray[np.uint8], shape: tuple[int, int], rng: np.random.Generator) -> Box | None:
    """A box of the proportions of `shape` (height, width) around or within one of the people of a scene.

    persons (H, W): 1.., 0 none. The box is at least as wide as the person with a margin around and at most
    wide enough that the whole person fits, so that a tall one is seen either whole, with neighbours beside,
    or in part and larger; it keeps within the scene. None where nobody is large enough.
    """
    count = np.bincount(persons.ravel())
    count[0] = 0
    large = np.flatnonzero(count >= LEAST * persons.size)
    if not len(large):
        return None
    rows, columns = np.nonzero(persons == rng.choice(large))
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    margin = rng.uniform(*MARGIN) * max(bottom - top, right - left)
    tall, wide = bottom - top + 2 * margin, right - left + 2 * margin
    aspect = shape[1] / shape[0]
    width = rng.uniform(*sorted((wide, max(wide, tall * aspect))))
    width = float(min(width, persons.shape[1], persons.shape[0] * aspect))
    height = width / aspect
    x = _start((left + right - wide) / 2, wide, width, persons.shape[1], rng)
    y = _start((top + bottom - tall) / 2, tall, height, persons.shape[0], rng)
    return x, y, x + width, y + height


def _start(start: float, length: float, window: float, limit: int, rng: np.random.Generator) -> float:
    """Where a window begins that holds the span from `start` or lies within it, and within 0..limit."""
    first, last = sorted((start, start + length - window))
    return float(np.clip(rng.uniform(first, last), 0, limit - window))
