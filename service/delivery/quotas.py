"""What each key has used: pictures of this minute and this day, requests open at once."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import Literal

from service.delivery.broker import Broker

Reason = Literal["", "rate", "concurrency", "quota"]

MINUTE, DAY = 60, 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may do; None is no limit: pictures a minute, requests at once, pictures a day (UTC)."""

    rate: int | None = None
    concurrency: int | None = None
    daily: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to count."""
        return (self.rate, self.concurrency, self.daily) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one limit: `limit` in `window_seconds`, `remaining` of it, full in `reset_seconds`."""

    name: str
    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Entry:
    """How many pictures were let in; `reason` and `retry_seconds` tell of the others."""

    granted: int
    reason: Reason
    retry_seconds: int
    left: tuple[Left, ...] = ()


class Quotas:
    """Counts in Redis, so that all replicas of the API share them.

    Every method raises QueueUnavailable when Redis does not answer. The clock is Redis's.
    """

    def __init__(self, broker: Broker, lease_seconds: float) -> None:
        self._broker = broker
        self._lease_ms = math.ceil(lease_seconds * 1000)

    async def enter(self, caller: str, limits: Limits, *, pictures: int = 1, lease: str = "") -> Entry:
        """Charge the pictures, as many of them as the limits let in.

        With a `lease` the request counts as open until `exit`, or until the lease runs out: the places
        of a replica that died come back by themselves.
        """
        bounds = [limit or 0 for limit in (limits.rate, limits.concurrency, limits.daily)]
        arguments: list[bytes | str | int] = [pictures, lease, self._lease_ms, *bounds]
        told = await self._broker.run("enter", self._keys(caller), arguments)
        granted, reason, retry_ms, minute, minute_ms, today, today_ms = told
        left = []
        if limits.rate is not None:
            left.append(Left("minute", limits.rate, MINUTE, minute, _seconds(minute_ms)))
        if limits.daily is not None:
            left.append(Left("day", limits.daily, DAY, today, _seconds(today_ms)))
        return Entry(granted, reason.decode(), max(1, _seconds(retry_ms)), tuple(left))

    async def exit(self, caller: str, lease: str, *, give_back: int = 0) -> None:
        """The request is over; `give_back` pictures of it are not counted against the day."""
        await self._broker.run("exit", self._keys(caller), [lease, give_back])

    def _keys(self, caller: str) -> list[str]:
        return [self._broker.key("usage", caller), self._broker.key("open", caller)]


def new_lease() -> str:
    """A name for one request."""
    return secrets.token_hex(8)


def _seconds(milliseconds: int) -> int:
    return math.ceil(milliseconds / 1000)
