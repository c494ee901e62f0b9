"""Shapes of tags on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from service.tags.lengths import Length
from service.tags.link import Match
from service.tags.patterns import Pattern
from service.tags.sleeves import Sleeve


class TagColor(BaseModel):
    """A colour's name and the share (0..1) of the segment's pixels that it covers."""

    name: str
    coverage: float


class AttributesAnswer(BaseModel):
    """What could be told of a garment; null where it could not, or where it does not apply."""

    pattern: Pattern | None = None
    sleeve_length: Annotated[Sleeve | None, Field(description="short: above the elbow; long: below")] = None
    length: Annotated[
        Length | None, Field(description="of a skirt, dress or coat; short: above the knee, long: below")
    ] = None


class CategoryAnswer(BaseModel):
    """A category of another taxonomy: exact means the same, broader also holds other things."""

    id: int
    name: str
    match: Match


class TagsAnswer(BaseModel):
    """A garment or accessory as a catalogue has it; `google` names its category by the full path."""

    category: Annotated[list[str], Field(description="path in the taxonomy; empty for an unknown prompt")]
    colors: list[TagColor]
    attributes: AttributesAnswer
    fashionpedia: CategoryAnswer | None
    google: CategoryAnswer | None
