"""The tags of a picture's garments and accessories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.tags.fashionpedia import fashionpedia
from service.tags.google import google
from service.tags.lengths import garment_length
from service.tags.link import Link
from service.tags.patterns import pattern_of
from service.tags.seen import Color, Parsing, Segment
from service.tags.sleeves import sleeve_length
from service.tags.worn import Worn

TAGGED = ("clothing", "accessory")
ATTRIBUTES = ("pattern", "sleeve_length", "length")
_GARMENTS = (("upper body",), ("lower body",), ("whole body",))  # what attributes were measured on


@dataclass(frozen=True, slots=True)
class Tags:
    """What a shop wants to know of one segment.

    category: the path in our taxonomy, from the widest group on; () for a prompt that it does not know.
    colors: as in the segment. attributes: name -> value, only those that could be told.
    """

    segment_id: int
    category: tuple[str, ...]
    colors: tuple[Color, ...]
    attributes: Mapping[str, str]
    fashionpedia: Link | None = None
    google: Link | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they stand in an answer below a segment's `tags`."""
        return {
            "category": list(self.category),
            "colors": [
                {"name": color.name, "coverage": round(float(color.coverage), 3)} for color in self.colors
            ],
            "attributes": {name: self.attributes.get(name) for name in ATTRIBUTES},
            "fashionpedia": asdict(self.fashionpedia) if self.fashionpedia else None,
            "google": asdict(self.google) if self.google else None,
        }


def tag(image: NDArray[np.uint8], parsing: Parsing, *, whole_vocabulary: bool = True) -> list[Tags]:
    """The tags of every garment and accessory of a parsing, in the order of its segments.

    image (H, W, 3) RGB, the picture that was parsed; body parts have no tags. What a segment's tags say
    depends on that segment and its person's other segments alone. `whole_vocabulary` says that the parsing
    answers the default vocabulary: without arms, hands, legs and feet in it, lengths cannot be told from
    what is bare, and are left out. ValueError where the sizes differ.
    """
    if image.shape[:2] != parsing.segment_map.shape:
        raise ValueError(f"the picture is {image.shape[:2]}, its parsing {parsing.segment_map.shape}")
    worn: dict[int, Worn | None] = {}
    found = []
    for segment in parsing.segments:
        if segment.kind not in TAGGED:
            continue
        if segment.person_id not in worn:
            worn[segment.person_id] = Worn.of(parsing, segment.person_id)
        view = worn[segment.person_id]
        told = _attributes(image, parsing, view, segment, lengths=whole_vocabulary) if view else {}
        found.append(_tags(segment, told))
    return found


def _attributes(
    image: NDArray[np.uint8], parsing: Parsing, worn: Worn, segment: Segment, *, lengths: bool
) -> dict[str, str]:
    """Those that could be told, by name."""
    if tuple(segment.taxonomy[:1]) not in _GARMENTS:
        return {}
    x, y, width, height = segment.bbox
    window = np.s_[y : y + height, x : x + width]
    mask = parsing.segment_map[window] == segment.id
    told: dict[str, str | None] = {"pattern": pattern_of(image[window], mask, worn.height)}
    if lengths:
        told["sleeve_length"] = sleeve_length(worn, segment)
        told["length"] = garment_length(worn, segment)
    return {name: value for name, value in told.items() if value is not None}


def _tags(segment: Segment, attributes: Mapping[str, str]) -> Tags:
    path = tuple(segment.taxonomy)
    return Tags(
        segment.id,
        path,
        tuple(segment.colors),
        dict(attributes),
        fashionpedia(path),
        google(path, attributes.get("length")),
    )
