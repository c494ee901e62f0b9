"""The body's UV atlas: which point of the body each texel shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.body import body
from model.data.synthetic.points import Floats, Points
from model.data.synthetic.rays import cast

GREY = 128
"""Value of a texel that belongs to nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """mask (T, T) texels in use; points of those texels, in row order."""

    mask: NDArray[np.bool_]
    points: Points

    def image(self, colors: Floats) -> NDArray[np.uint8]:
        """Texture (T, T, 3) from colours (N, 3; 0..1) of the texels in use."""
        picture = np.full((*self.mask.shape, 3), GREY, np.uint8)
        picture[self.mask] = np.clip(colors * 255 + 0.5, 0, 255).astype(np.uint8)
        return picture


@cache
def atlas(size: int) -> Atlas:
    """The atlas at `size` x `size` texels; the first row is v = 1, as in a picture of a texture."""
    it = body()
    flat = np.zeros((len(it.faces) * 3, 3), np.float32)
    flat[:, :2] = it.corners.reshape(-1, 2)
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    rays = np.zeros((size, size, 3), np.float32)
    rays[..., 0] = centres[None, :]
    rays[..., 1] = 1 - centres[:, None]
    rays[..., 2] = 1
    down = np.broadcast_to(np.array([0, 0, -1], np.float32), (size * size, 3))
    hits = cast(flat, np.arange(len(flat), dtype=np.int32).reshape(-1, 3), rays.reshape(-1, 3), down)
    corners = it.attributes[it.faces[hits.face]]  # (N, 3, WIDTH)
    points = Points.of(np.einsum("nk,nkc->nc", hits.weights, corners).astype(np.float32))
    mask = np.zeros(size * size, bool)
    mask[hits.ray] = True
    return Atlas(mask.reshape(size, size), points)


def sampled(texture: NDArray[np.uint8], uv: Floats) -> Floats:
    """Colours (N, 3; 0..1) of a texture (T, T, 3) at UVs (N, 2), nearest texel."""
    size = len(texture)
    column = np.clip((uv[:, 0] * size).astype(int), 0, size - 1)
    row = np.clip(((1 - uv[:, 1]) * size).astype(int), 0, size - 1)
    return texture[row, column].astype(np.float32) / 255
