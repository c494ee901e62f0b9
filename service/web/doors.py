"""Who asks, and whether they may: the first thing in every route that makes or shows a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request

OPEN_ID = "open"


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """What one caller may do; None is no limit."""

    rate_per_minute: int | None = None
    concurrency: int | None = None
    daily: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a key; without keys everybody is the one caller `open`."""

    id: str
    name: str
    limits: CallerLimits = field(default_factory=CallerLimits)


class Owned(Protocol):
    """What belongs to a caller: a job's view."""

    @property
    def caller(self) -> str:
        """The id of the caller who made it; '' counts as `open`."""
        ...


EVERYBODY = Caller(OPEN_ID, OPEN_ID)


async def authorise(request: Request) -> Caller:
    """The caller of this request, left in `request.state.caller` too.

    What it has to say on the answer (rate limits) goes into `request.state.headers`.
    """
    request.state.caller = EVERYBODY
    return EVERYBODY


def owns(caller: Caller, view: Owned) -> bool:
    """Whether the job is the caller's own; jobs of others are as good as none to them."""
    return (view.caller or OPEN_ID) == caller.id
