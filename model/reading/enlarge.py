"""Small maps at the picture's size, in bounded memory; and pictures too large to be read whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.parsing import Box

Floats = NDArray[np.float32]
Size = tuple[int, int]
_TILE_CELLS = 12  # about the largest tile in which few classes compete
_TILE_PIXELS = (32, 256)


def winners(
    maps: Floats, size: Size, *, extent: tuple[float, float] | None = None
) -> tuple[NDArray[np.uint16], Floats]:
    """Which map is largest at each pixel once all are enlarged bilinearly, and how large it is.

    maps (C, h, w) -> index (H, W), value (H, W). Equals an argmax over the C enlarged maps (half-pixel
    centres, the smallest index on a tie), but never holds them: it goes tile by tile, and in a tile
    only the maps that can win take part. An enlarged pixel mixes at most 2 x 2 cells, so the winner is
    nowhere below the largest of the maps' minima over these cells; a map whose maximum over them lies
    below that everywhere in the tile cannot win. Memory beyond the answer: C x 256 x 256 floats at most.
    """
    _, height, width = maps.shape
    down, across = extent or (height, width)
    assured = _assured(maps)
    index = np.empty(size, np.uint16)
    value = np.empty(size, np.float32)
    columns = list(_tiles(size[1], width, across))
    for rows in _tiles(size[0], height, down):
        for cols in columns:
            cells = maps[:, rows.cells, cols.cells]
            floor = assured[rows.cells, cols.cells].min()
            able = np.flatnonzero(cells.max(axis=(1, 2)) >= floor)
            able = able[_reach(cells[able], assured[rows.cells, cols.cells])]
            best, which = _largest(rows.matrix @ (cells[able] @ cols.matrix.T))
            value[rows.pixels, cols.pixels] = best
            index[rows.pixels, cols.pixels] = able[which]
    return index, value


def _largest(stack: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """stack (C, n, m) -> (largest, its index), both (n, m); a loop is faster than argmax over axis 0."""
    best = stack[0]
    which = np.zeros(best.shape, np.intp)
    for number, layer in enumerate(stack[1:], start=1):
        np.copyto(which, number, where=layer > best)
        best = np.maximum(best, layer)
    return best, which


def _assured(maps: Floats) -> Floats:
    """What the winner reaches at least among each cell and its neighbours right and below: (h, w)."""
    least = maps.copy()
    np.minimum(least[:, :-1], maps[:, 1:], out=least[:, :-1])
    least[:, :, :-1] = np.minimum(least[:, :, :-1], least[:, :, 1:])
    floor: Floats = least.max(axis=0)
    return floor


def _reach(maps: Floats, floor: Floats) -> NDArray[np.bool_]:
    """(C, n, m) -> (C,): which maps reach the floor in some 2 x 2 cells."""
    most = maps.copy()
    np.maximum(most[:, :-1], maps[:, 1:], out=most[:, :-1])
    most[:, :, :-1] = np.maximum(most[:, :, :-1], most[:, :, 1:])
    able: NDArray[np.bool_] = np.any(most >= floor, axis=(1, 2))
    return able


@dataclass(frozen=True, slots=True)
class _Tile:
    """A stretch of pixels along one axis, the cells under it, and the weights between: (pixels, cells)."""

    pixels: slice
    cells: slice
    matrix: Floats


def _tiles(length: int, cells: int, extent: float) -> Iterator[_Tile]:
    position = np.clip((np.arange(length) + 0.5) * (extent / length) - 0.5, 0, cells - 1)
    low = position.astype(np.intp)
    high = np.minimum(low + 1, cells - 1)
    part = (position - low).astype(np.float32)
    side = int(np.clip(round(_TILE_CELLS * length / extent), *_TILE_PIXELS))
    for start in range(0, length, side):
        stop = min(start + side, length)
        first, last = low[start], high[stop - 1]
        matrix = np.zeros((stop - start, last - first + 1), np.float32)
        row = np.arange(stop - start)
        matrix[row, low[start:stop] - first] = 1 - part[start:stop]
        matrix[row, high[start:stop] - first] += part[start:stop]
        yield _Tile(slice(start, stop), slice(first, last + 1), matrix)


@dataclass(frozen=True)
class Frame:
    """A picture of `size` that is read at the smaller (or same) size `inner`.

    A 40-megapixel picture carries no more mask than the network's maps do. Reading it at `inner`
    and repeating pixels keeps time and memory bounded; counts and boxes are those of the full size.
    """

    size: Size
    inner: Size

    @classmethod
    def within(cls, size: Size, pixels: int) -> Frame:
        """The frame of a picture of `size` that is read at no more than about `pixels` pixels."""
        shrink = min(1.0, (pixels / (size[0] * size[1])) ** 0.5)
        return cls(size, (max(1, int(size[0] * shrink)), max(1, int(size[1] * shrink))))

    @cached_property
    def _sources(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """For each full row and column the inner one that it repeats."""
        rows, columns = (np.arange(n) * m // n for n, m in zip(self.size, self.inner, strict=True))
        return rows, columns

    def shrink(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """image (H, W, 3) -> the pixels at the middle of each inner pixel."""
        if self.size == self.inner:
            return image
        rows, columns = (
            ((2 * np.arange(m) + 1) * n) // (2 * m) for n, m in zip(self.size, self.inner, strict=True)
        )
        return image[rows[:, None], columns[None, :]]

    def full(self, ids: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """ids (inner) -> (H, W)."""
        if self.size == self.inner:
            return ids
        rows, columns = self._sources
        return ids[:, columns][rows]

    def count(self, ids: NDArray[np.integer], top: int) -> NDArray[np.int64]:
        """Full-size pixels of each id 0..top."""
        flat = ids.ravel()
        if self.size == self.inner:
            return np.bincount(flat, minlength=top + 1)
        rows, columns = (np.bincount(s, minlength=m) for s, m in zip(self._sources, self.inner, strict=True))
        sizes = (rows[:, None] * columns[None, :]).ravel()
        return np.bincount(flat, weights=sizes, minlength=top + 1).astype(np.int64)

    def boxes(self, ids: NDArray[np.uint16], top: int) -> list[Box]:
        """Full-size boxes of the ids 1..top, each of which must own a pixel."""
        found = ndimage.find_objects(ids, top)
        return [self._box(rows, columns) for rows, columns in found]

    def _box(self, rows: slice, columns: slice) -> Box:
        if self.size != self.inner:
            rows, columns = (
                slice(*(int(v) for v in np.searchsorted(source, (part.start, part.stop))))
                for source, part in zip(self._sources, (rows, columns), strict=True)
            )
        return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
