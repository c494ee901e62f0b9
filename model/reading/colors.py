"""The colours of segments: a few per segment, measured in CIELAB, with plain names."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from model.parsing import Color
from model.reading.thresholds import Thresholds

Floats = NDArray[np.float64]

# Anchors as clothes look in photos, not as screens show pure colours: several for a name where one
# point does not hold it. Written for this project.
_NAMED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("black", ("#0b0b0c", "#1c1b1d")),
    ("charcoal", ("#353537", "#434345")),
    ("dark grey", ("#5c5c5e",)),
    ("grey", ("#7f7f80", "#949494")),
    ("light grey", ("#b3b3b4", "#cacaca")),
    ("white", ("#f7f7f7", "#e6e6e7")),
    ("ivory", ("#f4eddc",)),
    ("cream", ("#eee0bd",)),
    ("beige", ("#d8c6a8", "#c9b79c")),
    ("tan", ("#c69c6d", "#b58f66")),
    ("camel", ("#a97b45",)),
    ("khaki", ("#9c8f6b", "#8a7f5e")),
    ("taupe", ("#857567", "#9d8f85")),
    ("brown", ("#6e4528", "#7d5a43")),
    ("dark brown", ("#3a261b", "#4b3427")),
    ("rust", ("#a3461d",)),
    ("maroon", ("#4a1417",)),
    ("burgundy", ("#6f1830",)),
    ("red", ("#c21a22", "#a01820", "#de3030")),
    ("coral", ("#ec6f5c",)),
    ("salmon", ("#e69484",)),
    ("peach", ("#f4c2a0",)),
    ("orange", ("#e8761b", "#f29433")),
    ("mustard", ("#c4952a",)),
    ("yellow", ("#f0d22e", "#f3e27a")),
    ("olive", ("#5f6033", "#78783c")),
    ("dark green", ("#1d3d2b", "#2c4a35")),
    ("green", ("#2f8a45", "#57985a")),
    ("light green", ("#a3cf92",)),
    ("lime", ("#a9d334",)),
    ("mint", ("#b5e0cd",)),
    ("teal", ("#156a6c", "#3c7d80")),
    ("turquoise", ("#35bdb8",)),
    ("light blue", ("#a9c8e4", "#c3d7e8")),
    ("blue", ("#2a63b0", "#3f80cc")),
    ("royal blue", ("#2238a8",)),
    ("denim blue", ("#54708f", "#708cab", "#40566f")),
    ("navy", ("#1b2340", "#2b3a57")),
    ("purple", ("#5c2d7c", "#774a93")),
    ("plum", ("#55284b",)),
    ("lavender", ("#bcaed6",)),
    ("mauve", ("#a8879a",)),
    ("magenta", ("#b9217f",)),
    ("hot pink", ("#ea4a95",)),
    ("pink", ("#efb0bf", "#e58ea6")),
)

_BITS = 5  # a channel: 32,768 colours, one bincount a segment
_BINS = 1 << (3 * _BITS)
_MERGING = np.array([0.6, 1.0, 1.0])  # light and shade change L of one cloth more than its hue
_CELLS_OF_A_COLOR = 16  # a colour may spread over so many coarse cells before it is overlooked
_STEPS = np.array([10.0, 12.0, 12.0])  # of L, a, b: the coarse cells that are merged into colours


def colors_of(
    ids: NDArray[np.uint16], image: NDArray[np.uint8], wanted: NDArray[np.bool_], thresholds: Thresholds
) -> list[tuple[Color, ...]]:
    """ids (H, W), image (H, W, 3) RGB, wanted (n + 1,) -> colours of the ids 0..n, () where not wanted.

    Each by falling coverage; coverages of one id sum to at most 1. The same pixels give the same colours.
    """
    found: list[tuple[Color, ...]] = [()] * len(wanted)
    pixels = np.flatnonzero(wanted[ids.ravel()])
    owner = ids.ravel()[pixels]
    rgb = image.reshape(-1, 3)[pixels].astype(np.int64) >> (8 - _BITS)
    key = (rgb[:, 0] << (2 * _BITS)) | (rgb[:, 1] << _BITS) | rgb[:, 2]
    key = key[np.argsort(owner, kind="stable")]
    ends = np.cumsum(np.bincount(owner, minlength=len(wanted)))
    for number in np.flatnonzero(wanted):
        own = key[ends[number - 1] if number else 0 : ends[number]]
        if len(own):
            found[number] = _palette(np.bincount(own, minlength=_BINS), thresholds)
    return found


def name_of(lab: Floats) -> str:
    """The plain name nearest to a CIELAB colour (3,)."""
    names, anchors = _anchors()
    return names[int(((anchors - lab) ** 2).sum(axis=1).argmin())]


def to_lab(rgb: Floats) -> Floats:
    """sRGB 0..1 (..., 3) -> CIELAB for the white point D65. Source: IEC 61966-2-1, CIE 15."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), xyz * _KAPPA + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def to_rgb(lab: Floats) -> Floats:
    """The inverse of `to_lab`, clipped to 0..1."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    xyz = np.where(f**3 > _EPSILON, f**3, (f - 16 / 116) / _KAPPA) * _WHITE
    linear = np.clip(xyz @ _FROM_XYZ.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_WHITE = _TO_XYZ.sum(axis=1)
_EPSILON, _KAPPA = (6 / 29) ** 3, (29 / 6) ** 2 / 3


@cache
def _anchors() -> tuple[list[str], Floats]:
    names = [name for name, anchors in _NAMED for _ in anchors]
    hexes = [anchor for _, anchors in _NAMED for anchor in anchors]
    rgb = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in hexes]) / 255
    return names, to_lab(rgb)


@cache
def _bins() -> tuple[Floats, NDArray[np.intp]]:
    """CIELAB of every bin's middle (32768, 3), and its coarse cell (32768,)."""
    mask = (1 << _BITS) - 1
    key = np.arange(_BINS)
    rgb = np.stack([key >> (2 * _BITS), (key >> _BITS) & mask, key & mask], -1)
    lab = to_lab((rgb + 0.5) / (mask + 1))
    cell = np.floor(lab / _STEPS).astype(np.intp)
    cell -= cell.min(axis=0)
    return lab, np.ravel_multi_index(tuple(cell.T), tuple(cell.max(axis=0) + 1))


