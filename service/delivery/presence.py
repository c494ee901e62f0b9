"""Which workers live."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from redis.exceptions import ResponseError

from service.delivery.base import GROUP, Base, dump
from service.delivery.broker import translated

SILENT_CONSUMER_MS = 3_600_000


class Presence(Base):
    """The list of workers."""

    async def ping(self) -> None:
        """Return once Redis has answered; raises QueueUnavailable."""
        with translated():
            await self._client.ping()

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

    async def beat(self, consumer: str, info: dict[str, Any], seconds: float) -> None:
        """Publish a worker for `seconds`."""
        keys = [self._key("workers"), self._key("worker", consumer)]
        told = dump({"worker": consumer, **info})
        await self.broker.run("beat", keys, [consumer, told, max(1, round(seconds * 1000))])

    async def retire(self, consumer: str) -> None:
        """Take a worker off the list, and out of the group where it holds no job."""
        with translated():
            await self._client.delete(self._key("worker", consumer))
            await self._client.srem(self._key("workers"), consumer)
            with suppress(ResponseError):  # no group yet: nothing to leave
                await self.broker.run("retire", [self._key("work")], [GROUP, consumer, SILENT_CONSUMER_MS])
