"""What happened to a job, in order, as the queue's scripts wrote it down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from service.delivery.broker import translated
from service.delivery.jobs import Jobs
from service.settings import Settings

BEGINNING = "0-0"
_EVENT_ID = re.compile(r"\d{1,20}-\d{1,20}")


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A change of a job's status; ids grow with time."""

    id: str
    status: str

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in ("queued", "running")


class JobEvents:
    """The events of jobs. Every method raises QueueUnavailable when Redis does not answer."""

    def __init__(self, jobs: Jobs, settings: Settings) -> None:
        self._jobs, self._broker = jobs, jobs.broker
        self._ttl = settings.image_ttl_seconds + settings.result_ttl_seconds

    async def after(self, job_id: str, last: str) -> list[JobEvent]:
        """The events behind the one named `last`, oldest first; one that is none counts as the beginning."""
        start = last if _EVENT_ID.fullmatch(last) else BEGINNING
        with translated():
            entries: Any = await self._broker.client.xrange(self._broker.key("events", job_id), f"({start}")
        return [JobEvent(entry.decode(), fields[b"status"].decode()) for entry, fields in entries]

    async def listen(self, job_id: str) -> None:
        """Have this process told when the job ends, whoever submitted it."""
        key = self._broker.key("listeners", job_id)
        with translated():
            async with self._broker.client.pipeline() as pipe:
                pipe.sadd(key, self._jobs.replies.stream)
                pipe.expire(key, self._ttl)
                await pipe.execute()
