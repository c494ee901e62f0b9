"""Every Redis key and every script of the queue: submit, claim, renew, finish, wait.

One stream of references and one consumer group; the picture is a key of its own, so that claiming moves
no bytes. Entries are deleted when their job ends, so the stream's length is what waits or runs. It is
never trimmed, which would destroy jobs. Commands of Redis 7.0 suffice.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from redis.exceptions import ResponseError

from service import metrics
from service.delivery.broker import Broker, translated
from service.delivery.replies import Replies
from service.errors import (
    DeadlineExceeded,
    DeliveryLimit,
    JobCancelled,
    JobExpired,
    Overloaded,
    QueueOutOfMemory,
    QueueUnavailable,
    SpectrumError,
)
from service.settings import Settings

Status = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
T = TypeVar("T")

GROUP = "workers"
LOOK_SECONDS = 2.0  # how often a waiter looks itself, in case its reply was lost
DRAIN_WINDOW_SECONDS = 60
REPLY_TTL_SECONDS = 3_600
SILENT_CONSUMER_MS = 3_600_000
_SHOWN = ("caller", "metadata")  # of a request, in its job's record
_JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class JobView:
    """What a caller may know of a job; `result` once done, `error` (a problem document) once failed.

    `caller` is the id of who made it, `metadata` is what they gave along.
    """

    id: str
    status: Status
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    caller: str = ""
    metadata: dict[str, str] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self.status not in ("queued", "running")

    def wire(self) -> dict[str, Any]:
        """The job as `GET /jobs/{id}` tells it."""
        told: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.result is not None:
            told["result"] = self.result
        if self.error is not None:
            told["error"] = self.error
        if self.metadata is not None:
            told["metadata"] = self.metadata
        return told


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that one worker holds by a lease.

    `entry` names it in the stream, `reply` is the stream of the API replica that waits for it,
    `queued_seconds` is how long ago it was submitted, `deadline` the moment of this machine's monotonic
    clock from which on nobody can use its answer.
    """

    id: str
    entry: str
    reply: str
    request: dict[str, Any]
    deliveries: int
    queued_seconds: float
    deadline: float | None = None

    @property
    def late(self) -> bool:
        """Whether its deadline has passed."""
        return self.deadline is not None and self.deadline <= time.monotonic()


