"""What tags are made from: a parsing, as far as this room looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Color(Protocol):
    """A colour with a name and the share (0..1) of the segment that it covers."""

    @property
    def name(self) -> str: ...
    @property
    def coverage(self) -> float: ...


class Segment(Protocol):
    """A garment, accessory or body part of one person; `bbox` is x, y, width, height."""

    @property
    def id(self) -> int: ...
    @property
    def bbox(self) -> tuple[int, int, int, int]: ...
    @property
    def kind(self) -> str: ...
    @property
    def person_id(self) -> int: ...
    @property
    def taxonomy(self) -> Sequence[str]: ...
    @property
    def colors(self) -> Sequence[Color]: ...


class Parsing(Protocol):
    """The parse of a picture: a map (H, W) of the segments that own its pixels, 0 for none, and those."""

    @property
    def segment_map(self) -> NDArray[np.uint16]: ...
    @property
    def segments(self) -> Sequence[Segment]: ...
