"""What is asked of a picture and what comes back, as plain values: numpy, no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["clothing", "body", "accessory", "person"]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Query:
    """What one caller asks of one picture.

    `prompts` None and `caption` None ask for the default vocabulary; `caption` stands in for prompts
    through its key phrases. `body_parts` adds the body-part list to the caller's own prompts.
    `min_score` (0..1) drops segments and persons below it.
    """

    prompts: tuple[str, ...] | None = None
    caption: str | None = None
    body_parts: bool = False
    min_score: float = 0.0

    def __post_init__(self) -> None:
        if self.prompts is not None and self.caption is not None:
            raise ValueError("a query takes prompts or a caption, not both")
        if not 0.0 <= self.min_score <= 1.0:
            raise ValueError(f"min_score must lie in 0..1, not {self.min_score}")


@dataclass(frozen=True, slots=True)
class Color:
    """One colour of a segment: `hex` '#rrggbb', its plain `name`, the share 0..1 of pixels it covers."""

    hex: str
    name: str
    coverage: float


@dataclass(frozen=True, slots=True)
class Segment:
    """One garment, accessory or body part of one person; pixels are `Parsing.segment_map == id`."""

    id: int
    label: str
    kind: Kind
    person_id: int
    score: float
    bbox: Box  # x, y, width, height; top-left origin
    area: int  # pixels
    taxonomy: tuple[str, ...] = ()
    colors: tuple[Color, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person; pixels are `Parsing.person_map == id`."""

    id: int
    score: float
    bbox: Box
    area: int
    segments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsing:
    """The parse of one picture, at the picture's own size.

    segment_map, person_map (H, W) uint16: id of the segment / person that owns the pixel, 0 for none.
    timings_ms: 'preprocess', 'forward', 'postprocess' of this picture's batch.
    """

    segment_map: NDArray[np.uint16]
    person_map: NDArray[np.uint16]
    persons: tuple[Person, ...] = ()
    segments: tuple[Segment, ...] = ()
    unmatched_prompts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the picture."""
        height, width = self.segment_map.shape
        return height, width
