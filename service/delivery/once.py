"""One job for many requests that ask the same, and for one request that is sent many times."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from service.delivery import cache
from service.delivery.broker import translated
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
    """Which job answers: `enqueued` once the queue knows it; `kept` is its result where one is kept."""

    outcome: Outcome
    id: str
    enqueued: bool
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

    async def claim(self, ask: Ask, deadline: float | None) -> Claim:
        """The job that answers; one of outcome `own` or `miss` is new and still to be enqueued.

        `deadline` (seconds since the epoch) of who joins a job is the job's too where it is later.
        """
        limits = self._settings
        shared = bool(ask.question and limits.cache_ttl)
        left = "" if deadline is None else str(max(0, round(1000 * (deadline - time.time()))))
        arguments: list[bytes | str | int] = [
            secrets.token_hex(16),
            self._jobs.replies.stream,
            self._broker.key(""),
            str(1000 * limits.cache_ttl) if shared else "",
            1000 * limits.result_ttl_seconds,
            ask.revision,
            ask.about,
            int(ask.sync),
            left,
            limits.image_ttl_seconds + limits.result_ttl_seconds,
            ask.fingerprint,
            limits.idempotency_ttl_seconds,
        ]
        outcome, job_id, enqueued, *kept = await self._broker.run("claim", self._places(ask), arguments)
        result = json.loads(kept[0])["result"] if kept and kept[0] is not None else None
        return Claim(cast(Outcome, outcome.decode()), job_id.decode(), bool(enqueued), result)

    async def enqueued(self, ask: Ask) -> None:
        """Remember that the job of an idempotency key has been in the queue."""
        if ask.place:
            with translated():
                await self._broker.client.hset(self._places(ask)[1], "enqueued", "1")

    async def disclaim(self, ask: Ask, job_id: str) -> None:
        """Take a claim back whose job the queue refused."""
        keys = [*self._places(ask), *(self._broker.key(kind, job_id) for kind in _OF_A_JOB)]
        await self._broker.run("disclaim", keys, [job_id])

    async def leave(self, job_id: str) -> bool:
        """Who asked for the job wants it no more; it is cancelled where nobody else does. Was it?"""
        if await self._broker.run("leave", [self._broker.key("wanted", job_id)], []):
            return False
        return await self._jobs.cancel(job_id)

    def _places(self, ask: Ask) -> list[str]:
        return [self._broker.key("flight", ask.question), self._broker.key("idempotency", ask.place)]


_OF_A_JOB = ("job", "listeners", "wanted")
