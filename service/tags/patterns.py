"""Whether a garment's cloth is plain or patterned, from how much neighbouring pixels differ."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.tags.windows import shrunk, summed
from service.tags.worn import LEAST_HEIGHT, Mask

Pattern = Literal["plain", "patterned"]
Floats = NDArray[np.float64]

_HEIGHT = 480  # pixels that a person is brought to: threads vanish, stripes and flowers stay
_SURE = 250  # of 255: so much of a pixel must be the garment's
_EDGE = 3  # pixels along the garment's edge that are not looked at: seams and shadows run there
_RADIUS = 3  # of the neighbourhood that a pixel is compared with
_LEAST_PIXELS = 2_500

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _TO_XYZ.sum(axis=1)


def pattern_of(image: NDArray[np.uint8], mask: Mask, height: int) -> Pattern | None:
    """Of the cloth in `image` (h, w, 3) RGB where `mask` (h, w) is, on a person so many pixels high.

    None where it is not clear: what is neither even nor busy, as a single print on a plain shirt, gets no
    word. What lies beside the mask has no say.
    """
    if height < LEAST_HEIGHT or not mask.any():
        return None
    lab, inside = _normalized(image, mask, height)
    if int(inside.sum()) < _LEAST_PIXELS:
        return None
    chance = _chance(*_unevenness(lab, inside))
    if chance >= _PATTERNED_FROM:
        return "patterned"
    return "plain" if chance <= _PLAIN_TO else None


def _normalized(image: NDArray[np.uint8], mask: Mask, height: int) -> tuple[Floats, Mask]:
    """The cloth in CIELAB (h, w, 3) and where it surely is (h, w), both at the common size."""
    scale = _HEIGHT / height
    size = (max(8, round(mask.shape[1] * scale)), max(8, round(mask.shape[0] * scale)))
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    picture = Image.fromarray(np.ascontiguousarray(image)).resize(size, way)
    cover = Image.fromarray(mask).convert("L").resize(size, Image.Resampling.BOX)
    sure = shrunk(np.asarray(cover) > _SURE, _EDGE)
    return _lab(np.asarray(picture, dtype=np.float64) / 255), sure


def _unevenness(lab: Floats, inside: Mask) -> tuple[float, float]:
    """How far cloth is from its surroundings: the median in L, the root mean square in a and b."""
    count = np.maximum(summed(inside, _RADIUS), 1)
    around = np.stack([summed(lab[..., k] * inside, _RADIUS) / count for k in range(3)], axis=-1)
    apart = (lab - around)[inside]
    light = float(np.median(np.abs(apart[:, 0])))
    return light, float(np.sqrt((apart[:, 1:] ** 2).sum(axis=1).mean()))


# Of a logistic regression on training photos.
_WEIGHTS = (-4.46, 2.59, 1.02)
_PLAIN_TO, _PATTERNED_FROM = 0.2, 0.8


def _chance(light: float, hue: float) -> float:
    """The chance that cloth so uneven is patterned."""
    bias, of_light, of_hue = _WEIGHTS
    return 1 / (1 + math.exp(-(bias + of_light * math.log(light + 0.1) + of_hue * math.log(hue + 0.1))))


def _lab(rgb: Floats) -> Floats:
    """sRGB 0..1 (..., 3) -> CIELAB for the white point D65. Source: IEC 61966-2-1, CIE 15."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
