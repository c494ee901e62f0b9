"""POST /parse and the jobs behind it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service import errors, images, metrics
from service.answers.masks import FORMATS
from service.delivery.jobs import Jobs, JobView
from service.schemas import (
    ImageFacts,
    JobAnswer,
    JobRequest,
    ParseAnswer,
    ParseBody,
    ProblemAnswer,
)
from service.settings import Settings
from service.web import intake

router = APIRouter()

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer, "description": text}
    for status, text in {
        400: "The body cannot be read",
        413: "The body or the picture is too large",
        415: "Neither a form nor JSON, or no JPEG, PNG or WebP",
        422: "A field or the picture is not valid",
        503: "The service is at its limit; Retry-After tells when to come back",
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
    `Prefer: wait=SECONDS` shortens that wait.
    """
    settings: Settings = request.app.state.settings
    jobs: Jobs = request.app.state.jobs
    with metrics.timed("upload"):
        data, options = await intake.read(request, settings)
    facts = await asyncio.to_thread(_facts, data, images.Limits.of(settings))
    carried = JobRequest(
        **options.model_dump(),
        image=facts,
        request_id=request.state.request_id,
        submitted_at=time.time(),
    )
    job_id = await jobs.submit(data, carried.model_dump(mode="json"))
    respond_async, seconds = _preference(request, settings.wait_seconds)
    ended = None if respond_async else await jobs.wait(job_id, seconds)
    if ended is None:
        headers = {"Location": f"/jobs/{job_id}"}
        if respond_async:
            headers["Preference-Applied"] = "respond-async"
        return JSONResponse({"id": job_id, "status": "queued"}, 202, headers)
    return JSONResponse(_answer(request, ended))


@router.get("/jobs/{job_id}", response_model=JobAnswer, responses={404: {"model": ProblemAnswer}})
async def job(job_id: str, request: Request) -> Response:
    """Where a job stands, with its result once it is done."""
    view = await request.app.state.jobs.get(job_id)
    if view is None:
        raise errors.JobNotFound(f"There is no job {job_id!r}.")
    return JSONResponse(view.wire())


@router.delete("/jobs/{job_id}", response_model=JobAnswer, responses={404: {"model": ProblemAnswer}})
async def cancel(job_id: str, request: Request) -> Response:
    """Cancel a job; one that has ended already stays as it is."""
    jobs: Jobs = request.app.state.jobs
    await jobs.cancel(job_id)
    view = await jobs.get(job_id)
    if view is None:
        raise errors.JobNotFound(f"There is no job {job_id!r}.")
    return JSONResponse({"id": job_id, "status": view.status})


def _facts(data: bytes, limits: images.Limits) -> ImageFacts:
    header = images.inspect(data, limits)
    return ImageFacts(width=header.width, height=header.height, sha256=hashlib.sha256(data).hexdigest())


def _preference(request: Request, longest: float) -> tuple[bool, float]:
    """(respond at once?, seconds to wait) by RFC 7240; a wish that makes no sense is no wish."""
    wishes = [wish.strip().lower() for wish in ",".join(request.headers.getlist("prefer")).split(",")]
    for wish in wishes:
        if found := re.fullmatch(r"wait\s*=\s*\"?(\d{1,6})\"?", wish):
            return "respond-async" in wishes, min(longest, float(found[1]))
    return "respond-async" in wishes, longest


def _answer(request: Request, ended: JobView) -> dict[str, Any]:
    """The result of a job that is done; what ended otherwise is raised as its error."""
    if ended.status == "done" and ended.result is not None:
        request.state.timings.update(ended.result.get("timings_ms", {}))
        return ended.result
    raise errors.from_problem(ended.error or {})
