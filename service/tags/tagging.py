"""The tags of a picture's garments and accessories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.tags.fashionpedia import fashionpedia
from service.tags.google import google
from service.tags.link import Link
from service.tags.seen import Color, Parsing, Segment

TAGGED = ("clothing", "accessory")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tags:
    """What a shop wants to know of one segment.

    category: the path in our taxonomy, from the widest group on; () for a prompt that it does not know.
    colors: as in the segment. attributes: name -> value, only those that could be told.
    """

    segment_id: int
    category: tuple[str, ...]
    colors: tuple[Color, ...]
    attributes: Mapping[str, str] = _NOTHING
    fashionpedia: Link | None = None
    google: Link | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they stand in an answer below a segment's `tags`."""
        return {
            "category": list(self.category),
            "colors": [
                {"name": color.name, "coverage": round(float(color.coverage), 3)} for color in self.colors
            ],
            "attributes": dict(self.attributes),
            "fashionpedia": asdict(self.fashionpedia) if self.fashionpedia else None,
            "google": asdict(self.google) if self.google else None,
        }


def tag(image: NDArray[np.uint8], parsing: Parsing) -> list[Tags]:
    """The tags of every garment and accessory of a parsing, in the order of its segments.

    image (H, W, 3) RGB, the picture that was parsed; body parts have no tags. What a segment's tags say
    depends on that segment and its person's other segments alone. ValueError where the sizes differ.
    """
    if image.shape[:2] != parsing.segment_map.shape:
        raise ValueError(f"the picture is {image.shape[:2]}, its parsing {parsing.segment_map.shape}")
    return [_tags(segment) for segment in parsing.segments if segment.kind in TAGGED]


def _tags(segment: Segment) -> Tags:
    path: Sequence[str] = tuple(segment.taxonomy)
    return Tags(
        segment.id,
        tuple(path),
        tuple(segment.colors),
        fashionpedia=fashionpedia(path),
        google=google(path),
    )
