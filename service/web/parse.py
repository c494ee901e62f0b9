"""POST /parse: one picture in, its parsing out, or a job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service import errors, images, metrics
from service.answers.masks import FORMATS
from service.delivery.jobs import Jobs, JobView
from service.schemas import JobAnswer, ParseAnswer, ParseBody, ProblemAnswer
from service.settings import Settings
from service.web import doors, intake, negotiate
from service.web.negotiate import Form
from service.web.submitting import Submitted, submit_one
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
    202: {"model": JobAnswer, "description": "Accepted; Location names the job"}
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
    what cannot meet it is not computed, and is answered 504.
    """
    settings: Settings = request.app.state.settings
    jobs: Jobs = request.app.state.jobs
    await doors.authorise(request)
    wished = patience(
        request.headers, longest=settings.wait_seconds, longest_deadline_ms=settings.max_deadline_ms
    )
    with metrics.timed("upload"):
        data, options = await intake.read(request, settings)
    form = negotiate.wanted(request, options)
    submitted = await submit_one(request, data, form.carried(options), deadline=wished.deadline)
    if wished.respond_async:
        return _accepted(submitted, form, {"Preference-Applied": "respond-async"})
    ended = await jobs.wait(submitted.id, wished.seconds)
    if ended is None:
        return _outlasted(submitted, form, wished)
    limits = images.Limits.of(settings)
    return await negotiate.respond(form, _answer(request, ended), picture=data, limits=limits)


def _accepted(submitted: Submitted, form: Form, headers: dict[str, str]) -> Response:
    """The job's address, at which the answer will be had in the form that was asked for."""
    told = {"id": submitted.id, "status": "queued"}
    return JSONResponse(told, 202, {"Location": f"/jobs/{submitted.id}{form.query}", **headers})


def _outlasted(submitted: Submitted, form: Form, wished: Patience) -> Response:
    """The answer to a caller whose wait is over before the job is."""
    if wished.late:
        raise errors.DeadlineExceeded("The deadline passed before there was an answer.")
    return _accepted(submitted, form, {})


def _answer(request: Request, ended: JobView) -> dict[str, Any]:
    """The result of a job that is done; what ended otherwise is raised as its error."""
    if ended.status == "done" and ended.result is not None:
        request.state.timings.update(ended.result.get("timings_ms", {}))
        return ended.result
    raise errors.from_problem(ended.error or {})
