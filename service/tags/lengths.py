"""How long a skirt, a dress or a coat is, from where it ends between head and feet."""

from __future__ import annotations

from typing import Literal

import numpy as np

from service.tags.seen import Segment
from service.tags.worn import Mask, Worn

Length = Literal["short", "knee", "long"]

# Limits chosen on training photos: heights of the hem, 0 at the top of the head and 1 at the soles. Between
# the three stretches nothing is said.
_SHORT_TO = 0.645
_KNEE = (0.665, 0.725)
_LONG_FROM = 0.75
_LEAST_AREA = 10.0  # in the unit of `Worn`: less than that is a scrap of a garment
_BELOW = 0.06  # of the height: so far below the hem is looked for what comes there
_LEAST_SHARE_BELOW = 0.5

_COATS = ("upper body", "coat")
_SKIRTS = ("lower body", "skirt")
_DRESSES = ("whole body", "dress")
_NO_HEM = ("romper", "bodysuit")


def garment_length(worn: Worn, segment: Segment) -> Length | None:
    """'short' ends above the knee, 'knee' at it, 'long' below; None where it cannot be told.

    Feet or shoes, legs and the face or hair must have been looked for, as in the default vocabulary.
    """
    path = tuple(segment.taxonomy)
    if path[:2] not in (_COATS, _SKIRTS, _DRESSES) or path[-1] in _NO_HEM or not worn.upright:
        return None
    mask = worn.mask(segment)
    if worn.area(mask) < _LEAST_AREA:
        return None
    hem = worn.span(mask, 0, 0.98)[1]
    if not _ends_there(worn, segment, mask, hem):
        return None
    if hem <= _SHORT_TO:
        return "short"
    if _KNEE[0] <= hem <= _KNEE[1]:
        return "knee"
    return "long" if hem >= _LONG_FROM else None


def _ends_there(worn: Worn, segment: Segment, mask: Mask, hem: float) -> bool:
    """Whether legs or what is worn on them come below, and not another part of the same garment."""
    rows = len(worn.ids)
    first = round(hem * rows) + 1
    columns = np.flatnonzero(mask.any(axis=0))
    below = worn.ids[first : first + round(_BELOW * rows), columns[0] : columns[-1] + 1]
    others = below[(below != 0) & (below != segment.id)]
    expected = [other.id for other in worn.segments if _comes_below(segment, other)]
    if not others.size:
        return hem > _LONG_FROM  # down to the floor
    return float(np.isin(others, expected).mean()) >= _LEAST_SHARE_BELOW


def _comes_below(segment: Segment, other: Segment) -> bool:
    path = tuple(other.taxonomy)
    legs = path[:1] in (("legwear",), ("footwear",)) or path[:3] == ("body", "skin", "leg")
    feet = path[:3] == ("body", "skin", "foot")
    trousers = path[:2] == ("lower body", "pants")
    under_a_coat = segment.taxonomy[0] == "upper body" and path[:1] in (("lower body",), ("whole body",))
    return legs or feet or trousers or under_a_coat