def _palette(counts: NDArray[np.int64], thresholds: Thresholds) -> tuple[Color, ...]:
    """counts (32768,) of one segment -> its colours.

    The heaviest cell is a colour; every cell near it joins; then the same with what is left. Colours
    with one name are one: the folds and shadows of a cloth are no second colour.
    """
    lab, cell = _bins()
    own = np.flatnonzero(counts)
    weight = counts[own].astype(np.float64)
    _, place = np.unique(cell[own], return_inverse=True)
    mass = np.bincount(place, weights=weight)
    sums = np.stack([np.bincount(place, weights=weight * lab[own, i]) for i in range(3)], -1)
    middle = sums / mass[:, None] * _MERGING
    left, total = mass.copy(), mass.sum()
    named: dict[str, tuple[float, Floats]] = {}
    least = thresholds.color_coverage * total / _CELLS_OF_A_COLOR
    while left.max() > 0 and left.max() >= least:
        near = ((middle - middle[left.argmax()]) ** 2).sum(axis=1) <= thresholds.color_distance**2
        near &= left > 0
        gain, at = mass[near].sum(), sums[near].sum(axis=0)
        left[near] = 0
        name = name_of(at / gain)
        share, before = named.get(name, (0.0, np.zeros(3)))
        named[name] = (share + gain, before + at)
    order = sorted(named, key=lambda name: -named[name][0])[: thresholds.colors]
    found = (Color(_hex(named[n][1] / named[n][0]), n, int(named[n][0] / total * 1000) / 1000) for n in order)
    return tuple(color for color in found if color.coverage >= thresholds.color_coverage)


def _hex(lab: Floats) -> str:
    red, green, blue = (round(255 * float(v)) for v in to_rgb(lab))
    return f"#{red:02x}{green:02x}{blue:02x}"
