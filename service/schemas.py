"""Shapes on the wire: what a caller asks, what a job carries, what an answer says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from service.answers import fields, masks
from service.answers.masks import MaskFormat
from service.tags.shapes import TagsAnswer
from service.tags.tagging import tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model.parser import Parsing, Person, Segment

Box = Annotated[
    list[int], Field(min_length=4, max_length=4, description="x, y, width, height; from top left")
]


def _split(given: Any) -> Any:
    """A form has its lists as text with commas, JSON may have them so as well."""
    return fields.names(given) if isinstance(given, str) else given


def _known(named: list[str] | None) -> list[str] | None:
    for number, name in enumerate(named or ()):
        if name not in answer_fields():
            raise ValueError(f"name {number} is no field of an answer")
    return named


def _optional(named: list[str] | None) -> list[str] | None:
    for number, name in enumerate(named or ()):
        if name in fields.ALWAYS:
            raise ValueError(f"name {number} belongs to every answer")
    return named


FieldNames = Annotated[
    list[str] | None,
    BeforeValidator(_split),
    AfterValidator(_known),
    Field(description="fields of the answer by dotted names, a list or one text with commas"),
]


def _flag(given: Any) -> Any:
    """A form has true and false as text, and nothing else that could be meant by it."""
    if isinstance(given, str) and given not in ("true", "false"):
        raise ValueError("it is neither true nor false")
    return given


def _parsed(given: Any) -> Any:
    """A form has its objects as JSON text."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        raise ValueError("it is no JSON object") from None


Metadata = Annotated[
    dict[str, str] | None,
    BeforeValidator(_parsed),
    Field(description="texts by name, given back as they are; in a form as a JSON object"),
]


class Options(BaseModel):
    """What is asked of a picture. No `prompts` and no `caption` asks for the default vocabulary.

    Types and ranges only: limits that an operator may set are checked where the request is read.
    """

    model_config = ConfigDict(extra="forbid")

    prompts: Annotated[list[str], Field(min_length=1)] | None = None
    caption: str | None = None
    body_parts: Annotated[bool, BeforeValidator(_flag)] = False
    min_score: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] = 0.0
    mask_format: MaskFormat = "rle"
    tags: Annotated[bool, BeforeValidator(_flag)] = False
    include: FieldNames = None
    exclude: Annotated[FieldNames, AfterValidator(_optional)] = None
    metadata: Metadata = None
    callback_url: Annotated[str | None, Field(description="told the job's end by a signed POST")] = None


class ImageSource(BaseModel):
    """Where a JSON request's picture comes from: exactly one of the two."""

    model_config = ConfigDict(extra="forbid")

    base64: str | None = None
    url: str | None = None


class ParseBody(Options):
    """The JSON form of POST /parse."""

    image: ImageSource | None = None


class BatchItem(Options):
    """One picture of POST /parse/batch; options of its own go before those of all."""

    base64: str | None = None
    url: str | None = None


class BatchBody(Options):
    """The JSON form of POST /parse/batch: pictures as in `BatchItem`, and options for all of them."""

    images: list[Any]  # each looked into by itself, so that a bad one spoils no other


class ImageFacts(BaseModel):
    """A picture's size in pixels and the SHA-256 of the bytes that were sent."""

    width: int
    height: int
    sha256: str


class ModelFacts(BaseModel):
    """The checkpoint that answered."""

    name: str
    revision: str


class RleMask(BaseModel):
    """COCO run-length code: column-major, first run background, compressed."""

    size: Annotated[list[int], Field(min_length=2, max_length=2, description="height, width")]
    counts: str


class PolygonMask(BaseModel):
    """Rings along pixel edges, x, y, x, y, ...; holes are rings of their own, fill even-odd."""

    size: list[int]
    polygons: list[list[int]]


class PngMask(BaseModel):
    """A 1-bit PNG of the whole picture, in base64."""

    size: list[int]
    png: str


AnyMask = RleMask | PolygonMask | PngMask | None


class ColorAnswer(BaseModel):
    """A colour and the share (0..1) of the segment's pixels that it covers."""

    hex: str
    name: str
    coverage: float


class PersonAnswer(BaseModel):
    """One person and the ids of the segments that are theirs."""

    id: int
    score: float
    bbox: Box
    area: int
    mask: AnyMask
    segments: list[int]


class SegmentAnswer(BaseModel):
    """One garment, accessory or body part; `label` is the caller's prompt, word for word, if any."""

    id: int
    label: str
    kind: Literal["clothing", "body", "accessory"]
    person_id: int
    score: float
    bbox: Box
    area: int
    mask: AnyMask
    taxonomy: list[str]
    colors: list[ColorAnswer]
    tags: TagsAnswer | None = None


