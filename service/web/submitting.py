"""One picture on its way into the queue: the same for every route that takes pictures."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from service import images
from service.delivery.jobs import Jobs
from service.schemas import ImageFacts, JobRequest, Options
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Submitted:
    """A picture that has been taken: the job's id, and what is known of its answer by now.

    `etag` (quoted) names the answer wherever it can be told beforehand; `cached` is the answer itself
    where one was kept.
    """

    id: str
    etag: str | None = None
    cached: dict[str, Any] | None = None


async def submit_one(request: Request, data: bytes, options: Options, *, deadline: float | None) -> Submitted:
    """Check the picture's header and bring it into the queue, unless its answer is known.

    `deadline` is in seconds since the epoch.
    Raises what `images.inspect` and `Jobs.submit` raise.
    """
    settings: Settings = request.app.state.settings
    jobs: Jobs = request.app.state.jobs
    facts = await asyncio.to_thread(_facts, data, images.Limits.of(settings))
    carried = JobRequest(
        **options.model_dump(),
        image=facts,
        request_id=request.state.request_id,
        submitted_at=time.time(),
    )
    return Submitted(await jobs.submit(data, carried.model_dump(mode="json"), deadline=deadline))


def _facts(data: bytes, limits: images.Limits) -> ImageFacts:
    header = images.inspect(data, limits)
    return ImageFacts(width=header.width, height=header.height, sha256=hashlib.sha256(data).hexdigest())
