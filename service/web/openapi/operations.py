"""Every operation of the contract: its name, what may go wrong, which headers it reads and sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ANY = ("internal_error", "upload_timeout")
_QUEUE = ("queue_unavailable",)
_CALLER = ("api_key_missing", "api_key_invalid", "api_key_revoked", "api_key_expired")
_LIMITS = ("rate_limited", "concurrency_limited", "quota_exceeded")
_BODY = ("malformed_body", "body_too_large", "unsupported_media_type", "invalid_field", "conflicting_fields")
_ASKED = ("too_many_prompts", "invalid_prompt", "invalid_caption", "callback_unavailable")
_PICTURE = (
    "image_missing",
    "image_empty",
    "image_base64_invalid",
    "image_type_unsupported",
    "image_undecodable",
    "image_animated",
    "image_too_large",
    "image_too_many_pixels",
    "url_input_unavailable",
    "url_invalid",
    "url_refused",
    "url_unreachable",
    "url_timeout",
    "url_too_large",
    "url_not_found",
    "too_many_redirects",
)
_ENDS = ("job_cancelled", "job_expired", "deadline_exceeded", "parse_failed", "delivery_limit")
_FULL = ("overloaded", "queue_out_of_memory")


@dataclass(frozen=True, slots=True)
class Operation:
    """`errors` are codes; `parameters` name entries of PARAMETERS, `headers` of HEADERS by status."""

    id: str
    tag: str
    summary: str
    errors: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    headers: Mapping[str, tuple[str, ...]] | None = None
    open: bool = False  # needs no key


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("/parse", "post"): Operation(
        "parse",
        "Parsing",
        "Parse one picture",
        (
            *_ANY,
            *_CALLER,
            *_LIMITS,
            *_BODY,
            *_ASKED,
            *_PICTURE,
            *_ENDS,
            *_FULL,
            *_QUEUE,
            "not_acceptable",
            "idempotency_key_reused",
        ),
        ("format", "Prefer", "X-Deadline-Ms", "Idempotency-Key", "If-None-Match", "Cache-Control"),
        {
            "200": ("ETag", "Vary", "RateLimit", "RateLimit-Policy"),
            "202": ("Location", "Preference-Applied", "RateLimit", "RateLimit-Policy"),
            "304": ("ETag",),
        },
    ),
    ("/parse/batch", "post"): Operation(
        "parseBatch",
        "Parsing",
        "Parse several pictures",
        (
            *_ANY,
            *_CALLER,
            *_LIMITS,
            *_BODY,
            *_ASKED,
            *_FULL,
            *_QUEUE,
            "too_many_images",
            "image_missing",
            "idempotency_key_reused",
        ),
        ("Prefer", "X-Deadline-Ms", "Idempotency-Key", "Cache-Control"),
        {"200": ("RateLimit", "RateLimit-Policy"), "202": ("Preference-Applied",)},
    ),
    ("/jobs/{job_id}", "get"): Operation(
        "getJob",
        "Jobs",
        "See where a job stands",
        (
            *_ANY,
            *_CALLER,
            "rate_limited",
            "job_not_found",
            "invalid_field",
            "not_acceptable",
            "masks_missing",
            *_QUEUE,
        ),
        ("job_id", "format", "include", "exclude", "Prefer"),
        {"200": ("Vary",)},
    ),
    ("/jobs/{job_id}", "delete"): Operation(
        "cancelJob",
        "Jobs",
        "Cancel a job",
        (*_ANY, *_CALLER, "rate_limited", "job_not_found", *_QUEUE),
        ("job_id",),
    ),
    ("/jobs/{job_id}/events", "get"): Operation(
        "watchJob",
        "Jobs",
        "Watch a job",
        (*_ANY, *_CALLER, "rate_limited", "job_not_found", "too_many_streams", *_QUEUE),
        ("job_id", "Last-Event-ID"),
    ),
    ("/info", "get"): Operation(
        "info", "Service", "Version, models and limits", (*_ANY, *_CALLER, "rate_limited", *_QUEUE)
    ),
    ("/livez", "get"): Operation(
        "livez", "Service", "Is this process alive?", ("internal_error",), open=True
    ),
    ("/readyz", "get"): Operation(
        "readyz",
        "Service",
        "Can pictures be parsed now?",
        ("internal_error", "not_ready", *_QUEUE),
        open=True,
    ),
    ("/metrics", "get"): Operation("metrics", "Service", "Prometheus metrics", ("internal_error", *_CALLER)),
}


def methods(path: str) -> list[str]:
    """The methods of the operations at an address; empty where there is none."""
    found = [
        method.upper()
        for (template, method) in OPERATIONS
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return sorted(found)


TAGS = (
    {"name": "Parsing", "description": "Pictures in, parsings out."},
    {"name": "Jobs", "description": "What a caller need not wait for."},
    {"name": "Service", "description": "How the service stands."},
)


def _text(description: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}}


HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-ID": _text("The request's name in the logs, the caller's own where one was given"),
    "Server-Timing": _text("Milliseconds of each stage"),
    "Location": _text("The job's address, in the form that was asked for", format="uri-reference"),
    "Preference-Applied": _text("Which preference was followed (RFC 7240)"),
    "Retry-After": {
        "description": "Seconds until it is worth trying again",
        "schema": {"type": "integer", "minimum": 0},
    },
    "ETag": _text("Names this answer: same picture, same wishes, same model"),
    "Vary": _text("What else the answer depends on"),
    "WWW-Authenticate": _text("How to send a key"),
    "RateLimit": _text("What is left of the key's limits, where it has any"),
    "RateLimit-Policy": _text("The key's limits, where it has any"),
}
