"""A worker's side of the queue: claim, fetch, begin, renew, finish."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Literal, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from service import metrics
from service.delivery.base import GROUP, Base, dump
from service.delivery.broker import Broker, translated
from service.delivery.views import Claimed, Status, done
from service.errors import (
    DeadlineExceeded,
    DeliveryLimit,
    InternalError,
    JobExpired,
    ParseFailed,
    SpectrumError,
)
from service.settings import Settings

T = TypeVar("T")
_Entry = tuple[str, str]  # of the stream, and the job's id
_Step = Literal["claim", "begin", "rest"]
_DEAD = (DeliveryLimit, InternalError, ParseFailed)  # failures that somebody should look into


class Claims(Base):
    """At least once: a job whose worker falls silent for a lease is run again; its outcome is kept once.

    A job is in danger while its picture is fetched and decoded and while the model has it. One that is
    in danger when its worker is lost has been tried; others that the worker held have not.
    """

    def __init__(self, broker: Broker, settings: Settings) -> None:
        super().__init__(broker, settings)
        self._lease_ms = max(1, round(settings.lease_seconds * 1000))
        self._cursor = "0-0"
        self._next_sweep = 0.0
        self._handed: tuple[str, bytes] | None = None

    async def claim(
        self, consumer: str, count: int, block_ms: int, held: Collection[str] = (), *, hand: bool = False
    ) -> list[Claimed]:
        """Up to `count` jobs, those of silent workers first; waits up to `block_ms` for the first.

        Jobs that the worker holds (`held`, their ids) are not returned again. One that was tried as often
        as the limit says is not returned either: it fails and becomes a dead letter. With `hand`, a job that
        comes alone to a worker that holds nothing by then brings its picture along, and is in danger already.
        """
        taken: list[Claimed] = []
        with translated():
            entries = await self._in_group(lambda: self._overdue(consumer, count))
            if not entries and hand:
                entries, taken = await self._in_group(lambda: self._alone(consumer, count, block_ms, held))
            elif not entries:
                entries = await self._in_group(lambda: self._fresh(consumer, count, block_ms))
        entries = [entry for entry in entries if entry[1] not in held]
        taken += await self._take(consumer, "claim", entries)
        claimed = await self._in_time(taken, "claim")
        limit = self._settings.delivery_limit
        for job in claimed:
            if job.tries >= limit:
                await self.fail(job, DeliveryLimit(f"The job was given up after {limit} tries."))
        return [job for job in claimed if job.tries < limit]

    async def fetch(self, job: Claimed) -> bytes | None:
        """The picture's bytes, in danger from now on; None where they expired or the job was cancelled."""
        handed, self._handed = self._handed, None
        if handed is not None and handed[0] == job.id:
            return handed[1]
        keys = [self._key("job", job.id), self._key("image", job.id)]
        picture = await self.broker.run("fetch", keys, [])
        return None if picture is None else bytes(picture)

    async def rest(self, consumer: str, jobs: Sequence[Claimed]) -> set[str]:
        """The ids of those that are still wanted and the consumer's; out of danger until they `begin`."""
        return await self._still_wanted(consumer, "rest", jobs)

    async def begin(self, consumer: str, jobs: Sequence[Claimed]) -> set[str]:
        """The same, for the model to begin: in danger from now on."""
        return await self._still_wanted(consumer, "begin", jobs)

    async def renew(self, consumer: str, held: Sequence[Claimed]) -> set[str]:
        """Renew the leases; returns the ids of jobs that the worker does not hold any more."""
        return await self._lease(consumer, held, idle_ms=0, untried=False)

    async def release(self, consumer: str, held: Sequence[Claimed], *, untried: bool) -> None:
        """Give jobs up: another worker may have them at once. `untried` does not count as a try."""
        await self._lease(consumer, held, idle_ms=self._lease_ms, untried=untried)

    async def finish(self, claimed: Claimed, result: dict[str, Any] | str) -> bool:
        """Keep the answer, plain or as `dump` writes it; False where the job had ended before."""
        outcome = done(result if isinstance(result, str) else dump(result))
        return await self._end(claimed.id, claimed.entry, claimed.reply, "done", outcome)

    async def fail(self, claimed: Claimed, error: SpectrumError) -> bool:
        """Keep the failure; False where the job had ended before. What is ours to mend becomes a letter."""
        status: Status = "expired" if isinstance(error, DeadlineExceeded | JobExpired) else "failed"
        tries = claimed.tries if isinstance(error, DeliveryLimit) else claimed.tries + 1
        dead = str(tries) if isinstance(error, _DEAD) else ""
        outcome = dump({"status": status, "error": error.problem()})
        ended = await self._end(claimed.id, claimed.entry, claimed.reply, status, outcome, dead=dead)
        if ended and dead:
            metrics.DEAD_LETTERS.inc()
        return ended

    # How

    async def _in_group(self, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gives, with the group created where it is missing."""
        try:
            return await read()
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
        await self.broker.run("group", [self._key("work")], [GROUP])
        return await read()

    async def _overdue(self, consumer: str, count: int) -> list[_Entry]:
        """Jobs whose worker fell silent: one step of a sweep every quarter of a lease."""
        now = asyncio.get_running_loop().time()
        if now < self._next_sweep:
            return []
        cursor, entries, *_ = await self._client.xautoclaim(
            self._key("work"), GROUP, consumer, self._lease_ms, start_id=self._cursor, count=count
        )
        self._cursor = cursor.decode()
        if self._cursor == "0-0":
            self._next_sweep = now + self._lease_ms / 4000
        metrics.REDELIVERIES.inc(len(entries))
        return _references(entries)

    async def _fresh(self, consumer: str, count: int, block_ms: int) -> list[_Entry]:
        return _delivered(await self._read(self._client, consumer, count, block_ms))

    async def _alone(
        self, consumer: str, count: int, block_ms: int, held: Collection[str]
    ) -> tuple[list[_Entry], list[Claimed]]:
        """What `_fresh` gives; a job that came alone is taken on the same way, its picture along with it."""
        begin = [self._key(kind, "") for kind in ("job", "events", "image")]
        answer, found = await self.broker.run_behind(
            lambda pipeline: self._read(pipeline, consumer, count, block_ms),
            "alone",
            [self._key("work")],
            [GROUP, consumer, "hand", *begin, *held],
        )
        if not found:
            return _delivered(answer), []
        entry, job_id = found[0].decode(), found[1].decode()
        row = found[2]
        if row is not None and row[5]:
            self._handed = job_id, row[5]
        others = [each for each in _delivered(answer) if each[0] != entry]
        return others, _claimed([(entry, job_id)], [row])

    def _read(self, client: Redis, consumer: str, count: int, block_ms: int) -> Any:
        streams: dict[Any, Any] = {self._key("work"): ">"}
        return client.xreadgroup(GROUP, consumer, streams, count=count, block=self.broker.block_ms(block_ms))

    async def _take(self, consumer: str, step: _Step, entries: Sequence[_Entry]) -> list[Claimed]:
        if not entries:
            return []
        keys = [self._key("work")]
        for _, job_id in entries:
            keys += [self._key("job", job_id), self._key("events", job_id)]
        taken = await self.broker.run("take", keys, [GROUP, consumer, step, *(entry for entry, _ in entries)])
        return _claimed(entries, taken)

    async def _still_wanted(self, consumer: str, step: _Step, jobs: Sequence[Claimed]) -> set[str]:
        taken = await self._take(consumer, step, [(job.entry, job.id) for job in jobs])
        stage: metrics.Expiry = "forward" if step == "begin" else "decode"
        return {job.id for job in await self._in_time(taken, stage)}

    async def _in_time(self, jobs: Sequence[Claimed], stage: metrics.Expiry) -> list[Claimed]:
        """Those that are not late; the others end as expired, found out at `stage`."""
        late = [job for job in jobs if job.late]
        for job in late:
            if await self.fail(job, DeadlineExceeded()):
                metrics.expire(stage)
        return [job for job in jobs if job not in late]

    async def _lease(
        self, consumer: str, held: Sequence[Claimed], *, idle_ms: int, untried: bool
    ) -> set[str]:
        if not held:
            return set()
        keys = [self._key("work"), *(self._key("job", job.id) for job in held)]
        arguments: list[bytes | str | int] = [GROUP, consumer, idle_ms, int(untried)]
        arguments += [job.entry for job in held]
        try:
            lost = await self.broker.run("lease", keys, arguments)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            return set()  # the broker came back empty: nobody else has them either
        entries = {entry.decode() for entry in lost}
        return {job.id for job in held if job.entry in entries}


def _references(entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[_Entry]:
    return [(entry.decode(), fields[b"job"].decode()) for entry, fields in entries]


def _delivered(answer: Any) -> list[_Entry]:
    """The entries of what XREADGROUP gives of one stream."""
    return _references(answer[0][1]) if answer else []


def _claimed(entries: Sequence[_Entry], taken: Sequence[Any]) -> list[Claimed]:
    """The jobs behind the rows of a script that takes; None is a job that is not to be had."""
    return [
        Claimed(job_id, entry, row[1].decode(), json.loads(row[0]), row[3], row[2] / 1000, _moment(row[4]))
        for (entry, job_id), row in zip(entries, taken, strict=True)
        if row is not None
    ]


def _moment(left_ms: int | bytes) -> float | None:
    """Where so many milliseconds from now lie on the monotonic clock; None for b''."""
    return None if isinstance(left_ms, bytes) else time.monotonic() + left_ms / 1000
