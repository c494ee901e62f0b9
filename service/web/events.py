"""GET /jobs/{id}/events: a job's way as server-sent events, replayed after a lost connection.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from service import errors
from service.delivery.events import JobEvent, JobEvents
from service.delivery.jobs import Jobs, JobView
from service.settings import Settings
from service.web import doors
from service.web.jobs import find

router = APIRouter()

LOOK_SECONDS = 0.5  # how late 'running' may be told; the end of a job wakes its streams
_RETRY_MILLISECONDS = 1_000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """How many event streams this process serves, and how many it may."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0

    def enter(self) -> None:
        """Take a place; TooManyStreams where there is none."""
        if self._open >= self._limit:
            raise errors.TooManyStreams(
                f"The limit is {self._limit} streams of a process.", retry_after=5, limit=self._limit
            )
        self._open += 1

    def leave(self) -> None:
        """Give the place back."""
        self._open -= 1


class _Stream(StreamingResponse):
    """A stream that gives its place back however it ends, begun or not."""

    def __init__(self, content: AsyncIterator[str], places: Streams) -> None:
        super().__init__(content, media_type="text/event-stream", headers=_HEADERS)
        self._places = places

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._places.leave()


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse)
async def events(job_id: str, request: Request) -> Response:
    """What happens to a job, as it happens; `Last-Event-ID` has what was missed told first."""
    settings: Settings = request.app.state.settings
    jobs: Jobs = request.app.state.jobs
    places: Streams = request.app.state.streams
    caller = await doors.authorise(request)
    view = await find(jobs, job_id, caller)
    told = JobEvents(jobs, settings)
    last = request.headers.get("last-event-id", "")
    await told.listen(job_id)
    if last and view.ended and not await told.after(job_id, last):
        return Response(status_code=204)
    places.enter()
    return _Stream(_events(request, told, view, last), places)


async def _events(request: Request, told: JobEvents, view: JobView, last: str) -> AsyncIterator[str]:
    """The stream's text; a broker that is away for a while is waited for.

    A process that drains ends its streams: clients come back, to another, and miss nothing.
    """
    jobs: Jobs = request.app.state.jobs
    heartbeat: float = request.app.state.settings.event_heartbeat_seconds
    yield f"retry: {_RETRY_MILLISECONDS}\n\n"
    spoke, missing = time.monotonic(), 0
    with jobs.replies.expect(view.id) as woken:
        while not request.app.state.draining:
            woken.clear()
            with suppress(errors.QueueUnavailable):
                for event in await told.after(view.id, last):
                    last, spoke = event.id, time.monotonic()
                    if event.final:
                        yield await _end(jobs, event, view)
                        return
                    yield _text("status", {"id": view.id, "status": event.status}, event.id)
                now = await jobs.get(view.id)
                # An end without an event: the job was forgotten, or nobody was there to end it.
                missing = missing + 1 if now is None or now.ended else 0
                if missing > 1:
                    yield _text("end", _wire(now, view), None)
                    return
            if time.monotonic() - spoke > heartbeat:
                spoke = time.monotonic()
                yield ": still there\n\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_SECONDS, heartbeat)):
                    await woken.wait()


async def _end(jobs: Jobs, event: JobEvent, view: JobView) -> str:
    return _text("end", _wire(await jobs.get(view.id), view), event.id)


def _wire(now: JobView | None, view: JobView) -> dict[str, Any]:
    """The job as it ended; one that is forgotten has expired."""
    return (now or JobView(view.id, "expired", error=errors.JobExpired().problem())).wire()


def _text(kind: str, data: dict[str, Any], event_id: str | None) -> str:
    named = "" if event_id is None else f"id: {event_id}\n"
    return f"{named}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
