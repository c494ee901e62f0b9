"""Who gets into the queue: admission and enqueueing in one step, and a cheap look beforehand."""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import time
from typing import Any

from service import metrics
from service.delivery.base import JOB_ID, Base, dump
from service.delivery.broker import Broker, translated
from service.delivery.load import Load, retry_after
from service.errors import DeadlineExceeded, Overloaded, QueueOutOfMemory, QueueUnavailable, SpectrumError
from service.settings import Settings

LOOK_MILLISECONDS = 50  # how old a look at the load may be
CALM_MILLISECONDS = 1_000  # the same, while the queue is far from its limits
_SPREAD = 0.2
_SHOWN = ("caller", "metadata")  # of a request, in its job's record


class Admission(Base):
    """The queue's entrance."""

    def __init__(self, broker: Broker, settings: Settings) -> None:
        super().__init__(broker, settings)
        self._seen: tuple[float, Load] = (-math.inf, Load(0))
        self._sent = 0  # jobs of this process since then
        self._looking = asyncio.Lock()

    async def submit(
        self,
        image: bytes,
        request: dict[str, Any],
        *,
        job_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Admit and enqueue one picture (still encoded); returns the job's id.

        `request` is plain JSON. The worker reads `prompts` (list or None), `caption`, `body_parts` and
        `min_score` of it for the model and hands all of it to the encoder of the answer; its `caller` and
        `metadata` are shown with the job ever after.
        `job_id` (32 hex digits) names the job; where that one exists already, nothing is added. From
        `deadline` (seconds since the epoch) on nobody wants the answer: the model is not begun any more.
        Raises DeadlineExceeded, Overloaded, QueueOutOfMemory, QueueUnavailable; ValueError for an id.
        """
        job_id = job_id if job_id is not None else secrets.token_hex(16)
        if not JOB_ID.fullmatch(job_id):
            raise ValueError(f"a job's id has 32 hex digits, not {job_id!r}")
        await self.admit("submit", *self.entry(job_id, image, request, deadline))
        return job_id

    def entry(
        self, job_id: str, image: bytes, request: dict[str, Any], deadline: float | None
    ) -> tuple[list[str], list[bytes | str | int]]:
        """KEYS and ARGV of `lua/enqueue.lua` for a new job. Raises DeadlineExceeded."""
        limits = self._settings
        named = ("job", "image", "events")
        keys = [self._key("work"), self._key("finished"), *(self._key(kind, job_id) for kind in named)]
        arguments: list[bytes | str | int] = [job_id, image, dump(request), self.replies.stream]
        arguments += [limits.queue_depth, round(1000 * limits.queue_age_seconds), limits.image_ttl_seconds]
        arguments += [limits.image_ttl_seconds + limits.result_ttl_seconds, _milliseconds_left(deadline)]
        arguments.append(dump({name: request[name] for name in _SHOWN if request.get(name)}))
        return keys, arguments

    async def admit(self, script: str, keys: list[str], arguments: list[bytes | str | int]) -> list[Any]:
        """What a script tells that may enqueue a job.

        Raises Overloaded, QueueOutOfMemory, QueueUnavailable.
        """
        try:
            told: list[Any] = await self.broker.run(script, keys, arguments)
        except QueueOutOfMemory:
            metrics.reject("memory")
            raise
        except QueueUnavailable:
            metrics.reject("unavailable")
            raise
        if why := told.pop(0):
            raise self._refusal(why.decode(), await self.load())
        self._sent += 1
        return told

    async def would_refuse(self) -> SpectrumError | None:
        """Why a picture sent now would be refused, None where it would be taken; nothing is raised.

        At most one round trip, none within 50 ms of the last, nor within a second while the queue is far
        from its limits, so that callers can be refused before their picture is read. `submit` decides all
        the same.
        """
        if self._calm():
            return None
        try:
            load = await self.load()
        except (QueueUnavailable, QueueOutOfMemory) as error:
            metrics.reject("unavailable")
            return error
        if load.depth >= self._settings.queue_depth:
            return self._refusal("depth", load)
        if load.waiting_seconds > self._settings.queue_age_seconds:
            return self._refusal("age", load)
        return None

    async def load(self) -> Load:
        """How loaded the queue is, as of 50 ms ago at the most."""
        async with self._looking:  # a crowd looks once
            at, load = self._seen
            if time.monotonic() - at > LOOK_MILLISECONDS / 1000:
                self._sent = 0
                load = await self._look_at_load()
                self._seen = time.monotonic(), load
        return load

    def _calm(self) -> bool:
        """Whether the last look leaves room for all that can have come since."""
        at, load = self._seen
        since = time.monotonic() - at
        limits = self._settings
        return (
            since <= CALM_MILLISECONDS / 1000
            and load.depth + self._sent < limits.queue_depth / 2
            and load.waiting_seconds + since < limits.queue_age_seconds / 2
        )

    async def depth(self) -> int:
        """Jobs waiting or running."""
        with translated():
            return int(await self._client.xlen(self._key("work")))

    async def oldest_age(self) -> float:
        """Seconds since the oldest job that has not ended was submitted; 0 for an empty queue."""
        return (await self._look_at_load()).oldest_seconds

    async def _look_at_load(self) -> Load:
        keys = [self._key("work"), self._key("finished")]
        depth, oldest, waiting, busy, *ended = await self.broker.run("load", keys, [])
        pairs = zip(ended[::2], ended[1::2], strict=True)
        finished = tuple((age / 1000, count) for age, count in pairs)
        return Load(depth, oldest / 1000, waiting / 1000, busy / 1000, finished)

    def _refusal(self, reason: str, load: Load) -> Overloaded:
        pause = retry_after(load, random.uniform(1 - _SPREAD, 1 + _SPREAD))
        if reason == "age":
            metrics.reject("age")
            return Overloaded(
                "Pictures have waited for too long already; try again later.", retry_after=pause
            )
        metrics.reject("depth")
        return Overloaded(f"{load.depth} pictures wait already; try again later.", retry_after=pause)


def _milliseconds_left(deadline: float | None) -> str:
    """Until the deadline, '' without one; raises DeadlineExceeded."""
    if deadline is None:
        return ""
    left = 1000 * (deadline - time.time())
    if left <= 0:
        metrics.expire("admission")
        raise DeadlineExceeded("The deadline had passed before the picture was queued.")
    return str(math.ceil(left))
