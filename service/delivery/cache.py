"""When two requests ask the same, and what names their answer. Pure: values in, names out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

# What has no say in the answer that is kept: it is shortened on its way out.
ASIDE = frozenset({"metadata", "callback_url", "include", "exclude"})


def question(sha256: str, options: Mapping[str, Any], revision: str, caller: str) -> str:
    """A name (64 hex digits) that two requests share where one answer does for both.

    `sha256` is that of the picture's bytes, `options` are those of the request as plain JSON, `revision`
    is the model's. The caller is part of it: jobs belong to callers, and nobody is to learn by the clock
    which pictures others sent.
    """
    asked = {name: value for name, value in options.items() if name not in ASIDE and value is not None}
    return _digest([sha256, asked, revision, caller])


def about(metadata: Mapping[str, str] | None) -> str:
    """A name for what a job's record shows of its request; jobs are shared where it is the same."""
    return _digest(dict(metadata)) if metadata else ""


def etag(question: str, *variants: str) -> str:
    """A strong validator, quoted; `variants` say in which form the answer goes out."""
    return f'"{_digest([question, *variants])[:32]}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Whether a header If-None-Match (RFC 9110, 13.1.2) names the tag; weak ones count."""
    given = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(part in ("*", tag) for part in given)


def one_revision(workers: Iterable[Mapping[str, Any]]) -> str | None:
    """The revision that every living worker serves, '' without workers; None where they differ."""
    revisions = {str(worker.get("revision", "")) for worker in workers}
    return revisions.pop() if len(revisions) == 1 else (None if revisions else "")


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
