"""Answers as typed values; masks become arrays when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter

from service.answers import pixels
from service.remote.failures import ApiError
from service.schemas import (
    AnyMask,
    ColorAnswer,
    ImageFacts,
    JobAnswer,
    ModelFacts,
    ParseAnswer,
    PersonAnswer,
    ProblemAnswer,
    SegmentAnswer,
)
from service.tags.shapes import AttributesAnswer, CategoryAnswer, TagsAnswer

Status = Literal["queued", "running", "done", "failed", "cancelled", "expired"]


def _array(mask: AnyMask) -> NDArray[np.bool_]:
    if mask is None:
        raise ValueError("the answer was asked for without masks")
    return pixels.of(mask.model_dump())


class Person(PersonAnswer):
    """One person and the ids of the segments that are theirs."""

    def mask_array(self) -> NDArray[np.bool_]:
        """The person's pixels, (height, width) of the picture; ValueError without a mask."""
        return _array(self.mask)


class Segment(SegmentAnswer):
    """One garment, accessory or body part."""

    def mask_array(self) -> NDArray[np.bool_]:
        """The segment's pixels, (height, width) of the picture; ValueError without a mask."""
        return _array(self.mask)


class Parsing(ParseAnswer):
    """A parsing. Fields that `include` or `exclude` left out raise AttributeError."""

    persons: list[Person]  # type: ignore[assignment]
    segments: list[Segment]  # type: ignore[assignment]

    def segment_map(self) -> NDArray[np.uint16]:
        """The id of the segment that owns each pixel, 0 for none: (height, width)."""
        owners = np.zeros((self.image.height, self.image.width), dtype=np.uint16)
        for segment in self.segments:
            owners[segment.mask_array()] = segment.id
        return owners


class Job(JobAnswer):
    """Where a job stands."""

    result: Parsing | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in ("queued", "running")

    def parsing(self) -> Parsing:
        """The result of a job that is done; ApiError for one that ended otherwise, ValueError for others."""
        if self.result is not None:
            return self.result
        if self.error is None:
            raise ValueError(f"job {self.id} is {self.status} and has no result")
        raise ApiError(self.error.model_dump())


class Event(BaseModel):
    """A change of a job's status; `id` is where to go on from."""

    id: str
    status: Status

    @property
    def last(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self.status not in ("queued", "running")


def parsing(document: Mapping[str, Any]) -> Parsing:
    """An answer's JSON as a parsing; ValueError (pydantic's) for what is none."""
    return Parsing.model_validate(document)


def partial(document: Mapping[str, Any]) -> Parsing:
    """An answer some of whose fields were left out on purpose."""
    made: Parsing = _loose(Parsing, document)
    return made


def job(document: Mapping[str, Any], *, whole: bool = True) -> Job:
    """A job's JSON; `whole`: nothing of its result was left out."""
    told = dict(document)
    result, error = told.pop("result", None), told.pop("error", None)
    made = Job.model_validate(told)
    if result is not None:
        made.result = parsing(result) if whole else partial(result)
    if error is not None:
        made.error = ProblemAnswer.model_validate(error)
    return made


_SHAPES: Mapping[str, type[BaseModel]] = {
    "image": ImageFacts,
    "model": ModelFacts,
    "persons": Person,
    "segments": Segment,
    "colors": ColorAnswer,
    "tags": TagsAnswer,
    "attributes": AttributesAnswer,
    "fashionpedia": CategoryAnswer,
    "google": CategoryAnswer,
}
_MASK: TypeAdapter[AnyMask] = TypeAdapter(AnyMask)


def _loose(shape: type[BaseModel], document: Mapping[str, Any]) -> Any:
    """The fields that are there; those that are not stay unset."""
    return shape.model_construct(**{name: _value(name, value) for name, value in document.items()})


def _value(name: str, value: Any) -> Any:
    if name == "mask":
        return _MASK.validate_python(value)
    shape = _SHAPES.get(name)
    if shape is not None and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [_loose(shape, item) for item in value]
    return _loose(shape, value) if shape is not None and isinstance(value, dict) else value
