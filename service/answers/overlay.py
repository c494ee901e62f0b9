"""Segments drawn on the picture, for people: colours, outlines, and labels in the margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from service.answers import pixels

# Neighbours in this list are far apart in hue, since neighbours in an answer often touch in the picture.
_PALETTE = (
    "#4f9dff", "#ffb547", "#5bd38a", "#ff6b8b", "#b08cff", "#3fd0d4", "#ff8a5c", "#c6d94a",
    "#f18ae6", "#7fb3c8", "#e8d24f", "#6f8cff", "#63c7a0", "#ff9db0", "#a5c95a", "#d39b6a",
)  # fmt: skip
_PERSON_COLORS = ("#ffffff", "#ffe14d", "#6dffd8", "#ff9ef5", "#9ed0ff")
_PAPER = "#16181d"
_FILL = 0.5  # share of a segment's colour over the photo: cloth stays readable below it


class Region(Protocol):
    """A person or segment, as far as it is drawn: `bbox` is x, y, width, height."""

    @property
    def id(self) -> int: ...
    @property
    def bbox(self) -> tuple[int, int, int, int]: ...


class Segment(Region, Protocol):
    """A region with a name."""

    @property
    def label(self) -> str: ...
    @property
    def person_id(self) -> int: ...
    @property
    def score(self) -> float: ...


class Parsing(Protocol):
    """What can be drawn: maps (H, W) of who owns each pixel, and who they are."""

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def segment_map(self) -> NDArray[np.uint16]: ...
    @property
    def person_map(self) -> NDArray[np.uint16]: ...
    @property
    def persons(self) -> Sequence[Region]: ...
    @property
    def segments(self) -> Sequence[Segment]: ...


@dataclass(frozen=True, slots=True)
class _Part:
    """A person or segment of an answer."""

    id: int
    bbox: tuple[int, int, int, int]
    score: float
    label: str = ""
    person_id: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as a parsing that can be drawn."""

    segment_map: NDArray[np.uint16]
    person_map: NDArray[np.uint16]
    persons: Sequence[_Part]
    segments: Sequence[_Part]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the picture."""
        height, width = self.segment_map.shape
        return height, width

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Answered:
        """An answer's JSON with masks in any format; what it leaves out is not drawn."""
        size = (answer["image"]["height"], answer["image"]["width"])
        persons, segments = (answer.get(kind) or () for kind in ("persons", "segments"))
        return cls(
            pixels.label_map(segments, size),
            pixels.label_map(persons, size),
            [_part(person) for person in persons],
            [_part(segment) for segment in segments],
        )


def _part(part: Mapping[str, Any]) -> _Part:
    x, y, width, height = part["bbox"]
    label, person_id = part.get("label", ""), part.get("person_id", 0)
    return _Part(part["id"], (x, y, width, height), part["score"], label, person_id)


