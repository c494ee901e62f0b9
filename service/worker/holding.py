"""The jobs that one worker holds: their leases renewed, their ends told even past a broker's absence."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from service.delivery.jobs import Claimed, Jobs
from service.errors import InternalError, QueueUnavailable, SpectrumError

log = logging.getLogger(__name__)

T = TypeVar("T")
PAUSES = (0.1, 0.2, 0.5, 1.0)  # seconds between tries while the broker is away; the last one repeats


class Holding:
    """A worker's side of the leases: renewed from `take` to `finish` or `fail`, every quarter of a lease."""

    def __init__(self, jobs: Jobs, consumer: str, lease_seconds: float) -> None:
        self.jobs, self.consumer, self.lease_seconds = jobs, consumer, lease_seconds
        self._held: dict[str, Claimed] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def ids(self) -> Collection[str]:
        """Those of the jobs that are held."""
        return self._held.keys()

    def take(self, job: Claimed) -> bool:
        """Hold a claimed job; False where we hold it already, as after a lease of ours ran out."""
        known = job.id in self._held
        self._held[job.id] = job
        return not known

    def drop(self, job_id: str) -> None:
        """Renew this job no more."""
        self._held.pop(job_id, None)

    async def renew_until(self, over: asyncio.Event, lost: Callable[[set[str]], Awaitable[None]]) -> None:
        """Renew until `over`; `lost` hears of jobs that another worker has taken over."""
        while not await happens(over, self.lease_seconds / 4):
            try:
                gone = await self.jobs.renew(self.consumer, list(self._held.values()))
            except QueueUnavailable:
                continue
            if gone:
                await lost(gone)

    async def finish(self, job: Claimed, result: str) -> None:
        """Keep the answer, which is JSON, and let go."""
        with self._ending(job):
            if await self.insist(lambda: self.jobs.finish(job, result)):
                log.info("job done", extra=told(job, status="done"))

    async def fail(self, job: Claimed, error: Exception) -> None:
        """Keep the failure and let go; of what is not meant for callers only that it happened."""
        if isinstance(error, QueueUnavailable):
            log.warning("job let go: the broker is away", extra=told(job))
            return self.drop(job.id)
        if not isinstance(error, SpectrumError):
            log.error("job broke", exc_info=error, extra=told(job))
            error = InternalError()
        kept = error
        with self._ending(job):
            if await self.insist(lambda: self.jobs.fail(job, kept)):
                log.info("job failed", extra=told(job, status="failed", code=kept.code))

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` gives, tried for a lease: a broker that restarts loses us nothing.

        QueueUnavailable after that: the job is another worker's by then.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.lease_seconds
        failures = 0
        while True:
            try:
                return await call()
            except QueueUnavailable:
                failures += 1
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(pause(failures))

    async def release(self, untried: Collection[str]) -> None:
        """Give everything up to whoever comes first; a try is not counted for the `untried`."""
        left = list(self._held.values())
        try:
            await self.jobs.release(self.consumer, [j for j in left if j.id in untried], untried=True)
            await self.jobs.release(self.consumer, [j for j in left if j.id not in untried], untried=False)
        except QueueUnavailable:
            log.warning("the broker is away: %d jobs wait for their lease to end", len(left))

    @contextmanager
    def _ending(self, job: Claimed) -> Iterator[None]:
        try:
            yield
        except QueueUnavailable:
            log.warning("job let go: the broker is away", extra=told(job))
        finally:
            self.drop(job.id)


def told(job: Claimed, **fields: str) -> dict[str, Any]:
    """What a log line on a job names: ids, milliseconds since it was submitted and until it was claimed."""
    request = job.request
    since = time.time() - request.get("submitted_at", time.time())
    return {
        "job_id": job.id,
        "request_id": request.get("request_id"),
        "key_id": request.get("caller") or None,
        "ms": round(1000 * max(0.0, since), 1),
        "queue_ms": round(1000 * job.queued_seconds, 1),
        **fields,
    }


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event comes within `seconds`.

    Loops that talk to Redis end by an event: redis-py may swallow a cancellation (it uses
    asyncio.wait_for, which does so before Python 3.12).
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row, at least one; not the same for every worker."""
    return PAUSES[min(failures, len(PAUSES)) - 1] * random.uniform(0.5, 1.0)
