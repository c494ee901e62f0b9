"""A job's events as they are sent (server-sent events, WHATWG HTML 9.2), over one connection or several."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import httpx

from service.remote.failures import ApiError, Unreachable
from service.remote.results import Event
from service.remote.retry import BUSY, Retry

Lines = TypeVar("Lines")


class Reader:
    """Lines in, events out; what is no event of a job's status is passed over."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def feed(self, line: str) -> Event | None:
        """The event that this line ends, if it ends one."""
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data" and "data" in self._fields:
                value = f"{self._fields['data']}\n{value}"
            self._fields[name] = value
            return None
        told, self._fields = self._fields, {}
        try:
            document = json.loads(told.get("data", ""))
            return Event(id=told.get("id", ""), status=document["status"])
        except (ValueError, TypeError, KeyError):
            return None


class Listening:
    """Where a listener is: what was heard last, and how often the connection has failed since."""

    def __init__(self, job_id: str, last_event_id: str, retry: Retry) -> None:
        self.path = f"/jobs/{job_id}/events"
        self._last, self._retry, self._failed = last_event_id, retry, 0
        self._reader = Reader()

    @property
    def headers(self) -> dict[str, str]:
        """What to ask with, so that it goes on where it broke off."""
        told = {"Accept": "text/event-stream"}
        return told | ({"Last-Event-ID": self._last} if self._last else {})

    def lines(self, response: httpx.Response, read: Callable[[], Lines]) -> Lines:
        """The lines of a good answer. ApiError for others, which must have been read."""
        self._reader = Reader()
        if not response.is_success:
            raise ApiError.of(response)
        return read()

    def heard(self, line: str) -> Event | None:
        """The event that this line ends, if it ends one."""
        event = self._reader.feed(line)
        if event is not None:
            self._last, self._failed = event.id or self._last, 0
        return event

    def refused(self, error: ApiError) -> float:
        """Seconds to wait before the next try; the refusal itself where it is final."""
        self._failed += 1
        if error.status not in BUSY or self._failed >= self._retry.attempts:
            raise error
        return self._retry.pause(self._failed, error.retry_after)

    def broken(self, error: httpx.TransportError | None = None) -> float:
        """Seconds to wait before the next connection; Unreachable after too many that told nothing."""
        self._failed += 1
        if self._failed >= self._retry.attempts:
            raise Unreachable(
                f"the job's events broke off: {error or 'the connection was closed'}"
            ) from error
        return self._retry.pause(self._failed, None)
