"""Other colours for a picture: garments dyed anew, so that none is known by its own, and another light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from model.data.ccp import BODY, CLASSES, IGNORE

Array = NDArray[np.uint8]
UNDYED: frozenset[int] = frozenset((0, IGNORE, *(CLASSES.index(name) for name in ("hair", *BODY))))
SMALLEST = 40  # pixels under which a garment keeps its colour
TURNED = (
    0.6  # share whose hues alone are turned; white, grey and black have hardly any, so the rest is tinted
)
SOFT = 0.6  # pixels by which the new colour fades out, lest its edge betray the label
DARKEST = 16.0  # mean brightness below which shade is noise


def redyed(image: Array, classes: Array, persons: Array, rng: np.random.Generator, share: float) -> Array:
    """image (H, W, 3) with a share of all garments in another colour; folds and patterns stay.

    classes (H, W) as `class_map` gives them, persons (H, W) 1.., 0 none. Skin and hair keep theirs.
    """
    worn = classes + 256 * persons.astype(np.int32)
    result = image.copy()
    for value in np.unique(worn[persons > 0]):
        there = worn == value
        if int(value) % 256 in UNDYED or np.count_nonzero(there) < SMALLEST or rng.random() >= share:
            continue
        rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        result[box] = _dyed(result[box], there[box], rng)
    return result


def _dyed(part: Array, there: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """part (h, w, 3) in another colour where `there` (h, w)."""
    dyed = _turned(part, rng) if rng.random() < TURNED else _tinted(part, there, rng)
    mask = Image.fromarray((there * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(SOFT))
    weight = np.asarray(mask, np.float32)[..., None] / 255
    mixed: Array = (part + (dyed - part) * weight).round().astype(np.uint8)
    return mixed


def _turned(part: Array, rng: np.random.Generator) -> NDArray[np.float32]:
    """Its hues turned by one angle, its saturation and brightness moved."""
    hsv = np.asarray(Image.fromarray(part).convert("HSV")).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 256)) % 256
    hsv[..., 1] *= rng.uniform(0.5, 1.6)
    hsv[..., 2] = 255 * (hsv[..., 2] / 255) ** np.exp(rng.uniform(-0.6, 0.6))
    turned = Image.fromarray(np.clip(hsv, 0, 255).astype(np.uint8), "HSV").convert("RGB")
    return np.asarray(turned, np.float32)


def _tinted(part: Array, there: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """One colour in the light and shade that it had."""
    light = np.asarray(Image.fromarray(part).convert("L"), np.float32)
    level = max(DARKEST, float(light[there].mean()))
    shade = np.clip(light / level, 0.0, 2.5) ** rng.uniform(0.6, 1.1)
    color = rng.uniform(15, 235, 3) if rng.random() < 0.7 else np.full(3, rng.uniform(15, 245))
    return np.clip(shade[..., None] * color.astype(np.float32), 0, 255).astype(np.float32)


def recolored(image: Array, rng: np.random.Generator) -> Array:
    """Brightness, contrast and saturation moved by up to 30 %; sometimes grey, soft or darkened by gamma."""
    picture = Image.fromarray(image)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhance(picture).enhance(float(rng.uniform(0.7, 1.3)))
    if rng.random() < 0.05:
        picture = picture.convert("L").convert("RGB")
    if rng.random() < 0.1:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))
    if rng.random() < 0.15:
        gamma = float(np.exp(rng.uniform(-0.5, 0.5)))
        picture = picture.point([round(255 * (i / 255) ** gamma) for i in range(256)] * 3)
    return np.asarray(picture)
