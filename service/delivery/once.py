"""One job for many requests that ask the same, and for one request that is sent many times."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from service.delivery import cache
from service.delivery.jobs import Jobs
from service.settings import Settings

Outcome = Literal["own", "miss", "shared", "hit", "again", "reused", "gone"]
_REVISION_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request is, as far as it may be one with others.

    `question` is `cache.question`'s name ('' = nothing is shared), `about` is `cache.about`'s,
    `sync` says that the answer goes to who asks and no job's record is shown, `revision` is the one in
    the question. `place` is `idempotency.place`'s and `fingerprint` names the whole request ('' = none).
    """

    question: str
    about: str
    sync: bool
    revision: str
    place: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Which job answers; `kept` is its result where one is kept."""

    outcome: Outcome
    id: str
    kept: dict[str, Any] | None = None


class Once:
    """Claims of one process. Every method raises QueueUnavailable when Redis does not answer."""

    def __init__(self, jobs: Jobs, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs, self._broker, self._settings = jobs, jobs.broker, settings
        self._clock = clock
        self._revision: tuple[float, str | None] = (float("-inf"), "")

    async def revision(self) -> str | None:
        """The revision that all workers serve, '' without workers, None where they differ; a second old."""
        read, revision = self._revision
        if self._clock() - read > _REVISION_SECONDS:
            revision = cache.one_revision(await self._jobs.workers())
            self._revision = (self._clock(), revision)
        return revision

    async def submit(
        self, ask: Ask, image: bytes, request: dict[str, Any], *, deadline: float | None = None
    ) -> Claim:
        """The job that answers; one of outcome `own` or `miss` is new, and enqueued as by `Jobs.submit`.

        `deadline` (seconds since the epoch) of who joins a job is the job's too where it is later.
        Raises what `Jobs.submit` raises; nothing is kept of the request then.
        """
        limits, job_id = self._settings, secrets.token_hex(16)
        shared = bool(ask.question and limits.cache_ttl)
        keys, arguments = self._jobs.entry(job_id, image, request, deadline)
        keys += [self._broker.key("flight", ask.question), self._broker.key("idempotency", ask.place)]
        arguments += [
            self._broker.key(""),
            str(1000 * limits.cache_ttl) if shared else "",
            1000 * limits.result_ttl_seconds,
            ask.revision,
            ask.about,
            int(ask.sync),
            ask.fingerprint,
            limits.idempotency_ttl_seconds,
        ]
        self._jobs.replies.listen()
        outcome, answering, *kept = await self._jobs.admit("ask", keys, arguments)
        result = json.loads(kept[0])["result"] if kept and kept[0] is not None else None
        return Claim(cast(Outcome, outcome.decode()), answering.decode(), result)

    async def leave(self, job_id: str) -> bool:
        """Who asked for the job wants it no more; it is cancelled where nobody else does. Was it?"""
        if await self._broker.run("leave", [self._broker.key("wanted", job_id)], []):
            return False
        return await self._jobs.cancel(job_id)
