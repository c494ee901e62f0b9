"""The wait for an answer: until it is there, its caller has waited long enough, or has left."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request

from service import errors, metrics
from service.delivery.jobs import Jobs, JobView
from service.delivery.once import Once
from service.schemas import Options
from service.web.submitting import Asked, Submitted, submit
from service.web.waiting import Patience

_TOLD = ("hit", "miss", "shared")
_NEW = ("own", "miss")
_TRIES = 3  # joined jobs that may be cancelled or expire before a picture gets one of its own


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a picture: its answer, as JSON or read; neither where the wait was over before."""

    submitted: Submitted
    read: dict[str, Any] | None = None
    text: bytes | None = None

    @property
    def there(self) -> bool:
        """Whether there is an answer."""
        return self.read is not None or self.text is not None

    @property
    def result(self) -> dict[str, Any]:
        """The answer; {} without one."""
        return self.read if self.read is not None else json.loads(self.text or b"{}")

    def headers(self, asked: Asked) -> dict[str, str]:
        """X-Cache, and ETag where the answer is of the model that the tag was made for."""
        told: dict[str, str] = {}
        if self.submitted.outcome in _TOLD:
            told["X-Cache"] = self.submitted.outcome
        if asked.etag is not None and self._of(asked.ask.revision):
            told["ETag"] = asked.etag
        return told

    def _of(self, revision: str) -> bool:
        """Whether the model of this revision answered."""
        if self.text is not None:  # quotes within texts are escaped: no text can look like this member
            return f'"revision":"{revision}"'.encode() in self.text
        return bool(self.result.get("model", {}).get("revision") == revision)


async def answer(request: Request, data: bytes, options: Options, asked: Asked, wished: Patience) -> Answered:
    """Enqueue the picture or join an equal one, and wait; a job that failed raises its error.

    Raises ClientDisconnect once the caller has left; a job that nobody else wants is cancelled then.
    """
    until = time.monotonic() + wished.seconds
    for _ in range(_TRIES):
        submitted = await submit(request, data, options, asked, deadline=wished.deadline)
        if submitted.cached is not None:
            return Answered(submitted, _own(submitted.cached, options))
        if wished.respond_async:
            return Answered(submitted)
        ended = await _wait(request, submitted, until - time.monotonic(), leaves=_leaves(options, asked))
        joined = submitted.outcome == "shared"
        if ended is None or not joined or wished.late or ended.status not in ("cancelled", "expired"):
            break  # what others did to a job that was joined is not this caller's end
    if ended is None:
        return Answered(submitted)
    text = _text(request, ended)
    if options.metadata is None and b'"metadata":' not in text:
        return Answered(submitted, text=text)
    return Answered(submitted, _own(json.loads(text), options))


def _leaves(options: Options, asked: Asked) -> bool:
    """Whether a caller who closes the connection has no way left to the answer."""
    return not asked.ask.place and options.callback_url is None


async def _wait(request: Request, submitted: Submitted, seconds: float, *, leaves: bool) -> JobView | None:
    """The job once it has ended; `leaves`: nobody wants it for a caller who is gone."""
    jobs: Jobs = request.app.state.jobs
    fresh = submitted.outcome in _NEW
    if not leaves:
        return await jobs.wait(submitted.id, seconds, fresh=fresh)
    leaving = asyncio.create_task(_left(request), name=f"leave {submitted.id}")
    try:
        ended = await jobs.wait(submitted.id, seconds, fresh=fresh, unless=leaving)
        if ended is None and leaving.done():
            await _leave(request, submitted)
            raise ClientDisconnect
    finally:
        leaving.cancel()
    return ended


async def _leave(request: Request, submitted: Submitted) -> None:
    once: Once = request.app.state.once
    metrics.DISCONNECTS.inc()
    with suppress(errors.QueueUnavailable):
        await once.leave(submitted.id)


async def _left(request: Request) -> None:
    """Return when the caller has closed the connection; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _text(request: Request, ended: JobView) -> bytes:
    """The result, as JSON, of a job that is done; what ended otherwise is raised as its error."""
    if ended.text is not None:
        request.state.timings.update(ended.timings_ms)
        return ended.text
    raise errors.from_problem(ended.error or {})


def _own(result: dict[str, Any], options: Options) -> dict[str, Any]:
    """The answer with this request's metadata, whosever job it came of."""
    kept = {name: value for name, value in result.items() if name != "metadata"}
    return kept if options.metadata is None else {**kept, "metadata": options.metadata}
