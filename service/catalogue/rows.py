"""An answer as rows and back. Columns follow the answer's own shapes: a field added there comes along.

Two tables: `pictures`, a row each, and `segments`, a row each. On their way from an actor they are one, with
the segments as a list in their picture's row.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from service.errors import SpectrumError
from service.schemas import ParseAnswer, PersonAnswer, SegmentAnswer

_SIDES = ("x", "y", "width", "height")
_PLAIN: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int32(),
    float: pa.float64(),
    bool: pa.bool_(),
}
# What every row would repeat, what a file on disk says better, and what has columns of its own.
_LEFT_OUT = frozenset({"id", "object", "model", "image", "persons", "segments", "timings_ms", "metadata"})


def _type(annotation: Any) -> pa.DataType:
    """The Arrow type of a field of an answer."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return _type(type(inner[0]))
    if origin in (Union, types.UnionType):
        return _type(next(one for one in inner if one is not type(None)))
    if origin in (list, tuple):
        return pa.list_(_type(inner[0]))
    if origin is dict:
        return pa.map_(_type(inner[0]), _type(inner[1]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct(_fields(annotation))
    raise TypeError(f"no column is known for {annotation!r}")


def _fields(shape: type[BaseModel], without: frozenset[str] = frozenset()) -> list[pa.Field]:
    fields: list[pa.Field] = []
    for name, field in shape.model_fields.items():
        if name == "bbox":
            fields += [pa.field(side, pa.int32()) for side in _SIDES]
        elif name == "mask":
            fields.append(pa.field("rle", pa.string()))
        elif name not in without:
            fields.append(pa.field(name, _type(field.annotation)))
    return fields


_ON_DEMAND = frozenset({"tags"})
_PERSON = pa.struct(_fields(PersonAnswer))
_SEGMENT = pa.struct(_fields(SegmentAnswer))
PICTURES = pa.schema(
    [
        pa.field("picture", pa.string(), nullable=False),
        pa.field("listed_as", pa.string()),
        pa.field("error_code", pa.string()),
        pa.field("error_detail", pa.string()),
        pa.field("tagged_at", pa.timestamp("ms", tz="UTC")),
        pa.field("sha256", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("persons", pa.list_(_PERSON)),
        *_fields(ParseAnswer, without=_LEFT_OUT),
    ]
)
SEGMENTS = pa.schema(
    [
        pa.field("picture", pa.string(), nullable=False),
        pa.field("picture_width", pa.int32()),
        pa.field("picture_height", pa.int32()),
        *_fields(SegmentAnswer),
        pa.field("color", pa.string()),  # the name of the first of `colors`, for those who want but one
    ]
)
# Of a few pictures, for people: the picture under its segments, a JPEG.
THUMBNAILS = pa.schema([pa.field("picture", pa.string(), nullable=False), pa.field("jpeg", pa.binary())])
TABLES = {"segments": SEGMENTS, "thumbnails": THUMBNAILS, "pictures": PICTURES}
# As it comes from the actors.
SENT = PICTURES.append(pa.field("segments", pa.list_(_SEGMENT))).append(pa.field("jpeg", pa.binary()))
LAYOUT = hashlib.sha256(f"{PICTURES}{SEGMENTS}".encode()).hexdigest()[:12]


def answered(
    picture: str, listed_as: str, answer: Mapping[str, Any], at: datetime, jpeg: bytes | None = None
) -> dict[str, Any]:
    """The row of a picture that was parsed; `answer` is the service's JSON with masks as RLE or none."""
    image = answer["image"]
    own = {name: answer.get(name) for name in ParseAnswer.model_fields if name not in _LEFT_OUT}
    return own | {
        "picture": picture,
        "listed_as": listed_as,
        "tagged_at": at,
        "sha256": image["sha256"],
        "width": image["width"],
        "height": image["height"],
        "persons": [_flat(person) for person in answer["persons"]],
        "segments": [_flat(segment) for segment in answer["segments"]],
        "jpeg": jpeg,
    }


def failed(picture: str, listed_as: str, error: SpectrumError, at: datetime) -> dict[str, Any]:
    """The row of a picture that has no answer."""
    told = {"error_code": error.code, "error_detail": error.detail}
    return {"picture": picture, "listed_as": listed_as, "tagged_at": at, **told}


def tables(came: pa.Table) -> dict[str, pa.Table]:
    """What came from an actor as the tables that are kept, by name."""
    came = came.combine_chunks()
    return {
        "segments": _segments(came),
        "thumbnails": came.filter(came["jpeg"].is_valid()).select(THUMBNAILS.names).cast(THUMBNAILS),
        "pictures": came.select(PICTURES.names).cast(PICTURES),
    }


def _segments(came: pa.Table) -> pa.Table:
    lists = _one(came["segments"])
    owner = pc.list_parent_indices(lists)
    columns = dict(zip(_names(_SEGMENT), pc.list_flatten(lists).flatten(), strict=True))
    columns["picture"] = came["picture"].take(owner)
    columns["picture_width"] = came["width"].take(owner)
    columns["picture_height"] = came["height"].take(owner)
    columns["color"] = pa.array(
        [found[0]["name"] if found else None for found in columns["colors"].to_pylist()], pa.string()
    )
    return pa.table({name: columns[name] for name in SEGMENTS.names}, schema=SEGMENTS)


def answer(picture: Mapping[str, Any], segments: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The service's answer again, from a row of `pictures` and its rows of `segments`, as plain values.

    What an answer has only on demand (tags) is left out where there is none.
    """
    size = [picture["height"], picture["width"]]
    own = set(SegmentAnswer.model_fields) | {*_SIDES, "rle"}
    kept = {name: picture[name] for name in ParseAnswer.model_fields if name not in _LEFT_OUT}
    return kept | {
        "image": {"width": picture["width"], "height": picture["height"], "sha256": picture["sha256"]},
        "persons": [_round(person, size) for person in picture["persons"]],
        "segments": [
            _round({name: value for name, value in row.items() if name in own}, size) for row in segments
        ],
    }


def _flat(part: Mapping[str, Any]) -> dict[str, Any]:
    """A person or segment with its box and mask as plain columns."""
    rest = {name: value for name, value in part.items() if name not in ("bbox", "mask")}
    mask = part.get("mask")
    return rest | dict(zip(_SIDES, part["bbox"], strict=True)) | {"rle": mask["counts"] if mask else None}


def _round(part: Mapping[str, Any], size: list[int]) -> dict[str, Any]:
    """The way back from `_flat`."""
    rest = {name: value for name, value in part.items() if name not in (*_SIDES, "rle")}
    rest = {name: value for name, value in rest.items() if value is not None or name not in _ON_DEMAND}
    mask = None if part["rle"] is None else {"size": size, "counts": part["rle"]}
    return rest | {"bbox": [part[side] for side in _SIDES], "mask": mask}


def _names(struct: pa.StructType) -> list[str]:
    return [struct.field(i).name for i in range(struct.num_fields)]


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
