"""Label map -> masks on the wire: COCO RLE, polygons or PNG, each from one look at the map."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

MaskFormat = Literal["rle", "polygon", "png", "none"]
FORMATS: tuple[MaskFormat, ...] = get_args(MaskFormat)
Mask = dict[str, Any]
LabelMap = NDArray[np.unsignedinteger[Any]]

_RIGHT, _DOWN, _LEFT, _UP = range(4)


def encode(label_map: LabelMap, ids: Sequence[int], mask_format: MaskFormat) -> list[Mask | None]:
    """Masks of `ids`, in their order, from a map (H, W) whose pixels name the id that owns them.

    rle: {"size": [h, w], "counts": str}; polygon: {"size", "polygons": [[x, y, x, y, ...], ...]};
    png: {"size", "png": base64 of a 1-bit picture}; none: None. ValueError for another format.
    """
    if mask_format not in _ENCODERS:
        raise ValueError(f"mask_format must be one of {', '.join(_ENCODERS)}, not {mask_format!r}")
    return _ENCODERS[mask_format](label_map, ids) if ids else []


def rle(label_map: LabelMap, ids: Sequence[int]) -> list[Mask]:
    """Compressed COCO RLE of each id, byte for byte what pycocotools encodes from its binary mask.

    The map is run-length coded once, column by column; the runs of one id are then those of its mask.
    """
    height, width = label_map.shape
    values, starts, ends = _runs(label_map)
    order = np.argsort(values, kind="stable")
    values, starts, ends = values[order], starts[order], ends[order]
    first = np.searchsorted(values, ids, side="left")
    last = np.searchsorted(values, ids, side="right")
    size = [height, width]
    plain = [
        {"size": size, "counts": _counts(starts[a:b], ends[a:b], height * width)}
        for a, b in zip(first, last, strict=True)
    ]
    packed = coco.frPyObjects(plain, height, width)
    return [{"size": size, "counts": mask["counts"].decode("ascii")} for mask in packed]


def polygons(label_map: LabelMap, ids: Sequence[int]) -> list[Mask]:
    """Outlines of each id along the pixels' edges, without loss: corners x, y, x, y, ... of each ring.

    Outer rings run clockwise and the rings of holes anticlockwise, so that both filling rules,
    even-odd and non-zero, give the mask back. Pixels that touch by a corner only lie in two rings.
    """
    size = list(label_map.shape)
    boxes = _boxes(label_map)
    masks = []
    for id_ in ids:
        left, top, right, bottom = boxes.get(id_, (0, 0, 0, 0))
        rings = _rings(label_map[top:bottom, left:right] == id_)
        masks.append({"size": size, "polygons": [_shifted(ring, left, top) for ring in rings]})
    return masks


def pngs(label_map: LabelMap, ids: Sequence[int]) -> list[Mask]:
    """A 1-bit greyscale PNG of the whole picture for each id, in base64; white where the id is."""
    return [{"size": list(label_map.shape), "png": _png(label_map == id_)} for id_ in ids]


def _none(_label_map: LabelMap, ids: Sequence[int]) -> list[None]:
    return [None] * len(ids)


_ENCODERS: dict[str, Callable[[LabelMap, Sequence[int]], Any]] = {
    "rle": rle,
    "polygon": polygons,
    "png": pngs,
    "none": _none,
}


def _runs(label_map: LabelMap) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """(value, start, end) of each run of equal pixels, in column-major order, end exclusive."""
    flat = label_map.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], changes))
    ends = np.concatenate((changes, [flat.size]))
    return flat[starts], starts, ends


def _counts(starts: NDArray[np.int64], ends: NDArray[np.int64], pixels: int) -> list[int]:
    """Run lengths of one mask, background first, no empty run at the end."""
    bounds = np.empty(2 * starts.size, dtype=np.int64)
    bounds[0::2], bounds[1::2] = starts, ends
    counts = np.diff(bounds, prepend=0, append=pixels)
    return list(map(int, counts[:-1] if counts.size > 1 and counts[-1] == 0 else counts))


def _boxes(label_map: LabelMap) -> dict[int, tuple[int, int, int, int]]:
    """(left, top, right, bottom), right and bottom exclusive, of each value of the map."""
    height = label_map.shape[0]
    values, starts, ends = _runs(label_map)
    # A run that spills into the next column touches the bottom of one and the top of the other.
    spills = starts // height != (ends - 1) // height
    top = np.where(spills, 0, starts % height)
    bottom = np.where(spills, height, (ends - 1) % height + 1)
    ids, group = np.unique(values, return_inverse=True)
    box = np.empty((len(ids), 4), dtype=np.int64)
    box[:, :2], box[:, 2:] = np.iinfo(np.int64).max, 0
    np.minimum.at(box[:, 0], group, starts // height)
    np.minimum.at(box[:, 1], group, top)
    np.maximum.at(box[:, 2], group, (ends - 1) // height + 1)
    np.maximum.at(box[:, 3], group, bottom)
    return {int(id_): (int(a), int(b), int(c), int(d)) for id_, (a, b, c, d) in zip(ids, box, strict=True)}


def _rings(inside: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Closed rings of corners (x, y) around the True pixels of (H, W), with the pixels on the right hand."""
    sides = _sides(inside)
    left = dict.fromkeys(sides)  # ordered, so that equal masks give equal rings
    rings = []
    while left:
        first = side = next(iter(left))
        ring = []
        while True:
            del left[side]
            ring.append(side[:2])
            x, y = sides[side]
            # Right before left: where four sides meet at one corner, diagonal pixels stay apart.
            right_hand, left_hand = (x, y, (side[2] + 1) % 4), (x, y, (side[2] + 3) % 4)
            side = right_hand if right_hand in sides else left_hand
            if side == first:
                break
        rings.append(ring)
    return rings


