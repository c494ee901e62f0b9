"""What answers hold: schemas, examples, and a problem document for each error."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import numpy as np
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service import schemas
from service.answers import masks
from service.errors import CONTENT_TYPE, ERRORS, SpectrumError
from service.tags.fashionpedia import fashionpedia
from service.tags.google import google
from service.tags.tagging import Tags
from service.web.negotiate import JSON, MEDIA_TYPES, PNG
from service.web.openapi.operations import HEADERS

_ALWAYS = ("X-Request-ID", "Server-Timing")
_MODELS: tuple[type[BaseModel], ...] = (
    schemas.ParseAnswer,
    schemas.JobAnswer,
    schemas.BatchAnswer,
    schemas.ProblemAnswer,
)
# `include` and `exclude` may leave these fields out, so that no more can be promised.
_PROMISED = {
    "ParseAnswer": ["id", "object"],
    **{name: [] for name in ("ModelFacts", "ImageFacts", "PersonAnswer", "SegmentAnswer", "ColorAnswer")},
    **{name: [] for name in ("TagsAnswer", "TagColor", "AttributesAnswer", "CategoryAnswer")},
}
_ID = "3f6c1b0de59a4e7c8b1f2a3d4c5e6f70"


def components() -> dict[str, Any]:
    """Schemas of everything that is answered, by name."""
    template = "#/components/schemas/{model}"
    _, made = models_json_schema([(model, "serialization") for model in _MODELS], ref_template=template)
    told: dict[str, Any] = made["$defs"]
    for name, promised in _PROMISED.items():
        told[name]["required"] = promised
        if not promised:
            del told[name]["required"]
    told["ProblemAnswer"]["properties"]["code"]["enum"] = sorted(ERRORS)
    told["JobStatus"] = {"type": "string", "enum": list(_statuses())}
    return told


def _statuses() -> Iterable[str]:
    return ("queued", "running", "done", "failed", "cancelled", "expired")


def reference(name: str) -> dict[str, str]:
    """A component's schema by reference."""
    return {"$ref": f"#/components/schemas/{name}"}


def headers(names: Iterable[str]) -> dict[str, Any]:
    """An answer's headers, those that every answer has included."""
    return {name: HEADERS[name] for name in (*_ALWAYS, *names)}


def forms() -> dict[str, Any]:
    """A parsing's content, in every form that it comes in."""
    return {
        MEDIA_TYPES[JSON]: {"schema": reference("ParseAnswer"), "examples": _parsing_example()},
        **exported(),
    }


def exported() -> dict[str, Any]:
    """The forms of a parsing beside plain JSON."""
    told: dict[str, Any] = {}
    for name, media in MEDIA_TYPES.items():
        if name != JSON:
            told[media] = {"schema": _schema(name)}
    return told


def _schema(name: str) -> dict[str, Any]:
    if name == PNG:
        return {"type": "string", "format": "binary", "description": "The picture under its segments"}
    if name == "cvat":
        return {"type": "string", "description": "CVAT for images 1.1"}
    if name == "label-studio":
        return {"type": "array", "items": {"type": "object"}, "description": "Tasks with predictions"}
    required = ["images", "annotations", "categories"]
    listed = {"type": "array", "items": {"type": "object"}}
    return {"type": "object", "required": required, "properties": dict.fromkeys(required, listed)}


def problems(codes: Iterable[str], path: str) -> dict[str, Any]:
    """Responses by status: what each error of an operation looks like."""
    grouped: dict[int, list[type[SpectrumError]]] = {}
    for code in codes:
        grouped.setdefault(ERRORS[code].status, []).append(ERRORS[code])
    return {str(status): _problem(kinds, path) for status, kinds in sorted(grouped.items())}


def _problem(kinds: list[type[SpectrumError]], path: str) -> dict[str, Any]:
    status = kinds[0].status
    extra = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}.get(status, ())
    examples = {
        kind.code: {
            "summary": kind.title,
            "value": kind(_when(kind), retry_after=2 if status in (429, 503) else None).problem(path),
        }
        for kind in kinds
    }
    return {
        "description": f"{HTTPStatus(status).phrase}: " + ", ".join(f"`{kind.code}`" for kind in kinds),
        "headers": headers(extra),
        "content": {CONTENT_TYPE: {"schema": reference("ProblemAnswer"), "examples": examples}},
    }


def _when(kind: type[SpectrumError]) -> str:
    return " ".join((kind.__doc__ or kind.title).split())


def _parsing_example() -> dict[str, Any]:
    return {
        "parsing": {"summary": "One person in a jacket", "value": example()},
        "tags": {"summary": "With tags", "value": example(tagged=True)},
    }


def example(*, tagged: bool = False) -> dict[str, Any]:
    """A parsing of one person; its masks are of a picture of 8 x 12 pixels."""
    inside = np.zeros((12, 8), dtype=np.uint16)
    inside[3:7, 2:6] = 1
    jacket = {
        "id": 1,
        "label": "denim jacket",
        "kind": "clothing",
        "person_id": 1,
        "score": 0.91,
        "bbox": [2, 3, 4, 4],
        "area": 16,
        "mask": masks.rle(inside, [1])[0],
        "taxonomy": ["upper body", "jacket"],
        "colors": [{"hex": "#2b3c55", "name": "navy", "coverage": 0.7}],
    }
    if tagged:
        jacket["tags"] = _tags()
    person = {
        "id": 1,
        "score": 0.98,
        "bbox": [2, 3, 4, 4],
        "area": 16,
        "mask": jacket["mask"],
        "segments": [1],
    }
    return {
        "id": _ID,
        "object": "parsing",
        "model": {"name": "mini", "revision": "0123456789ab"},
        "image": {"width": 8, "height": 12, "sha256": "ab" * 32},
        "persons": [person],
        "segments": [jacket],
        "unmatched_prompts": ["scarf"],
        "warnings": [],
        "timings_ms": {"decode": 3.0, "queue": 1.0, "forward": 180.0, "postprocess": 12.0},
    }


def _tags() -> dict[str, Any]:
    path = ("upper body", "jacket")
    navy = schemas.ColorAnswer(hex="#2b3c55", name="navy", coverage=0.7)
    told = {"pattern": "plain", "sleeve_length": "long"}
    return Tags(1, path, (navy,), told, fashionpedia(path), google(path)).as_json()


def job_examples() -> dict[str, Any]:
    """A job on its way and one that is done."""
    return {
        "queued": {"summary": "Not begun", "value": {"id": _ID, "status": "queued"}},
        "done": {"summary": "Ended", "value": {"id": _ID, "status": "done", "result": example()}},
    }
