"""What requests carry: bodies, parameters and examples of them."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import Any

from PIL import Image

from service.answers.fields import ALWAYS
from service.answers.masks import FORMATS
from service.schemas import answer_fields
from service.settings import Settings
from service.web.negotiate import MEDIA_TYPES

# Some letter or digit, and none of the control characters but tab and line ends.
_WORDED = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*[A-Za-z0-9][^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$"
_URL = {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": 2_048}
_HTTP_URL = "https://images.example.com/photo.jpg"


def options(settings: Settings) -> dict[str, Any]:
    """Schemas of what may be asked of a picture."""
    kept, left_out = _names()
    prompt = {"type": "string", "minLength": 1, "maxLength": settings.max_prompt_length, "pattern": _WORDED}
    told: dict[str, Any] = {
        "prompts": {
            "description": "What to look for, in free words: the whole vocabulary of the answer",
            "type": "array",
            "minItems": 1,
            "maxItems": settings.max_prompts,
            "items": prompt,
        },
        "caption": {
            "description": "A sentence in place of prompts; its key phrases are asked",
            "type": "string",
            "minLength": 1,
            "maxLength": settings.max_caption_length,
            "pattern": _WORDED,
        },
        "body_parts": {
            "description": "Body parts beside the prompts",
            "type": "boolean",
            "default": False,
        },
        "min_score": {
            "description": "Leaves out what scores less",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
        },
        "mask_format": {
            "description": "How masks are written",
            "type": "string",
            "enum": list(FORMATS),
            "default": "rle",
        },
        "tags": {
            "description": "Category, attributes and other taxonomies' categories of each garment",
            "type": "boolean",
            "default": False,
        },
        "include": {"description": "Fields that the answer shall have, beside `id` and `object`", **kept},
        "exclude": {"description": "Fields that the answer shall not have", **left_out},
        "metadata": {
            "description": f"Texts by name, given back; {settings.max_metadata_bytes} bytes as JSON at most",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    }
    if settings.webhook_secret is not None:  # else none are made
        told["callback_url"] = {"description": "Told the job's end by a signed POST", **_URL}
    return told


def _names() -> tuple[dict[str, Any], dict[str, Any]]:
    """Schemas of lists of fields: of those that can be kept, and of those that can be left out."""
    known = sorted(answer_fields())
    optional = [name for name in known if name not in ALWAYS]
    kept, left_out = (
        {"type": "array", "items": {"type": "string", "enum": each}} for each in (known, optional)
    )
    return kept, left_out


def parse_json(settings: Settings) -> dict[str, Any]:
    """Schema of POST /parse as JSON."""
    sources = _nullable(_sources())
    picture = {
        "type": "object",
        "properties": sources,
        "additionalProperties": False,
        "oneOf": [
            {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
            for one, other in (("base64", "url"), ("url", "base64"))
        ],
    }
    return _one_question(
        {
            "type": "object",
            "required": ["image"],
            "properties": {"image": picture, **_nullable(options(settings))},
            "additionalProperties": False,
        }
    )


def parse_form(settings: Settings) -> dict[str, Any]:
    """Schema of POST /parse as a form."""
    image = {"type": "string", "format": "binary", "description": "JPEG, PNG or WebP; this or `image_url`"}
    url = {**_URL, "description": "Where the picture is fetched from"}
    return {
        "type": "object",
        "properties": {"image": image, "image_url": url, **_as_form(options(settings))},
        "additionalProperties": False,
    }


def batch_json(settings: Settings) -> dict[str, Any]:
    """Schema of POST /parse/batch as JSON."""
    item = {
        "type": "object",
        "properties": _nullable({**_sources(), **options(settings)}),
        "description": "A picture by base64 or url; options of its own go before those of all",
        "additionalProperties": False,
    }
    return _one_question(
        {
            "type": "object",
            "required": ["images"],
            "properties": {
                "images": {"type": "array", "minItems": 1, "maxItems": settings.max_batch, "items": item},
                **_nullable(options(settings)),
            },
            "additionalProperties": False,
        }
    )


def batch_form(settings: Settings) -> dict[str, Any]:
    """Schema of POST /parse/batch as a form."""
    image = {
        "type": "array",
        "minItems": 1,
        "maxItems": settings.max_batch,
        "items": {"type": "string", "format": "binary"},
        "description": "JPEG, PNG or WebP; repeat the field",
    }
    urls = {"type": "array", "items": _URL, "description": "repeat the field"}
    return {
        "type": "object",
        "properties": {"image": image, "image_url": urls, **_as_form(options(settings))},
        "additionalProperties": False,
    }


def parse_examples() -> dict[str, Any]:
    """Examples of POST /parse as JSON; the picture is a real one, of a few pixels."""
    return {
        "prompts": _example("Prompts of your own", prompts=["denim jacket", "scarf", "hair"]),
        "vocabulary": _example("The default vocabulary, without masks", mask_format="none"),
        "short": _example(
            "Only what is worn, and its colours", include=["segments.label", "segments.colors"]
        ),
        "tags": _example("What a catalogue keeps", tags=True, include=["segments.label", "segments.tags"]),
        "caption": _example("A sentence", caption="a woman in a red coat and black boots"),
    }


def batch_examples() -> dict[str, Any]:
    """Examples of POST /parse/batch as JSON."""
    pictures = [{"base64": sample()}, {"base64": sample(), "prompts": ["shoes"]}]
    return {"two": {"summary": "Two pictures", "value": {"images": pictures, "prompts": ["hat", "coat"]}}}


def sample() -> str:
    """A picture of a few pixels, in base64."""
    packed = BytesIO()
    Image.new("RGB", (8, 12), (200, 180, 160)).save(packed, "PNG")
    return base64.b64encode(packed.getvalue()).decode("ascii")


def parameters(settings: Settings) -> dict[str, dict[str, Any]]:
    """Parameters by name."""
    kept, left_out = _names()
    return {
        "job_id": _parameter("path", "The job's id", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, True),
        "format": _parameter("query", "Goes before `Accept`", {"type": "string", "enum": list(MEDIA_TYPES)}),
        "include": {**_parameter("query", "Fields of the result", kept), "style": "form", "explode": False},
        "exclude": {**_parameter("query", "Fields left out", left_out), "style": "form", "explode": False},
        "Prefer": _parameter(
            "header",
            "`respond-async`, or `wait=SECONDS` (RFC 7240)",
            {"type": "string", "examples": ["respond-async", "wait=10"]},
        ),
        "X-Deadline-Ms": _parameter(
            "header",
            "Milliseconds from now after which the answer is of no use",
            {"type": "integer", "minimum": 1, "maximum": settings.max_deadline_ms},
        ),
        "Idempotency-Key": _parameter(
            "header",
            "The same key with the same request is one job",
            {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
        ),
        "If-None-Match": _parameter("header", "ETags of answers that are there", {"type": "string"}),
        "Cache-Control": _parameter("header", "`no-cache` computes anew", {"type": "string"}),
        "Last-Event-ID": _parameter("header", "The last event that was received", {"type": "string"}),
    }


def _parameter(where: str, text: str, schema: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {"in": where, "required": required, "description": text, "schema": schema}


def _sources() -> dict[str, Any]:
    return {
        "base64": {
            "description": "JPEG, PNG or WebP; a data: URL will do",
            "type": "string",
            "format": "byte",
            "minLength": 1,
        },
        "url": {"description": "Where the picture is fetched from", **_URL, "examples": [_HTTP_URL]},
    }


def _as_form(fields: dict[str, Any]) -> dict[str, Any]:
    """A form has lists of names as one text with commas, and objects as JSON text."""
    told = dict(fields)
    # None of a repeated field is no field.
    told["prompts"] = {key: value for key, value in fields["prompts"].items() if key != "minItems"}
    for name in ("include", "exclude"):
        one = "|".join(re.escape(known) for known in fields[name]["items"]["enum"])
        told[name] = {
            "type": "string",
            "description": fields[name]["description"] + ", with commas",
            "pattern": f"^(({one})(,({one}))*)?$",
            "examples": ["persons.mask,segments.colors"],
        }
    told["metadata"] = {
        "type": "string",
        "format": "json-object",
        "description": "A JSON object of texts",
        "examples": ['{"id": "7"}'],
    }
    return told


def _one_question(schema: dict[str, Any]) -> dict[str, Any]:
    both = {"prompts": {"type": "array"}, "caption": {"type": "string"}}
    return {**schema, "not": {"required": list(both), "properties": both}}


def _nullable(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON may say null where nothing is asked; a field with a default may only be left out."""
    return {
        name: told if "default" in told else {**told, "type": [told["type"], "null"]}
        for name, told in fields.items()
    }


def _example(summary: str, **asked: Any) -> dict[str, Any]:
    return {"summary": summary, "value": {"image": {"base64": sample()}, **asked}}
