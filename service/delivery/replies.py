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


class Replies:
    """One reader of one stream, shared by all who wait.

    A stream and not pub/sub: what is written while the connection is down is read afterwards. Nobody
    may count on a wake-up all the same (the stream may have been lost), so waiters also look themselves.
    """

    def __init__(self, client: Redis, stream: str, block_ms: int) -> None:
        self.stream = stream
        self._client = client
        self._block_ms = block_ms
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    @contextmanager
    def expect(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the job is told to have ended."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="replies")
        event = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            waiting = self._waiting[job_id]
            waiting.discard(event)
            if not waiting:
                del self._waiting[job_id]

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
            except RedisError:
                await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))
                continue
            last = self._wake(answer, last)

    def _wake(self, answer: Any, last: str) -> str:
        for _, entries in answer or ():
            for entry, fields in entries:
                last = entry.decode()
                for event in self._waiting.get(fields[b"job"].decode(), ()):
                    event.set()
        return last
