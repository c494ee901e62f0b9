"""When a call is tried again, and the drivers that carry a call out, waiting or awaiting.

A call is a generator: it yields a request and is sent the response, or yields seconds to sleep; so what
is decided is written once, for callers that block and callers that do not.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from service.remote.failures import ApiError, ClientError, OutOfTime, Unreachable

T = TypeVar("T")
Flow = Generator[httpx.Request | float, Any, T]

BUSY = frozenset({429, 503})
_BETWEEN = frozenset({502, 504})  # from a proxy, which knows of no problem documents


@dataclass(frozen=True, slots=True)
class Retry:
    """How stubborn a client is: `attempts` in all, within `budget` seconds of waiting and trying.

    Without Retry-After, the pause is drawn from 0 to `first` seconds, then twice as much each time, up to
    `longest`; with it, a little is added, so that callers do not all come back at once.
    """

    attempts: int = 6
    budget: float = 60.0
    first: float = 0.5
    longest: float = 8.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        for name in ("budget", "first", "longest"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, and is {getattr(self, name)}")

    def pause(self, failed: int, retry_after: float | None) -> float:
        """Seconds to wait after so many failed attempts."""
        spread = random.uniform(0.0, min(self.longest, self.first * 2 ** (failed - 1)))
        return spread if retry_after is None else retry_after + min(spread, 0.25 * retry_after + 0.1)


NEVER = Retry(attempts=1)


def retried(
    build: Callable[[], httpx.Request], retry: Retry, stop: float | None = None
) -> Flow[httpx.Response]:
    """Send what `build` makes until an answer is final; `stop` is a moment of `time.monotonic`.

    Raises Unreachable, or ApiError for an answer that is still 429 or 503 at the end; OutOfTime where
    the caller's time ends first.
    """
    end = time.monotonic() + retry.budget
    end = end if stop is None else min(end, stop)
    failed = 0
    while True:
        try:
            response: httpx.Response = yield build()
        except httpx.TransportError as error:
            failure: ClientError = Unreachable(f"{type(error).__name__}: {error}")
            failure.__cause__ = error
            after = None
        else:
            if not _again(response):
                return response
            told = ApiError.of(response)
            failure, after = told, told.retry_after
        failed += 1
        seconds = retry.pause(failed, after)
        if failed >= retry.attempts or time.monotonic() + seconds > end:
            if stop is not None and time.monotonic() >= stop:
                raise OutOfTime("there was no answer in time") from failure
            raise failure
        yield seconds


def _again(response: httpx.Response) -> bool:
    status = response.status_code
    return status in BUSY or (status in _BETWEEN and not ApiError.of(response).code)


def run(flow: Flow[T], http: httpx.Client) -> T:
    """Carry a call out, blocking."""
    try:
        wish = next(flow)
        while True:
            got: httpx.Response | None = None
            try:
                if isinstance(wish, httpx.Request):
                    got = http.send(wish)
                else:
                    time.sleep(wish)
            except httpx.TransportError as error:
                wish = flow.throw(error)
            else:
                wish = flow.send(got)
    except StopIteration as ended:
        value: T = ended.value
        return value


async def run_async(flow: Flow[T], http: httpx.AsyncClient) -> T:
    """Carry a call out, awaiting."""
    try:
        wish = next(flow)
        while True:
            got: httpx.Response | None = None
            try:
                if isinstance(wish, httpx.Request):
                    got = await http.send(wish)
                else:
                    await asyncio.sleep(wish)
            except httpx.TransportError as error:
                wish = flow.throw(error)
            else:
                wish = flow.send(got)
    except StopIteration as ended:
        value: T = ended.value
        return value
