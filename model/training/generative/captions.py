"""Captions of pictures without any: garments with the colour that their pixels have, largest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from model.data.ccp import BODY, CLASSES, CcpItem, class_map
from model.training.phrases import COLORS

SMALLEST = 0.002  # share of the picture under which a garment goes unsaid
_VALUES = np.array(list(COLORS.values()), np.float32)


def color_of(pixels: np.ndarray) -> str:
    """Name of the basic colour nearest to the median of pixels (N, 3)."""
    return list(COLORS)[int(((np.median(pixels, axis=0) - _VALUES) ** 2).sum(1).argmin())]


def caption_of(item: CcpItem) -> str:
    """'a person in a red dress, black shoes' from a labelled photo; no body parts but hair."""
    classes, _ = class_map(item)
    areas = np.bincount(classes.ravel(), minlength=256)
    worn = [
        value
        for value in np.argsort(-areas[: len(CLASSES)], kind="stable")
        if value and CLASSES[value] not in BODY and areas[value] >= SMALLEST * classes.size
    ]
    return sentence(f"{color_of(item.image[classes == value])} {CLASSES[value]}" for value in worn)


def sentence(worn: Iterable[str]) -> str:
    """'a person' in what is worn."""
    said = ", ".join(worn)
    return f"a person in {said}" if said else "a person"


def caption_of_tags(tags: Sequence[str]) -> str:
    """The same from the names of labels alone."""
    return sentence(tag for tag in tags if tag not in ("skin", "null"))
