"""Who waits in this process for which job, woken by the process's own reply stream."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

_PAUSE_SECONDS = 0.5
_YIELD_SECONDS = 0.001  # for those who were woken
_REMEMBERED = 1_024  # ends, for those who come to wait just after them


class Reply(asyncio.Event):
    """Set when a job is told to have ended; `outcome` and `about` hold the JSON that came along, if any."""

    outcome: bytes | None = None
    about: bytes = b"{}"


class Replies:
    """One reader of one stream, shared by all who wait.

    A stream and not pub/sub: what is written while the connection is down is read afterwards. Nobody
    may count on a wake-up all the same (the stream may have been lost), so waiters also look themselves.
    What has been read is trimmed.
    """

    def __init__(self, client: Redis, stream: str, block_ms: int) -> None:
        self.stream = stream
        self._client = client
        self._block_ms = block_ms
        self._waiting: dict[str, set[Reply]] = {}
        self._ended: dict[str, None] = {}  # in order
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    @contextmanager
    def expect(self, job_id: str) -> Iterator[Reply]:
        """An event that is set when the job is told to have ended, or has been a moment ago."""
        self.listen()
        reply = Reply()
        if job_id in self._ended:
            reply.set()
        self._waiting.setdefault(job_id, set()).add(reply)
        try:
            yield reply
        finally:
            waiting = self._waiting[job_id]
            waiting.discard(reply)
            if not waiting:
                del self._waiting[job_id]

    def listen(self) -> None:
        """Read the stream from now on, whether anybody waits or not, so that it does not grow."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="replies")

    async def close(self) -> None:
        """Stop reading."""
        self._closed = True  # redis-py may swallow a cancellation (asyncio.wait_for before Python 3.12)
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None

    async def _read(self) -> None:
        last = "0-0"  # the stream is this process's own, so its beginning is not too early
        while not self._closed:
            try:
                answer = await self._client.xread({self.stream: last}, count=256, block=self._block_ms)
                last = self._wake(answer, last)
                if answer:
                    await asyncio.sleep(_YIELD_SECONDS)
                    await self._client.xtrim(self.stream, minid=last, approximate=False)
            except RedisError:
                await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))

    def _wake(self, answer: Any, last: str) -> str:
        for _, entries in answer or ():
            for entry, fields in entries:
                last, job_id = entry.decode(), fields[b"job"].decode()
                self._ended[job_id] = None
                for reply in self._waiting.get(job_id, ()):
                    reply.outcome, reply.about = fields.get(b"outcome"), fields.get(b"about", b"{}")
                    reply.set()
        while len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]
        return last
