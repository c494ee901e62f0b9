"""What became of a picture: where its job stands, and an end to it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service import errors
from service.delivery.jobs import Jobs, JobView
from service.delivery.once import Once
from service.settings import Settings
from service.web import doors, negotiate
from service.web.callbacks import Deliverer
from service.web.doors import Caller
from service.web.waiting import patience

router = APIRouter()


@router.get("/jobs/{job_id}")
async def job(job_id: str, request: Request) -> Response:
    """Where a job stands, with its result once it is done; `Prefer: wait=SECONDS` waits for that."""
    settings: Settings = request.app.state.settings
    jobs: Jobs = request.app.state.jobs
    caller = await doors.authorise(request)
    wished = patience(request.headers, longest=settings.wait_seconds, usual=0)
    form = negotiate.wanted_of_job(request)
    view = await find(jobs, job_id, caller)
    if not view.ended and wished.seconds:
        view = await jobs.wait(job_id, wished.seconds) or await find(jobs, job_id, caller)
    told = view.wire()
    deliverer: Deliverer = request.app.state.deliverer
    if deliverer.secret is not None and (called := await deliverer.callbacks.of_job(job_id)):
        told["callbacks"] = called
    if (result := view.result) is None:
        return JSONResponse(told, headers={"Vary": "Accept"})
    if form.name == negotiate.JSON:
        return JSONResponse(told | {"result": form.shorten(result)}, headers={"Vary": "Accept"})
    return await negotiate.respond(form, result)


@router.delete("/jobs/{job_id}")
async def cancel(job_id: str, request: Request) -> Response:
    """Cancel a job; one that has ended, or that answers somebody else too, stays as it is."""
    jobs: Jobs = request.app.state.jobs
    caller = await doors.authorise(request)
    view = await find(jobs, job_id, caller)
    if not view.ended:
        once: Once = request.app.state.once
        await once.leave(job_id)
        view = await find(jobs, job_id, caller)
    return JSONResponse({"id": job_id, "status": view.status})


async def find(jobs: Jobs, job_id: str, caller: Caller) -> JobView:
    """The caller's job; JobNotFound for those of others too."""
    view = await jobs.get(job_id)
    if view is None or not doors.owns(caller, view):
        raise errors.JobNotFound(f"There is no job {job_id!r}.")
    return view
