"""What the service tells of itself: alive, ready, metrics, limits."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from service import errors, images, metrics
from service.answers import masks
from service.delivery.jobs import Jobs
from service.delivery.load import drain_rate
from service.settings import Settings
from service.web import doors

router = APIRouter()

_LIMITS = (
    "max_body_bytes",
    "max_image_bytes",
    "max_pixels",
    "max_frames",
    "max_prompts",
    "max_prompt_length",
    "max_caption_length",
    "max_batch",
    "max_metadata_bytes",
    "max_deadline_ms",
    "queue_depth",
    "queue_age_seconds",
    "wait_seconds",
    "result_ttl_seconds",
)
_HARDWARE = ("device", "precision", "hardware", "memory_bytes", "cpus", "threads", "torch")


@router.get("/livez")
async def livez() -> dict[str, str]:
    """This process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Redis answers, at least one worker lives, and this process is not about to stop."""
    if request.app.state.draining:
        raise errors.NotReady("This replica is stopping.", retry_after=1)
    jobs: Jobs = request.app.state.jobs
    await jobs.ping()
    workers = await jobs.workers()
    if not workers:
        raise errors.NotReady("No worker has shown a sign of life.", retry_after=2)
    return JSONResponse({"status": "ready", "workers": len(workers)})


@router.get("/metrics", include_in_schema=False)
async def prometheus(request: Request) -> Response:
    """Prometheus text of this process, with the queue as it is now."""
    settings: Settings = request.app.state.settings
    if not settings.metrics_open:
        await doors.authorise(request)
    jobs: Jobs = request.app.state.jobs
    with suppress(errors.QueueUnavailable):  # the rest of the numbers still stand
        metrics.QUEUE_DEPTH.set(await jobs.depth())
        metrics.OLDEST_JOB_AGE.set(await jobs.oldest_age())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/info")
async def info(request: Request) -> Response:
    """Version, models that serve now and on what, limits of a request, and how loaded the queue is.

    `queue.drained_per_second` is null where nothing has been measured yet.
    """
    jobs: Jobs = request.app.state.jobs
    settings: Settings = request.app.state.settings
    workers = await jobs.workers()
    told = [{key: worker.get(key) for key in ("name", "revision", "device")} for worker in workers]
    models = [model for number, model in enumerate(told) if model not in told[:number]]
    load = await jobs.load()
    rate = drain_rate(load)
    limits = {name: getattr(settings, name) for name in _LIMITS}
    return JSONResponse(
        {
            "service": "spectrum",
            "version": release(),
            "models": models,
            "image_formats": list(images.FORMATS),
            "mask_formats": list(masks.FORMATS),
            "limits": limits,
            "hardware": [{key: one[key] for key in _HARDWARE if key in one} for one in workers],
            "queue": {
                "depth": load.depth,
                "oldest_seconds": round(load.oldest_seconds, 1),
                "drained_per_second": None if rate is None else round(rate, 2),
            },
        }
    )


def release() -> str:
    """The installed version; '0' when run from a tree that is not installed."""
    try:
        return version("spectrum-parsing")
    except PackageNotFoundError:
        return "0"
