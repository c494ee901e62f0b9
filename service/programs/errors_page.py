"""`python -m service.programs.errors_page`: write docs/errors.md from the classes in `service.errors`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from http import HTTPStatus
from itertools import groupby
from pathlib import Path

from service.errors import ERRORS, SpectrumError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"

_HEAD = """<!-- Written by `python -m service.programs.errors_page`; change service/errors.py instead. -->
# Errors

Every error is a problem document (RFC 9457), `application/problem+json`, whatever format was asked for.
Branch on `code`, which is stable; `title` belongs to the code, `detail` speaks of the one occurrence and may
change. A job that failed holds the same document as its `error`, and so does each item of a batch.

```json
{"type": "urn:problem-type:spectrum:image_too_many_pixels", "title": "The picture has too many pixels",
 "status": 413, "code": "image_too_many_pixels", "instance": "/parse",
 "detail": "The picture is 12000 x 12000 pixels; the limit is 40000000."}
```

`instance` is the path of the request. Where there is a `Retry-After` header (seconds), `retry_after` says the
same. Further members belong to single codes, such as `errors` of `invalid_field`: every field that is wrong.

What may be tried again unchanged: 408, 429, 503 and 504, after `Retry-After` where there is one; a 500 once.
All other errors come again until the request has changed.
"""

# What to do; an error without a line of its own is answered by its status.
_BY_STATUS: Mapping[int, str] = {
    400: "Send a body as the API page shows it.",
    401: "Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    403: "Ask the operator for another key.",
    404: "Check the address.",
    405: "Use a method that `Allow` names.",
    406: "Ask for a format that the API page lists.",
    408: "Send it again, over a better line or smaller.",
    409: "Ask for it as JSON, or submit the picture again with masks.",
    410: "Submit the picture again.",
    413: "Send less; `/info` tells the limits.",
    415: "Send it in a format that `detail` names.",
    422: "Correct the field that `detail` names.",
    429: "Wait for `Retry-After`, then try again.",
    500: "Try once more; then report it with the request id.",
    503: "Wait for `Retry-After`, then try again.",
    504: "Give it more time, or do without.",
}
_BY_CODE: Mapping[str, str] = {
    "internal_error": "Try once more; then report it with its `X-Request-ID`.",
    "too_many_prompts": "Ask in several requests; `/info` tells the limit.",
    "too_many_images": "Send several batches; `/info` tells the limit.",
    "invalid_prompt": "Name what to look for in a few words.",
    "invalid_caption": "Name at least one thing to look for.",
    "conflicting_fields": "Leave one of the two out.",
    "api_key_invalid": "Check the key, or ask the operator for one.",
    "concurrency_limited": "Wait for open requests to end.",
    "quota_exceeded": "Wait until midnight (UTC), as `Retry-After` says, or ask for a higher quota.",
    "image_missing": "Add the file `image`, or `image.base64` or `image.url` in JSON.",
    "image_empty": "Check the file that you sent.",
    "image_base64_invalid": "Encode the bytes in the standard alphabet.",
    "image_type_unsupported": "Convert the picture to JPEG, PNG or WebP.",
    "image_undecodable": "Check that the file is whole; save it anew.",
    "image_animated": "Send one frame.",
    "image_too_many_pixels": "Scale the picture down; `/info` tells the limit.",
    "url_input_unavailable": "Send the picture itself.",
    "url_invalid": "Send a full http or https address.",
    "url_refused": "Use an address of the public internet, or send the picture itself.",
    "url_unreachable": "Check the address, or send the picture itself.",
    "url_timeout": "Try again, or send the picture itself.",
    "url_not_found": "Check the address; it must answer without a login.",
    "too_many_redirects": "Use the final address.",
    "job_not_found": "Check the id; submit the picture again where it is too old.",
    "callback_unavailable": "Leave `callback_url` out, and ask by the job's id or its events.",
    "idempotency_key_reused": "Use a new key for each new request.",
    "deadline_exceeded": "Give it more time, or do without.",
    "parse_failed": "Try another picture; report this one with the request id.",
    "delivery_limit": "Do not send this picture again; report it with the request id.",
    "overloaded": "Wait for `Retry-After`, then try again.",
}


def remedy(kind: type[SpectrumError]) -> str:
    """What a caller can do about an error; KeyError for a status that has no advice yet."""
    return _BY_CODE.get(kind.code) or _BY_STATUS[kind.status]


def page() -> str:
    """The page's text: a table of its errors for each status."""
    kinds = sorted(ERRORS.values(), key=lambda kind: kind.status)
    parts = [_HEAD]
    for status, group in groupby(kinds, key=lambda kind: kind.status):
        parts.append(f"\n## {status} {HTTPStatus(status).phrase}\n\n")
        parts.append("| `code` | title | when | what to do |\n|---|---|---|---|\n")
        parts += [_row(kind) for kind in group]
    return "".join(parts)


def _row(kind: type[SpectrumError]) -> str:
    when = " ".join((kind.__doc__ or "").split()).removesuffix(".")
    return f"| `{kind.code}` | {kind.title} | {when} | {remedy(kind)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} lists {len(ERRORS)} errors\n")