def _sides(inside: NDArray[np.bool_]) -> dict[tuple[int, int, int], tuple[int, int]]:
    """Straight stretches of the outline: (x, y, heading) of the start -> (x, y) of the end."""
    padded = np.pad(inside, 1).astype(np.int8)
    across = padded[1:, 1:-1] - padded[:-1, 1:-1]  # (H + 1, W): 1 on a pixel's top side, -1 on a bottom side
    along = padded[1:-1, 1:] - padded[1:-1, :-1]  # (H, W + 1): 1 on a left side, -1 on a right side
    sides: dict[tuple[int, int, int], tuple[int, int]] = {}
    for sign, y, start, end in _stretches(across):
        if sign > 0:
            sides[start, y, _RIGHT] = (end, y)
        else:
            sides[end, y, _LEFT] = (start, y)
    for sign, x, start, end in _stretches(along.T):
        if sign > 0:
            sides[x, end, _UP] = (x, start)
        else:
            sides[x, start, _DOWN] = (x, end)
    return sides


def _stretches(lines: NDArray[np.int8]) -> list[tuple[int, int, int, int]]:
    """(value, line, start, end) of each run of equal non-zero values within the lines of (L, N)."""
    fenced = np.pad(lines, ((0, 0), (1, 1)))
    line, change = np.nonzero(fenced[:, 1:] != fenced[:, :-1])
    value = fenced[line, change + 1]
    # A run ends where the next change of its line is; a line's last change goes back to zero.
    return [
        (int(v), int(k), int(a), int(b))
        for v, k, a, b in zip(value[:-1], line[:-1], change[:-1], change[1:], strict=True)
        if v
    ]


def _shifted(ring: list[tuple[int, int]], left: int, top: int) -> list[int]:
    return [value for x, y in ring for value in (x + left, y + top)]


def _png(inside: NDArray[np.bool_]) -> str:
    packed = BytesIO()
    Image.fromarray(inside).convert("1").save(packed, format="PNG")
    return base64.b64encode(packed.getvalue()).decode("ascii")
