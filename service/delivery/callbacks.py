"""Callbacks that wait in Redis for their job to end, and for their receiver to take them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from service.delivery.broker import Broker, translated
from service.settings import Settings

State = Literal["pending", "delivered", "gone", "failed"]
_GROWTH = 4.0  # of the pause, from one try to the next
_SPREAD = 0.2
_SLACK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Callback:
    """One that is due. `body` is what a try before this one sent, `tries` counts those."""

    id: str
    job_id: str
    url: str
    caller: str
    metadata: dict[str, str] | None
    tries: int
    body: bytes | None


class Callbacks:
    """Callbacks of one service. Every method raises QueueUnavailable when Redis does not answer."""

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings

    async def add(
        self,
        callback_id: str,
        job_id: str,
        url: str,
        *,
        caller: str,
        metadata: Mapping[str, str] | None,
        open_seconds: float | None = None,
    ) -> None:
        """Remember a callback; one that is known already stays as it is.

        It is due when the job ends. Where nobody is there to end it, it is looked at after
        `open_seconds`, the longest that the job may take.
        """
        limits = self._settings
        longest = limits.image_ttl_seconds if open_seconds is None else open_seconds
        keys = [
            self._broker.key("callback", callback_id),
            self._broker.key("hooks", job_id),
            self._broker.key("callbacks"),
            self._broker.key("job", job_id),
        ]
        told = json.dumps(dict(metadata)) if metadata else ""
        waits = round(1000 * (longest + _SLACK_SECONDS))
        arguments: list[bytes | str | int] = [callback_id, job_id, url, caller, told, waits, ttl(limits)]
        await self._broker.run("hook", keys, arguments)

    async def take(self, count: int, lease_seconds: float) -> list[Callback]:
        """Up to `count` that are due; each comes up again after the lease unless its end is told."""
        arguments: list[bytes | str | int] = [self._broker.key("callback", ""), count]
        arguments.append(round(1000 * lease_seconds))
        rows = await self._broker.run("ring", [self._broker.key("callbacks")], arguments)
        return [_callback(dict(zip(row[::2], row[1::2], strict=True))) for row in rows]

    async def delivered(self, callback: Callback, answer: int) -> None:
        """The receiver has it."""
        await self._tell(callback, None, status="delivered", tries=callback.tries + 1, answer=answer)

    async def gone(self, callback: Callback, answer: int) -> None:
        """The receiver wants none."""
        await self._tell(callback, None, status="gone", tries=callback.tries + 1, answer=answer)

    async def undelivered(
        self, callback: Callback, body: bytes, answer: int | None, error: str, asked: float | None = None
    ) -> bool:
        """It did not arrive: try again later, or give up after the last try. Is there another?

        asked: seconds that its receiver wants to be left alone.
        """
        tries = callback.tries + 1
        again = tries < self._settings.webhook_tries
        told: dict[str, str | int | bytes] = {"tries": tries, "answer": answer or "", "error": error}
        if again:
            await self._tell(callback, pause(self._settings, tries, asked=asked), **told, body=body)
        else:
            await self._tell(callback, None, **told, status="failed")
        return again

    async def early(self, callback: Callback, seconds: float) -> None:
        """Its job has not ended; look again later."""
        await self._tell(callback, seconds)

    async def of_job(self, job_id: str) -> list[dict[str, Any]]:
        """What became of a job's callbacks: {"id", "status", "tries", "last_answer", "last_error"}."""
        client, key = self._broker.client, self._broker.key
        fields = ("id", "status", "tries", "answer", "error")
        with translated():
            ids: Any = await client.smembers(key("hooks", job_id))
            rows: list[Any] = [
                await client.hmget(key("callback", each.decode()), list(fields)) for each in sorted(ids)
            ]
        return [
            _state(*(None if value is None else value.decode() for value in row)) for row in rows if row[0]
        ]

    async def _tell(self, callback: Callback, next_seconds: float | None, **told: str | int | bytes) -> None:
        keys = [self._broker.key("callback", callback.id), self._broker.key("callbacks")]
        arguments: list[bytes | str | int] = [callback.id]
        arguments.append("" if next_seconds is None else round(1000 * next_seconds))
        arguments.append(1000 * ttl(self._settings))
        for name, value in told.items():
            arguments += [name, value]
        await self._broker.run("rung", keys, arguments)


def pause(
    settings: Settings, tries: int, spread: float | None = None, *, asked: float | None = None
) -> float:
    """Seconds until the next try after so many, at least one; `spread` (0.8 to 1.2) is drawn by chance.

    Not before the time that the receiver `asked` for, unless that is over the longest pause.
    """
    chance = random.uniform(1 - _SPREAD, 1 + _SPREAD) if spread is None else spread
    longest = settings.webhook_longest_pause_seconds
    grown = settings.webhook_first_pause_seconds * _GROWTH ** min(tries - 1, 30)
    return max(min(longest, grown) * chance, min(longest, asked or 0.0))


def ttl(settings: Settings) -> int:
    """Seconds for which a callback is remembered: until its last try, and as long as an answer after it."""
    tries = range(1, settings.webhook_tries)
    trying = sum(pause(settings, tried, 1 + _SPREAD) for tried in tries)
    return round(trying) + settings.image_ttl_seconds + 2 * settings.result_ttl_seconds


def _callback(row: Mapping[bytes, bytes]) -> Callback:
    told = {name.decode(): value for name, value in row.items()}
    return Callback(
        id=told["id"].decode(),
        job_id=told["job"].decode(),
        url=told["url"].decode(),
        caller=told["caller"].decode(),
        metadata=json.loads(told["metadata"]) if told["metadata"] else None,
        tries=int(told["tries"]),
        body=told.get("body"),
    )


def _state(
    callback_id: str | None, status: str | None, tries: str | None, answer: str | None, error: str | None
) -> dict[str, Any]:
    return {
        "id": callback_id,
        "status": status,
        "tries": int(tries or 0),
        "last_answer": int(answer) if answer else None,
        "last_error": error or None,
    }
