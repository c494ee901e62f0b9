"""How a job stands and ended: looked up, waited for, cancelled."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from service.delivery.base import JOB_ID, Base, dump
from service.delivery.broker import translated
from service.delivery.views import JobView
from service.errors import DeadlineExceeded, JobCancelled, JobExpired, QueueUnavailable

LOOK_SECONDS = 2.0  # how often a waiter looks itself, in case its reply was lost


class Outcomes(Base):
    """The queue's exit, for callers."""

    async def get(self, job_id: str) -> JobView | None:
        """The job as it stands; None where there is no such job."""
        if not JOB_ID.fullmatch(job_id):
            return None
        keys = [self._key(kind, job_id) for kind in ("result", "job", "image")]
        outcome, status, has_image, late, shown = await self.broker.run("look", keys, [])
        if outcome is not None:
            return JobView.of(job_id, outcome, shown)
        about: dict[str, Any] = json.loads(shown or b"{}")
        if status is None:
            return None
        if status == b"running" or (status == b"queued" and has_image and not late):
            return JobView(job_id, status.decode(), **about)
        error = DeadlineExceeded() if status == b"queued" and late else JobExpired()
        return JobView(job_id, "expired", error=error.problem(), **about)

    async def wait(
        self,
        job_id: str,
        seconds: float,
        *,
        fresh: bool = False,
        unless: asyncio.Future[None] | None = None,
    ) -> JobView | None:
        """The job once it has ended; None where it has not within `seconds`, or does not exist.

        A broker that is away for a while is waited for as well. `fresh`: this process has just submitted
        the job, so there is no need to look before it is told of its end. `unless`: once that is done, nobody
        waits any more, and None is the answer.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self.replies.expect(job_id) as ended:
            if unless is not None:
                unless.add_done_callback(lambda _: ended.set())
            if fresh:
                await _either(ended, min(seconds, LOOK_SECONDS))
            while True:
                if ended.outcome is not None:
                    return JobView.of(job_id, ended.outcome, ended.about)
                if unless is not None and unless.done():
                    return None
                ended.clear()  # before the look, so that what happens behind it wakes us
                with suppress(QueueUnavailable):
                    view = await self.get(job_id)
                    if view is None or view.ended:
                        return view
                left = deadline - loop.time()
                if left <= 0:
                    return None
                await _either(ended, min(left, LOOK_SECONDS))

    async def cancel(self, job_id: str) -> bool:
        """End a job that has not ended as cancelled; False where there is nothing to cancel.

        Its worker sees it before it decodes the picture and again before the model runs; where the model
        runs already, the answer is dropped.
        """
        if not JOB_ID.fullmatch(job_id):
            return False
        with translated():
            reply: Any = await self._client.hget(self._key("job", job_id), "reply")
        if reply is None:
            return False
        outcome = dump({"status": "cancelled", "error": JobCancelled().problem()})
        return await self._end(job_id, "", reply.decode(), "cancelled", outcome)


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Return when the event has come, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
