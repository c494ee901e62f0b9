"""Pictures held in memory at a small size, and random crops of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import CcpDataset, tagged_photos

Picture = NDArray[np.uint8]


def photo_paths(root: Path, split: str) -> list[Path]:
    """The photos of a split of CCP."""
    dataset = CcpDataset(root, split)
    return [root / "images" / f"{id_}.jpg" for id_ in dataset.ids]


def training_photos(root: Path) -> list[Path]:
    """All photos that a generative stage may see: labelled ones of `train`, and those with tags."""
    return photo_paths(root, "train") + [path for path, _ in tagged_photos(root)]


def shrunk(picture: Image.Image, short: int) -> Picture:
    """RGB with its short side at `short` pixels; smaller pictures are enlarged."""
    factor = short / min(picture.size)
    width, height = (max(short, round(side * factor)) for side in picture.size)
    picture.draft("RGB", (width, height))  # a JPEG is decoded at about the size that is needed
    small = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small)


def read_pictures(paths: Iterable[Path], short: int) -> list[Picture]:
    """Each picture with its short side at `short` pixels."""
    found = []
    for path in paths:
        with Image.open(path) as picture:
            found.append(shrunk(picture, short))
    return found


def crop(picture: Picture, size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """A part of a picture, two thirds to one and a half times `size` (height, width), at that size; mirrored
    half of the time, a little brighter or darker."""
    height, width = picture.shape[:2]
    scale = min(float(np.exp(rng.uniform(np.log(2 / 3), np.log(3 / 2)))), height / size[0], width / size[1])
    tall, wide = size[0] * scale, size[1] * scale
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
    part = Image.fromarray(picture).resize(
        (size[1], size[0]), Image.Resampling.BILINEAR, box=(left, top, left + wide, top + tall)
    )
    array = np.asarray(part)
    if rng.random() < 0.5:
        array = array[:, ::-1]
    gain = rng.uniform(0.85, 1.15)
    return np.clip(array * gain, 0, 255).astype(np.uint8)


def recolored(picture: Picture, rng: np.random.Generator) -> Picture:
    """Half of the time as it is; else more saturated, its three channels exchanged at random."""
    if rng.random() < 0.5:
        return picture
    grey = picture.mean(axis=2, keepdims=True)
    vivid = grey + (picture - grey) * rng.uniform(1.0, 2.5)
    return np.clip(vivid[..., rng.permutation(3)], 0, 255).astype(np.uint8)


def psnr(first: Picture, second: Picture, mask: NDArray[np.bool_] | None = None) -> float:
    """Peak signal to noise ratio in dB of two uint8 pictures (H, W, 3), within a mask (H, W) if given."""
    error = (first.astype(np.float64) - second.astype(np.float64)) ** 2
    mean = float((error if mask is None else error[mask]).mean())
    return float(10 * np.log10(255.0**2 / max(mean, 1e-9)))


def grid(rows: Sequence[Sequence[Picture]], *, gap: int = 4) -> Image.Image:
    """Pictures of one height per row, side by side on white."""
    widths = [sum(p.shape[1] + gap for p in row) + gap for row in rows]
    heights = [max(p.shape[0] for p in row) for row in rows]
    sheet = np.full((sum(heights) + gap * (len(rows) + 1), max(widths), 3), 255, np.uint8)
    top = gap
    for row, height in zip(rows, heights, strict=True):
        left = gap
        for picture in row:
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
            left += picture.shape[1] + gap
        top += height + gap
    return Image.fromarray(sheet)
