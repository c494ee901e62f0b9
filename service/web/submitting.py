"""One picture on its way into the queue: the same for every route that takes pictures."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from service import errors, images, metrics
from service.delivery import cache, idempotency
from service.delivery.once import Ask, Claim, Once, Outcome
from service.schemas import ImageFacts, Options
from service.settings import Settings
from service.telemetry import traces
from service.web.callbacks import Deliverer
from service.web.waiting import wants_async

_SMALL = 262_144  # bytes whose header and hash take less time than a thread to do it
_COUNTED: dict[Outcome, metrics.CacheOutcome] = {
    "own": "bypass",
    "miss": "miss",
    "shared": "shared",
    "hit": "hit",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture whose header has been read, and what its request is as far as others may ask the same.

    `told` are its options as plain JSON; `etag` (quoted) names the answer where that can be told beforehand.
    """

    facts: ImageFacts
    told: dict[str, Any]
    ask: Ask
    etag: str | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A picture that has been taken: the job's id, and what is known of its answer by now.

    `cached` is the answer itself where one was kept; `outcome` says how the job was come by.
    """

    id: str
    etag: str | None = None
    cached: dict[str, Any] | None = None
    outcome: Outcome = "own"


async def submit_one(
    request: Request, data: bytes, options: Options, *, deadline: float | None, part: int | None = None
) -> Submitted:
    """Check the picture's header and bring it into the queue, unless its answer is known.

    `deadline` is in seconds since the epoch; `part` numbers the pictures of a request that has several.
    Raises what `images.inspect`, `ask` and `Jobs.submit` raise.
    """
    asked = await ask(request, data, options, part=part)
    return await submit(request, data, options, asked, deadline=deadline)


async def ask(request: Request, data: bytes, options: Options, *, part: int | None = None) -> Asked:
    """What the request is; nothing is enqueued yet.

    Raises what `images.inspect` raises, InvalidField for metadata or an Idempotency-Key that is none,
    QueueUnavailable, and what `Deliverer.check` raises of `callback_url`.
    """
    settings: Settings = request.app.state.settings
    once: Once = request.app.state.once
    key = request.headers.get("idempotency-key")
    key = None if key is None else idempotency.checked(key)
    _check(options.metadata, settings)
    if options.callback_url is not None:
        deliverer: Deliverer = request.app.state.deliverer
        await deliverer.check(options.callback_url)
    facts = await _facts(data, images.Limits.of(settings))
    told, caller = options.model_dump(mode="json"), _caller(request)
    revision = await once.revision()
    question = "" if revision is None else cache.question(facts.sha256, told, revision, caller)
    about = cache.about(options.metadata)
    return Asked(
        facts,
        told,
        Ask(
            question="" if _uncached(request.headers) else question,
            about=about,
            sync=not wants_async(request.headers),
            revision=revision or "",
            place="" if key is None else idempotency.place(caller, key, part),
            fingerprint="" if key is None else idempotency.fingerprint(request.url.path, facts.sha256, told),
        ),
        cache.etag(question, about) if revision else None,
    )


async def submit(
    request: Request, data: bytes, options: Options, asked: Asked, *, deadline: float | None
) -> Submitted:
    """Enqueue the picture, unless a job or an answer is there for it.

    Raises IdempotencyKeyReused, JobExpired for an idempotency key whose answer is no longer kept, and what
    `Jobs.submit` raises.
    """
    once: Once = request.app.state.once
    claim = await once.submit(asked.ask, data, _carried(request, asked), deadline=deadline)
    if claim.outcome == "reused":
        raise errors.IdempotencyKeyReused("This Idempotency-Key came with another request before.")
    if claim.outcome == "gone":
        raise errors.JobExpired("The answer to this Idempotency-Key is no longer kept.")
    if options.callback_url is not None:
        await _call_back(request, options.callback_url, options, asked, claim, deadline)
    request.state.job_id = claim.id  # for the request's log line
    if claim.outcome in _COUNTED:
        metrics.CACHE.labels(outcome=_COUNTED[claim.outcome]).inc()
    return Submitted(claim.id, asked.etag, claim.kept, claim.outcome)


def _carried(request: Request, asked: Asked) -> dict[str, Any]:
    """What the job carries beside its picture: plain JSON, all of it checked before."""
    return {
        **{name: wish for name, wish in asked.told.items() if name != "callback_url"},
        "image": asked.facts.model_dump(),  # as stored, before EXIF
        "request_id": request.state.request_id,
        "submitted_at": time.time(),  # seconds since the epoch
        "caller": _caller(request),
        "traceparent": traces.carried(request.state.traceparent),
    }


async def _call_back(
    request: Request, url: str, options: Options, asked: Asked, claim: Claim, deadline: float | None
) -> None:
    """Remember whom to tell of the job's end; where that is past, they are told at once."""
    callbacks = request.app.state.deliverer.callbacks
    # A request that is sent again under its key names the same callback.
    named = f"{asked.ask.place or secrets.token_hex(16)} {claim.id}"
    await callbacks.add(
        f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}",
        claim.id,
        url,
        caller=_caller(request),
        metadata=options.metadata,
        open_seconds=None if deadline is None else max(0.0, deadline - time.time()),
    )


def _caller(request: Request) -> str:
    return str(request.state.caller.id)


def _uncached(headers: Headers) -> bool:
    wishes = re.split(r"[\s,;]+", ",".join(headers.getlist("cache-control")).lower())
    return "no-cache" in wishes or "no-store" in wishes


def _check(metadata: dict[str, str] | None, settings: Settings) -> None:
    size = len(json.dumps(metadata)) if metadata else 0
    if size > settings.max_metadata_bytes:
        raise errors.InvalidField(f"metadata: {size} bytes; the limit is {settings.max_metadata_bytes}.")


async def _facts(data: bytes, limits: images.Limits) -> ImageFacts:
    if len(data) <= _SMALL:
        return _read_off(data, limits)
    return await asyncio.to_thread(_read_off, data, limits)


def _read_off(data: bytes, limits: images.Limits) -> ImageFacts:
    header = images.inspect(data, limits)
    return ImageFacts(width=header.width, height=header.height, sha256=hashlib.sha256(data).hexdigest())