def ground(size: tuple[int, int]) -> NDArray[np.uint8]:
    """What to draw on where the picture (height, width) is not at hand any more: (H, W, 3), plain."""
    return np.full((*size, 3), 236, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class _Label:
    """One line of a margin and the point (x, y) in the drawn picture that it speaks of."""

    text: str
    color: str
    anchor: tuple[int, int]


def draw(image: NDArray[np.uint8], parsing: Parsing, *, height: int = 900) -> Image.Image:
    """The picture (H, W, 3) RGB under its segments, about `height` pixels high, labels on both sides.

    Each person has an outline in a colour of their own. ValueError if picture and parsing differ in size.
    """
    if image.shape[:2] != parsing.size:
        raise ValueError(f"the picture is {image.shape[:2]}, its parsing {parsing.size}")
    scale = height / image.shape[0]
    size = (max(1, round(image.shape[1] * scale)), height)
    picture = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    colors = _colors(parsing)
    for segment in parsing.segments:
        _tint(picture, parsing.segment_map == segment.id, colors[segment.label])
    for number, person in enumerate(parsing.persons):
        color = _PERSON_COLORS[number % len(_PERSON_COLORS)]
        _outline(picture, parsing.person_map == person.id, color, width=max(2, height // 300))
    return _with_margins(picture, _labels(parsing, colors, scale))


def _colors(parsing: Parsing) -> dict[str, str]:
    """One colour per label, so that two persons' jackets look alike."""
    names = dict.fromkeys(segment.label for segment in parsing.segments)
    return {name: _PALETTE[number % len(_PALETTE)] for number, name in enumerate(names)}


def _tint(picture: Image.Image, inside: NDArray[np.bool_], color: str) -> None:
    soft, corner = _soft(inside, picture.size, pad=2)
    if soft is None:
        return
    picture.paste(color, corner, soft.point(lambda level: round(level * _FILL)))
    edge = ImageChops.subtract(soft, soft.filter(ImageFilter.MinFilter(3)))
    picture.paste(color, corner, edge)


def _outline(picture: Image.Image, inside: NDArray[np.bool_], color: str, width: int) -> None:
    soft, corner = _soft(inside, picture.size, pad=width + 2)
    if soft is not None:
        grown = soft.filter(ImageFilter.MaxFilter(2 * width + 1))
        picture.paste(color, corner, ImageChops.subtract(grown, soft))


def _soft(
    inside: NDArray[np.bool_], size: tuple[int, int], pad: int
) -> tuple[Image.Image | None, tuple[int, int]]:
    """The mask at the drawn size with soft edges, cropped with `pad` pixels around, and its corner."""
    full = Image.fromarray(inside).convert("L").resize(size, Image.Resampling.BICUBIC)
    box = full.getbbox()
    if box is None:
        return None, (0, 0)
    left, top = box[0] - pad, box[1] - pad
    return full.crop((left, top, box[2] + pad, box[3] + pad)), (left, top)


def _labels(parsing: Parsing, colors: dict[str, str], scale: float) -> list[_Label]:
    several = len(parsing.persons) > 1
    numbers = {person.id: number for number, person in enumerate(parsing.persons, start=1)}
    labels = []
    for segment in parsing.segments:
        owner = f"{numbers.get(segment.person_id, '?')} · " if several else ""
        x, y = _heart(parsing.segment_map, segment)
        anchor = (round((x + 0.5) * scale), round((y + 0.5) * scale))
        text = f"{owner}{segment.label}  {segment.score:.0%}"
        labels.append(_Label(text, colors[segment.label], anchor))
    return labels


def _heart(segment_map: NDArray[np.uint16], segment: Segment) -> tuple[int, int]:
    """(x, y) of the segment's pixel nearest to its centre of mass: inside even where that centre is not."""
    left, top, width, height = segment.bbox
    rows, columns = np.nonzero(segment_map[top : top + height, left : left + width] == segment.id)
    if not rows.size:
        return left, top
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return left + int(columns[nearest]), top + int(rows[nearest])


def _with_margins(picture: Image.Image, labels: Sequence[_Label]) -> Image.Image:
    """The picture between two margins, each label at the height of its anchor as far as there is room."""
    if not labels:
        return picture
    middle = sorted(label.anchor[0] for label in labels)[len(labels) // 2]
    left = [label for label in labels if label.anchor[0] < middle]
    right = [label for label in labels if label.anchor[0] >= middle]
    row = min(30, max(12, picture.height // max(len(left), len(right))))
    font = ImageFont.load_default(max(9.0, row * 0.6))
    before, behind = (_margin(side, font, row) for side in (left, right))
    canvas = Image.new("RGB", (before + picture.width + behind, picture.height), _PAPER)
    canvas.paste(picture, (before, 0))
    pen = ImageDraw.Draw(canvas)
    edges = (before - row, "rm", left), (before + picture.width + row, "lm", right)
    for edge, align, side in edges:
        for label, y in _rows(side, row, picture.height):
            _lead(pen, (edge + (row // 3 if align == "rm" else -row // 3), y), label, before)
            pen.text((edge, y), label.text, font=font, anchor=align, fill=label.color)
    return canvas


def _margin(labels: Sequence[_Label], font: Any, row: int) -> int:
    """Width of a margin: its longest label and a row's height of air on both sides."""
    return int(max((font.getlength(label.text) + 2 * row for label in labels), default=0))


def _lead(pen: ImageDraw.ImageDraw, start: tuple[int, int], label: _Label, shift: int) -> None:
    """A line with a dark rim, which shows on any photo, from a label to the spot that it speaks of."""
    x, y = label.anchor[0] + shift, label.anchor[1]
    pen.line((*start, x, y), fill=_PAPER, width=3)
    pen.line((*start, x, y), fill=label.color, width=1)
    pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=label.color, outline=_PAPER)


def _rows(labels: Sequence[_Label], row: int, height: int) -> list[tuple[_Label, int]]:
    """Each label with its height y: near its anchor, in the anchors' order, `row` pixels apart."""
    ordered = sorted(labels, key=lambda label: label.anchor[1])
    heights: list[int] = []
    for label in ordered:
        lowest = heights[-1] + row if heights else row // 2
        heights.append(max(label.anchor[1], lowest))
    bottom = height - row // 2
    for index in reversed(range(len(heights))):  # push back up what ran over the lower edge
        heights[index] = min(heights[index], bottom)
        bottom = heights[index] - row
    return list(zip(ordered, heights, strict=True))
