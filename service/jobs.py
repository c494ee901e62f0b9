"""Every Redis key and every script of the queue: submit, claim, renew, finish, wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from service.errors import SpectrumError
from service.settings import Settings

Status = Literal["queued", "running", "done", "failed", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class JobView:
    """What a caller may know of a job; `result` once done, `error` (a problem document) once failed."""

    id: str
    status: Status
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self.status not in ("queued", "running")

    def wire(self) -> dict[str, Any]:
        """The job as `GET /jobs/{id}` tells it."""
        told: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.result is not None:
            told["result"] = self.result
        if self.error is not None:
            told["error"] = self.error
        return told


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that one worker holds by a lease. `queued_seconds` is how long it waited for this claim."""

    id: str
    entry: str
    request: dict[str, Any]
    deliveries: int
    queued_seconds: float


class Jobs:
    """The queue of one service, as an API replica or as a worker.

    At least once: a job whose worker falls silent for a lease is run again, its result is kept once.
    Every method raises QueueUnavailable when Redis does not answer.
    """

    @classmethod
    def connect(cls, settings: Settings) -> Jobs:
        """A queue at `settings.redis_url`; nothing is sent yet. ValueError without an address."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of the connections."""
        raise NotImplementedError

    # The API's side

    async def ping(self) -> None:
        """Return once Redis has answered; raises QueueUnavailable."""
        raise NotImplementedError

    async def submit(self, image: bytes, request: dict[str, Any]) -> str:
        """Admit and enqueue one picture (still encoded); returns the job's id.

        `request` is plain JSON. The worker reads `prompts` (list or None), `caption`, `body_parts` and
        `min_score` of it for the model and hands all of it to the encoder of the answer.
        Raises Overloaded, QueueOutOfMemory, QueueUnavailable.
        """
        raise NotImplementedError

    async def get(self, job_id: str) -> JobView | None:
        """The job as it stands; None where there is no such job."""
        raise NotImplementedError

    async def wait(self, job_id: str, seconds: float) -> JobView | None:
        """The job once it has ended; None where it has not within `seconds`, or does not exist."""
        raise NotImplementedError

    async def cancel(self, job_id: str) -> bool:
        """End a job that has not ended as cancelled; False where there is nothing to cancel."""
        raise NotImplementedError

    async def depth(self) -> int:
        """Jobs waiting or running."""
        raise NotImplementedError

    async def oldest_age(self) -> float:
        """Seconds since the oldest job that has not ended was submitted; 0 for an empty queue."""
        raise NotImplementedError

    async def workers(self) -> list[dict[str, Any]]:
        """What each living worker tells of itself: {"worker", "name", "revision", "device"}."""
        raise NotImplementedError

    # The worker's side

    async def beat(self, consumer: str, info: dict[str, Any], seconds: float) -> None:
        """Publish a worker for `seconds`."""
        raise NotImplementedError

    async def claim(self, consumer: str, count: int, block_ms: int) -> list[Claimed]:
        """Up to `count` jobs, those of silent workers first; waits up to `block_ms` for the first."""
        raise NotImplementedError

    async def image(self, job: Claimed) -> bytes | None:
        """The picture's bytes; None where they have expired or the job was cancelled."""
        raise NotImplementedError

    async def renew(self, consumer: str, held: Sequence[Claimed]) -> set[str]:
        """Renew the leases; returns the ids of jobs that another worker holds by now."""
        raise NotImplementedError

    async def finish(self, claimed: Claimed, result: dict[str, Any]) -> bool:
        """Keep the answer; False where the job had ended before."""
        raise NotImplementedError

    async def fail(self, claimed: Claimed, error: SpectrumError) -> bool:
        """Keep the failure; False where the job had ended before."""
        raise NotImplementedError