class ParseAnswer(BaseModel):
    """A parsing: persons, and segments that do not overlap, in the picture as a viewer shows it."""

    id: str
    object: Literal["parsing"] = "parsing"
    model: ModelFacts
    image: ImageFacts
    persons: list[PersonAnswer]
    segments: list[SegmentAnswer]
    unmatched_prompts: list[str]
    warnings: list[str]
    timings_ms: dict[str, float]
    metadata: dict[str, str] | None = None


@cache
def answer_fields() -> frozenset[str]:
    """Every field of an answer by its dotted name: 'segments', 'segments.colors', and so on."""
    return frozenset(_fields_of(ParseAnswer))


def _fields_of(shape: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in shape.model_fields.items():
        yield above + name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel) and name != "mask":
                yield from _fields_of(inner, f"{above}{name}.")


class ProblemAnswer(BaseModel):
    """RFC 9457 problem details; `code` is stable, `detail` is for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str


class CallbackAnswer(BaseModel):
    """What became of a callback; `last_answer` is its receiver's status, `last_error` why there was none."""

    id: str
    status: Literal["pending", "delivered", "gone", "failed"]
    tries: int
    last_answer: int | None = None
    last_error: str | None = None


class JobAnswer(BaseModel):
    """Where a job stands; `result` once done, `error` once failed."""

    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled", "expired"]
    result: ParseAnswer | None = None
    error: ProblemAnswer | None = None
    metadata: dict[str, str] | None = None
    callbacks: list[CallbackAnswer] | None = None


class BatchItemAnswer(BaseModel):
    """What became of one picture: `result`, `error`, or the `id` of a job that has not ended."""

    index: int
    status: Literal["queued", "done", "failed", "cancelled", "expired"]
    id: str | None = None
    result: ParseAnswer | None = None
    error: ProblemAnswer | None = None


class BatchAnswer(BaseModel):
    """Each picture in its place."""

    object: Literal["batch"] = "batch"
    items: list[BatchItemAnswer]


def render(
    parsing: Parsing,
    request: Mapping[str, Any],
    model: Mapping[str, str],
    *,
    id: str = "",
    timings_ms: Mapping[str, float] | None = None,
    picture: NDArray[np.uint8] | None = None,
) -> dict[str, Any]:
    """The answer's JSON. `request` is what the job carries; `timings_ms` go before the parsing's own.

    The size is the parsed picture's own, since EXIF may have turned it after its header was read. Tags,
    where asked for, are read off the `picture` (H, W, 3) that was parsed.
    """
    height, width = parsing.size
    form: MaskFormat = request.get("mask_format", "rle")
    person_masks = masks.encode(parsing.person_map, [person.id for person in parsing.persons], form)
    segment_masks = masks.encode(parsing.segment_map, [segment.id for segment in parsing.segments], form)
    segments = [_segment(s, mask) for s, mask in zip(parsing.segments, segment_masks, strict=True)]
    if picture is not None and request.get("tags"):
        _tag(segments, picture, parsing, request)
    timings = {**(timings_ms or {}), **parsing.timings_ms}
    return {
        "id": id,
        "object": "parsing",
        "model": {"name": model["name"], "revision": model["revision"]},
        "image": {"width": width, "height": height, "sha256": request["image"]["sha256"]},
        "persons": [_person(p, mask) for p, mask in zip(parsing.persons, person_masks, strict=True)],
        "segments": segments,
        "unmatched_prompts": list(parsing.unmatched_prompts),
        "warnings": list(parsing.warnings),
        "timings_ms": {stage: round(float(spent), 1) for stage, spent in timings.items()},
    }


def _tag(
    segments: list[dict[str, Any]], picture: NDArray[np.uint8], parsing: Parsing, request: Mapping[str, Any]
) -> None:
    own_words = request.get("prompts") is not None or request.get("caption") is not None
    found = tag(picture, parsing, whole_vocabulary=not own_words)
    told = {tags.segment_id: tags.as_json() for tags in found}
    for segment in segments:
        if segment["id"] in told:
            segment["tags"] = told[segment["id"]]


def _person(person: Person, mask: masks.Mask | None) -> dict[str, Any]:
    return {
        "id": int(person.id),
        "score": round(float(person.score), 4),
        "bbox": [int(side) for side in person.bbox],
        "area": int(person.area),
        "mask": mask,
        "segments": [int(id_) for id_ in person.segments],
    }


def _segment(segment: Segment, mask: masks.Mask | None) -> dict[str, Any]:
    return {
        "id": int(segment.id),
        "label": segment.label,
        "kind": segment.kind,
        "person_id": int(segment.person_id),
        "score": round(float(segment.score), 4),
        "bbox": [int(side) for side in segment.bbox],
        "area": int(segment.area),
        "mask": mask,
        "taxonomy": list(segment.taxonomy),
        "colors": [
            {"hex": color.hex, "name": color.name, "coverage": round(float(color.coverage), 3)}
            for color in segment.colors
        ],
    }
