"""Masks on the wire -> pixels: the way back from each of the formats that `masks` writes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.bool_]


def of(mask: Mapping[str, Any]) -> Pixels:
    """The pixels (H, W) of a mask in any format; ValueError for what is none or is damaged."""
    height, width = (int(side) for side in mask["size"])
    if "counts" in mask:
        return _of_runs(mask["counts"], height, width)
    if "polygons" in mask:
        return _of_rings(mask["polygons"], height, width)
    if "png" in mask:
        return _of_png(mask["png"], height, width)
    raise ValueError(f"a mask has counts, polygons or png, not {', '.join(mask)}")


def run_lengths(packed: str) -> list[int]:
    """Run lengths from COCO's compressed string: six bits a sign from '0' on, five of them the number's.

    From the fourth on, a number is the difference to the last but one (rleFrString of the COCO API).
    """
    lengths: list[int] = []
    value = shift = 0
    for sign in packed.encode("ascii"):
        bits = sign - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    return lengths


def label_map(parts: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> NDArray[np.uint16]:
    """The map (H, W) whose pixels name the part that owns them, 0 for none; parts have `id` and `mask`."""
    owners = np.zeros(size, dtype=np.uint16)
    for part in parts:
        owners[of(part["mask"])] = part["id"]
    return owners


def _of_runs(counts: str | Sequence[int], height: int, width: int) -> Pixels:
    lengths = np.asarray(run_lengths(counts) if isinstance(counts, str) else counts, dtype=np.int64)
    if lengths.size and (lengths.min() < 0 or lengths.sum() != height * width):
        raise ValueError(f"the runs of a mask do not fill {height} x {width} pixels")
    values = np.arange(lengths.size) % 2 == 1
    return np.repeat(values, lengths).reshape((height, width), order="F")


def _of_rings(rings: Sequence[Sequence[int]], height: int, width: int) -> Pixels:
    """Even-odd filling: each upright side turns over all pixels to its right."""
    turned = np.zeros((height, width + 1), dtype=bool)
    for ring in rings:
        corners = np.asarray(ring, dtype=np.int64).reshape(-1, 2)
        for (x, y), (x_next, y_next) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if x == x_next:
                turned[min(y, y_next) : max(y, y_next), x] ^= True
    filled: Pixels = np.logical_xor.accumulate(turned, axis=1)[:, :width]
    return filled


def _of_png(png: str, height: int, width: int) -> Pixels:
    with Image.open(BytesIO(base64.b64decode(png)), formats=["PNG"]) as picture:
        if picture.size != (width, height):
            raise ValueError(f"a mask of {height} x {width} pixels holds a picture of {picture.size[::-1]}")
        return np.asarray(picture.convert("1"), dtype=bool)
