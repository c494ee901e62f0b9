"""POST /parse: one picture in, its parsing out, or a job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service import errors, images, metrics
from service.answers.masks import FORMATS
from service.delivery import cache
from service.delivery.jobs import Jobs
from service.schemas import JobAnswer, Options, ParseAnswer, ParseBody, ProblemAnswer
from service.settings import Settings
from service.web import doors, intake, negotiate
from service.web.answering import answer
from service.web.negotiate import Form
from service.web.submitting import Asked, Submitted, ask
from service.web.waiting import Patience, patience

router = APIRouter()

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer, "description": text}
    for status, text in {
        400: "The body cannot be read",
        413: "The body or the picture is too large",
        415: "Neither a form nor JSON, or no JPEG, PNG or WebP",
        422: "A field or the picture is not valid",
        503: "The service is at its limit; Retry-After tells when to come back",
        504: "The deadline passed before there was an answer",
    }.items()
}
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": JobAnswer, "description": "Accepted; Location names the job"},
    304: {"description": "The caller has this answer, by the ETag in If-None-Match"},
}
_FORM = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "binary", "description": "JPEG, PNG or WebP"},
        "prompts": {"type": "array", "items": {"type": "string"}, "description": "repeat the field"},
        "caption": {"type": "string", "description": "free text, in place of prompts"},
        "body_parts": {"type": "boolean", "default": False},
        "min_score": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "mask_format": {"type": "string", "enum": list(FORMATS), "default": "rle"},
        "include": {"type": "string", "description": "fields of the answer, with commas"},
        "exclude": {"type": "string", "description": "fields to leave out, with commas"},
        "metadata": {"type": "string", "description": "texts by name as a JSON object; given back"},
        "callback_url": {"type": "string", "description": "told the job's end by a signed POST"},
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/json": {"schema": ParseBody.model_json_schema()},
        },
    }
}


@router.post(
    "/parse",
    response_model=ParseAnswer,
    responses=_PROBLEMS | _ACCEPTED,
    openapi_extra=_BODY,
    summary="Parse one picture",
)
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
    if answered.result is None:
        return _outlasted(answered.submitted, form, wished)
    if "ETag" in headers:
        headers["ETag"] = form.etag(headers["ETag"])
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
