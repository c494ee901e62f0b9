"""POST /parse: one picture in, its parsing out, or a job."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service import errors, images, metrics
from service.delivery import cache
from service.delivery.jobs import Jobs
from service.schemas import Options
from service.settings import Settings
from service.web import doors, intake, negotiate
from service.web.answering import answer
from service.web.negotiate import Form
from service.web.submitting import Asked, Submitted, ask
from service.web.waiting import Patience, patience

router = APIRouter()


@router.post("/parse")
async def parse(request: Request) -> Response:
    """Persons, body parts and garments of one picture.

    `Prefer: respond-async` answers 202 at once; a parse that outlasts the wait answers the same 202.
    `Prefer: wait=SECONDS` shortens that wait. `X-Deadline-Ms` is for answers that are of no use later:
    what cannot meet it is not computed, and is answered 504. Equal requests share one computation;
    `Cache-Control: no-cache` asks for one of its own. `Idempotency-Key` makes it safe to send again.
    """
    settings: Settings = request.app.state.settings
    await doors.authorise(request)
    wished = patience(
        request.headers, longest=settings.wait_seconds, longest_deadline_ms=settings.max_deadline_ms
    )
    jobs: Jobs = request.app.state.jobs
    if refusal := await jobs.would_refuse():  # before the body is read
        raise refusal
    with metrics.timed("upload"):
        data, options = await intake.read(request, settings)
    form = negotiate.wanted(request, options)
    options = form.carried(options)
    asked = await ask(request, data, options)
    if _unchanged(request, options, form, asked, wished):
        return Response(status_code=304, headers={"ETag": form.etag(asked.etag or ""), "Vary": "Accept"})
    answered = await answer(request, data, options, asked, wished)
    headers = answered.headers(asked)
    if wished.respond_async:
        return _accepted(answered.submitted, form, {**headers, "Preference-Applied": "respond-async"})
    if not answered.there:
        return _outlasted(answered.submitted, form, wished)
    if "ETag" in headers:
        headers["ETag"] = form.etag(headers["ETag"])
    if form.plain and answered.text is not None:
        return negotiate.plain(answered.text, headers)
    limits = images.Limits.of(settings)
    return await negotiate.respond(form, answered.result, picture=data, limits=limits, headers=headers)


def _unchanged(request: Request, options: Options, form: Form, asked: Asked, wished: Patience) -> bool:
    """Whether the caller has this very answer: same picture, same wishes, same model."""
    known = request.headers.get("if-none-match")
    if known is None or asked.etag is None or wished.respond_async or options.callback_url:
        return False
    return cache.matches(known, form.etag(asked.etag))


def _accepted(submitted: Submitted, form: Form, headers: dict[str, str]) -> Response:
    """The job's address, at which the answer will be had in the form that was asked for."""
    told = {"id": submitted.id, "status": "queued" if submitted.cached is None else "done"}
    return JSONResponse(told, 202, {"Location": f"/jobs/{submitted.id}{form.query}", **headers})


def _outlasted(submitted: Submitted, form: Form, wished: Patience) -> Response:
    """The answer to a caller whose wait is over before the job is."""
    if wished.late:
        raise errors.DeadlineExceeded("The deadline passed before there was an answer.")
    return _accepted(submitted, form, {})
