"""POST /parse/batch: pictures in, an answer or a failure for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service import errors, metrics
from service.delivery import idempotency
from service.delivery.jobs import Jobs
from service.settings import Settings
from service.web import doors, intake, intake_batch
from service.web.answering import answer
from service.web.intake_batch import Item
from service.web.negotiate import Form
from service.web.submitting import ask
from service.web.waiting import Patience, patience

router = APIRouter()

_ENDS = {"job_cancelled": "cancelled", "job_expired": "expired", "deadline_exceeded": "expired"}
_UNTRIED = (429, 503)  # failures that say nothing of a picture: the same request may do later


@router.post("/parse/batch")
async def parse_batch(request: Request) -> Response:
    """Each picture ends by itself: a bad one has an `error`, and spoils no other.

    `Prefer: respond-async` answers 202 with the job of each; what outlasts the wait is a job, too.
    """
    settings: Settings = request.app.state.settings
    jobs: Jobs = request.app.state.jobs
    await doors.authorise(request)
    wished = patience(
        request.headers, longest=settings.wait_seconds, longest_deadline_ms=settings.max_deadline_ms
    )
    if (key := request.headers.get("idempotency-key")) is not None:
        idempotency.checked(key)  # for each picture it would be the same fault
    if refusal := await jobs.would_refuse():
        raise refusal
    with metrics.timed("upload"):
        items = await intake_batch.read(request, settings)
    allowed = await doors.let_in(request, items)
    parts = Parts(request, settings, wished)
    ended = await asyncio.gather(
        *(parts.end(index, item) for index, item in enumerate(allowed)), return_exceptions=True
    )
    told = [_told(index, item) for index, item in enumerate(ended)]
    _raise_common(ended)
    doors.took(request, sum("error" not in item for item in told))
    headers = {"Preference-Applied": "respond-async"} if wished.respond_async else {}
    waiting = wished.respond_async or any(item["status"] == "queued" for item in told)
    return JSONResponse({"object": "batch", "items": told}, 202 if waiting else 200, headers)


class Parts:
    """The pictures of one request on their way: few are fetched at once, and together they are bounded."""

    def __init__(self, request: Request, settings: Settings, wished: Patience) -> None:
        self._request, self._settings, self._wished = request, settings, wished
        self._slots = asyncio.Semaphore(settings.batch_concurrency)
        self._fetched = 0

    async def end(self, index: int, item: Item | errors.SpectrumError) -> dict[str, Any]:
        """What the answer tells of one picture. Raises its failure."""
        if isinstance(item, errors.SpectrumError):
            raise item
        async with self._slots:
            data = await self._data(item)
            asked = await ask(self._request, data, item.options, part=index)
        answered = await answer(self._request, data, item.options, asked, self._wished)
        job = {"id": answered.submitted.id}
        if answered.there and not self._wished.respond_async:
            form = Form(include=item.options.include, exclude=item.options.exclude)
            return {**job, "status": "done", "result": form.shorten(answered.result)}
        if self._wished.late:
            raise errors.DeadlineExceeded("The deadline passed before there was an answer.")
        return {**job, "status": "done" if answered.there else "queued"}

    async def _data(self, item: Item) -> bytes:
        """The picture's bytes; those that are fetched count together as if they were in the body."""
        data = await intake.picture(item.source, self._request, self._settings)
        if item.source.data is None:
            self._fetched += len(data)
            limit = self._settings.max_body_bytes
            if self._fetched > limit:
                raise errors.BodyTooLarge(f"The pictures of a batch have {limit} bytes at most.", limit=limit)
        return data


def _told(index: int, ended: dict[str, Any] | BaseException) -> dict[str, Any]:
    """One of `items`; what is no failure of ours goes on its way."""
    if isinstance(ended, errors.SpectrumError):
        status = _ENDS.get(ended.code, "failed")
        return {"index": index, "status": status, "error": ended.problem()}
    if isinstance(ended, BaseException):
        raise ended
    return {"index": index, **ended}


def _raise_common(ended: Sequence[dict[str, Any] | BaseException]) -> None:
    """Where no picture was taken for one and the same reason, that is the answer to the whole."""
    failures = [it for it in ended if isinstance(it, errors.SpectrumError) and it.status in _UNTRIED]
    if len(failures) == len(ended) and len({it.code for it in failures}) == 1:
        raise max(failures, key=lambda it: it.retry_after or 0)
