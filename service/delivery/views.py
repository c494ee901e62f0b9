"""A job as its caller sees it, as a worker holds it, and as a dead letter keeps it. Plain values."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Literal

_DONE = '{"status":"done","result":'
Status = Literal["queued", "running", "done", "failed", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class JobView:
    """What a caller may know of a job; `text` once done, `error` (a problem document) once failed.

    `text` is the result as JSON, as its worker wrote it, so that it need be neither read nor written again.
    `caller` is the id of who made it, `metadata` is what they gave along.
    """

    id: str
    status: Status
    error: dict[str, Any] | None = None
    caller: str = ""
    metadata: dict[str, str] | None = None
    text: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, job_id: str, outcome: bytes, about: bytes | None) -> JobView:
        """A job that has ended, from what is kept of it."""
        done, shown = _DONE.encode(), json.loads(about or b"{}")
        if outcome.startswith(done):
            return cls(job_id, "done", **shown, text=outcome[len(done) : -1])
        return cls(job_id, **json.loads(outcome), **shown)

    @property
    def result(self) -> dict[str, Any] | None:
        """The result, read anew each time; None where there is none."""
        return None if self.text is None else json.loads(self.text)

    @property
    def timings_ms(self) -> dict[str, float]:
        """The result's timings; {} without any."""
        if self.text is None:
            return {}
        # A worker writes them last, and quotes within texts are escaped: the rest need not be read.
        _, _, last = self.text.rpartition(b'"timings_ms":')
        try:
            return dict(json.loads(last[:-1]))
        except (ValueError, TypeError):
            return dict((self.result or {}).get("timings_ms") or {})

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self.status not in ("queued", "running")

    def wire(self) -> dict[str, Any]:
        """The job as `GET /jobs/{id}` tells it."""
        told: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.text is not None:
            told["result"] = self.result
        if self.error is not None:
            told["error"] = self.error
        if self.metadata is not None:
            told["metadata"] = self.metadata
        return told


def done(result: str) -> str:
    """What is kept of a job that is done; `result` is JSON."""
    return f"{_DONE}{result}}}"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that one worker holds by a lease.

    `entry` names it in the stream, `reply` is the stream of the API replica that waits for it, `tries`
    counts the workers that were lost while they had it in work, `queued_seconds` is how long ago it was
    submitted, `deadline` the moment of this machine's monotonic clock from which on nobody can use its
    answer.
    """

    id: str
    entry: str
    reply: str
    request: dict[str, Any]
    tries: int
    queued_seconds: float
    deadline: float | None = None

    @property
    def late(self) -> bool:
        """Whether its deadline has passed."""
        return self.deadline is not None and self.deadline <= time.monotonic()

    @property
    def suspect(self) -> bool:
        """Whether it may be what ended a worker."""
        return self.tries > 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that could not be parsed, kept for whoever looks into it.

    `died_at` is in seconds since the epoch; `image_bytes` is 0 where the picture is no longer there.
    """

    id: str
    died_at: float
    tries: int
    error: dict[str, Any]
    request: dict[str, Any]
    image_bytes: int