class Jobs:
    """The queue of one service, as an API replica or as a worker.

    At least once: a job whose worker falls silent for a lease is run again; its outcome is kept once.
    Every method raises QueueUnavailable when Redis does not answer.
    """

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self._client = broker.client
        self._key = broker.key
        self._settings = settings
        self._lease_ms = max(1, round(settings.lease_seconds * 1000))
        stream = self._key("replies", secrets.token_hex(8))
        self._replies = Replies(broker.client, stream, broker.block_ms(2_000))
        self._cursor = "0-0"
        self._next_sweep = 0.0

    @classmethod
    def connect(cls, settings: Settings) -> Jobs:
        """A queue at `settings.redis_url`; nothing is sent yet. ValueError without a usable address."""
        return cls(Broker.connect(settings), settings)

    @property
    def broker(self) -> Broker:
        """The way to Redis that this queue takes, for what stands beside it on the same keys."""
        return self._broker

    @property
    def replies(self) -> Replies:
        """The stream that tells this process which jobs have ended."""
        return self._replies

    async def close(self) -> None:
        """Let go of the connections."""
        await self._replies.close()
        await self._broker.close()

    # The API's side

    async def ping(self) -> None:
        """Return once Redis has answered; raises QueueUnavailable."""
        with translated():
            await self._client.ping()

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
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"a job's id has 32 hex digits, not {job_id!r}")
        limits, left_ms = self._settings, ""
        if deadline is not None:
            left = 1000 * (deadline - time.time())
            if left <= 0:
                metrics.expire("admission")
                raise DeadlineExceeded("The deadline had passed before the picture was queued.")
            left_ms = str(math.ceil(left))
        keys = [
            self._key("work"),
            self._key("job", job_id),
            self._key("image", job_id),
            self._key("finished"),
            self._key("events", job_id),
        ]
        arguments: list[bytes | str | int] = [
            job_id,
            image,
            _dump(request),
            self._replies.stream,
            limits.queue_depth,
            limits.image_ttl_seconds,
            limits.image_ttl_seconds + limits.result_ttl_seconds,
            DRAIN_WINDOW_SECONDS,
            left_ms,
            _dump({name: request[name] for name in _SHOWN if request.get(name)}),
        ]
        try:
            admitted, *load = await self._broker.run("submit", keys, arguments)
        except QueueOutOfMemory:
            metrics.reject("memory")
            raise
        except QueueUnavailable:
            metrics.reject("unavailable")
            raise
        if not admitted:
            metrics.reject("depth")
            raise Overloaded(
                f"{load[0]} pictures wait already; try again later.", retry_after=retry_after(*load)
            )
        return job_id

    async def get(self, job_id: str) -> JobView | None:
        """The job as it stands; None where there is no such job."""
        if not _JOB_ID.fullmatch(job_id):
            return None
        keys = [self._key(kind, job_id) for kind in ("result", "job", "image")]
        outcome, status, has_image, late, shown = await self._broker.run("look", keys, [])
        about: dict[str, Any] = json.loads(shown or b"{}")
        if outcome is not None:
            return JobView(job_id, **json.loads(outcome), **about)
        if status is None:
            return None
        if status == b"running" or (status == b"queued" and has_image and not late):
            return JobView(job_id, status.decode(), **about)
        if status == b"queued" and late:
            return JobView(job_id, "expired", error=DeadlineExceeded().problem(), **about)
        return JobView(job_id, "expired", error=JobExpired().problem(), **about)

    async def wait(self, job_id: str, seconds: float) -> JobView | None:
        """The job once it has ended; None where it has not within `seconds`, or does not exist.

        A broker that is away for a while is waited for as well.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._replies.expect(job_id) as ended:
            while True:
                ended.clear()  # before the look, so that what happens behind it wakes us
                with suppress(QueueUnavailable):
                    view = await self.get(job_id)
                    if view is None or view.ended:
                        return view
                left = deadline - loop.time()
                if left <= 0:
                    return None
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_SECONDS)):
                        await ended.wait()

    async def cancel(self, job_id: str) -> bool:
        """End a job that has not ended as cancelled; False where there is nothing to cancel.

        Its worker sees it before the model runs; where the model runs already, the answer is dropped.
        """
        if not _JOB_ID.fullmatch(job_id):
            return False
        with translated():
            reply: Any = await self._client.hget(self._key("job", job_id), "reply")
        if reply is None:
            return False
        return await self._end(job_id, "", reply.decode(), "cancelled", {"error": JobCancelled().problem()})

    async def depth(self) -> int:
        """Jobs waiting or running."""
        with translated():
            return int(await self._client.xlen(self._key("work")))

    async def oldest_age(self) -> float:
        """Seconds since the oldest job that has not ended was submitted; 0 for an empty queue."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.xrange(self._key("work"), count=1)
                pipe.time()
                oldest, (seconds, micros) = await pipe.execute()
        if not oldest:
            return 0.0
        submitted_ms = int(oldest[0][0].split(b"-")[0])
        return max(0.0, float(seconds + micros / 1e6 - submitted_ms / 1e3))

    async def workers(self) -> list[dict[str, Any]]:
        """What each living worker tells of itself: {"worker", "name", "revision", "device"}."""
        with translated():
            members: Any = await self._client.smembers(self._key("workers"))
            names = sorted(members)
            if not names:
                return []
            beats = await self._client.mget([self._key("worker", name.decode()) for name in names])
            gone = [name for name, beat in zip(names, beats, strict=True) if beat is None]
            if gone:
                await self._client.srem(self._key("workers"), *gone)
        return [json.loads(beat) for beat in beats if beat is not None]

    # The worker's side

    async def beat(self, consumer: str, info: dict[str, Any], seconds: float) -> None:
        """Publish a worker for `seconds`."""
        keys = [self._key("workers"), self._key("worker", consumer)]
        told = _dump({"worker": consumer, **info})
        await self._broker.run("beat", keys, [consumer, told, max(1, round(seconds * 1000))])

    async def retire(self, consumer: str) -> None:
        """Take a worker off the list, and out of the group where it holds no job."""
        with translated():
            await self._client.delete(self._key("worker", consumer))
            await self._client.srem(self._key("workers"), consumer)
            with suppress(ResponseError):  # no group yet: nothing to leave
                await self._broker.run("retire", [self._key("work")], [GROUP, consumer, SILENT_CONSUMER_MS])

    async def claim(self, consumer: str, count: int, block_ms: int) -> list[Claimed]:
        """Up to `count` jobs, those of silent workers first; waits up to `block_ms` for the first.

        A job delivered more often than the limit is not returned: it fails and becomes a dead letter.
        """
        with translated():
            entries = await self._in_group(lambda: self._overdue(consumer, count))
            if not entries:
                entries = await self._in_group(lambda: self._fresh(consumer, count, block_ms))
        claimed = await self._in_time(await self._take(entries), "claim")
        for job in [job for job in claimed if job.deliveries > self._settings.delivery_limit]:
            claimed.remove(job)
            await self._bury(job)
        return claimed

    async def alive(self, claimed: Sequence[Claimed]) -> set[str]:
        """The ids of those that the model may begin: neither ended nor late. Others are let go of."""
        taken = await self._take([(job.entry, job.id) for job in claimed])
        return {job.id for job in await self._in_time(taken, "forward")}

    async def image(self, job: Claimed) -> bytes | None:
        """The picture's bytes; None where they have expired or the job was cancelled."""
        with translated():
            picture: Any = await self._client.get(self._key("image", job.id))
        return None if picture is None else bytes(picture)

    async def renew(self, consumer: str, held: Sequence[Claimed]) -> set[str]:
        """Renew the leases; returns the ids of jobs that the worker does not hold any more."""
        return await self._lease(consumer, held, idle_ms=0, take_back=0)

    async def release(self, consumer: str, held: Sequence[Claimed], *, untried: bool) -> None:
        """Give jobs up: another worker may have them at once. `untried` takes their delivery back."""
        await self._lease(consumer, held, idle_ms=self._lease_ms, take_back=int(untried))

    async def finish(self, claimed: Claimed, result: dict[str, Any]) -> bool:
        """Keep the answer; False where the job had ended before."""
        return await self._end(claimed.id, claimed.entry, claimed.reply, "done", {"result": result})

    async def fail(self, claimed: Claimed, error: SpectrumError) -> bool:
        """Keep the failure; False where the job had ended before."""
        status: Status = "expired" if isinstance(error, DeadlineExceeded | JobExpired) else "failed"
        return await self._end(claimed.id, claimed.entry, claimed.reply, status, {"error": error.problem()})

    # How

    async def _in_group(self, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gives, with the group created where it is missing."""
        try:
            return await read()
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
        await self._broker.run("group", [self._key("work")], [GROUP])
        return await read()

    async def _overdue(self, consumer: str, count: int) -> list[tuple[str, str]]:
        """Jobs whose worker fell silent, as (entry, id): one step of a sweep every quarter of a lease."""
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

    async def _fresh(self, consumer: str, count: int, block_ms: int) -> list[tuple[str, str]]:
        streams: dict[Any, Any] = {self._key("work"): ">"}
        answer: Any = await self._client.xreadgroup(
            GROUP, consumer, streams, count=count, block=self._broker.block_ms(block_ms)
        )
        return _references(answer[0][1]) if answer else []

    async def _take(self, entries: Sequence[tuple[str, str]]) -> list[Claimed]:
        if not entries:
            return []
        keys = [self._key("work")]
        for _, job_id in entries:
            keys += [self._key("job", job_id), self._key("events", job_id)]
        taken = await self._broker.run("take", keys, [GROUP, *(entry for entry, _ in entries)])
        return [
            Claimed(
                job_id, entry, row[1].decode(), json.loads(row[0]), row[3], row[2] / 1000, _moment(row[4])
            )
            for (entry, job_id), row in zip(entries, taken, strict=True)
            if row is not None
        ]

    async def _in_time(self, jobs: Sequence[Claimed], stage: metrics.Expiry) -> list[Claimed]:
        """Those that are not late; the others end as expired, before `stage`."""
        late = [job for job in jobs if job.late]
        for job in late:
            if await self.fail(job, DeadlineExceeded()):
                metrics.expire(stage)
        return [job for job in jobs if job not in late]

    async def _bury(self, job: Claimed) -> None:
        limit = self._settings.delivery_limit
        problem = DeliveryLimit(f"The job was given up after {limit} tries.").problem()
        tries = str(job.deliveries)
        if await self._end(job.id, job.entry, job.reply, "failed", {"error": problem}, dead=tries):
            metrics.DEAD_LETTERS.inc()

    async def _lease(self, consumer: str, held: Sequence[Claimed], idle_ms: int, take_back: int) -> set[str]:
        if not held:
            return set()
        arguments: list[bytes | str | int] = [GROUP, consumer, idle_ms, take_back]
        arguments += [job.entry for job in held]
        try:
            lost = await self._broker.run("lease", [self._key("work")], arguments)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            return set()  # the broker came back empty: nobody else has them either
        entries = {entry.decode() for entry in lost}
        return {job.id for job in held if job.entry in entries}

    async def _end(
        self, job_id: str, entry: str, reply: str, status: Status, outcome: dict[str, Any], *, dead: str = ""
    ) -> bool:
        names = (("work",), ("job", job_id), ("image", job_id), ("result", job_id))
        keys = [*(self._key(*name) for name in names), reply, self._key("finished"), self._key("dead")]
        keys += [self._key(*name) for name in (("events", job_id), ("listeners", job_id))]
        keys += [self._key(*name) for name in (("hooks", job_id), ("callbacks",))]
        kept = self._settings.result_ttl_seconds
        # The job is remembered for twice as long as its answer, to tell 'expired' from 'unknown'.
        arguments = [GROUP, entry, job_id, _dump({"status": status, **outcome}), status]
        arguments += [str(kept), str(2 * kept), str(REPLY_TTL_SECONDS), dead]
        return bool(await self._broker.run("finish", keys, arguments))


def retry_after(depth: int, finished: int, span_ms: int) -> int:
    """Seconds until half of the queue has drained, at the rate measured last; 1 to 60.

    `finished` jobs ended within the last `span_ms`; with none, a cautious guess.
    """
    if finished == 0:
        return 30
    seconds_each = max(span_ms, 1) / 1000 / finished
    return min(60, max(1, math.ceil(depth / 2 * seconds_each)))


def _references(entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[tuple[str, str]]:
    return [(entry.decode(), fields[b"job"].decode()) for entry, fields in entries]


def _moment(left_ms: int | bytes) -> float | None:
    """Where so many milliseconds from now lie on the monotonic clock; None for b''."""
    return None if isinstance(left_ms, bytes) else time.monotonic() + left_ms / 1000


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
