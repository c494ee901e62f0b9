"""How long a caller waits, and for how long its answer is of use, as its headers say."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from starlette.datastructures import Headers

from service import errors

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?")


@dataclass(frozen=True, slots=True)
class Patience:
    """`seconds` to wait; `respond_async`: not at all; `deadline`: after it (epoch) the answer is useless."""

    seconds: float
    respond_async: bool = False
    deadline: float | None = None

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and self.deadline <= time.time()


def patience(
    headers: Headers, *, longest: float, usual: float | None = None, longest_deadline_ms: int | None = None
) -> Patience:
    """What `Prefer` and `X-Deadline-Ms` (milliseconds from now) ask for; `longest` bounds the wait (s).

    Without a wish the wait is `usual`, else the longest. A deadline stands in for the usual wait, and
    `Prefer: wait` may shorten it; without a longest deadline none is read. Raises InvalidField for one
    that is out of range.
    """
    respond_async, wait = _prefer(headers)
    milliseconds = None if longest_deadline_ms is None else _deadline_ms(headers, longest_deadline_ms)
    if milliseconds is None:
        unasked = longest if usual is None else usual
        return Patience(unasked if wait is None else min(longest, wait), respond_async)
    left = milliseconds / 1000
    return Patience(left if wait is None else min(left, wait), respond_async, deadline=time.time() + left)


def wants_async(headers: Headers) -> bool:
    """Whether the caller will not wait at all (`Prefer: respond-async`)."""
    return _prefer(headers)[0]


def _prefer(headers: Headers) -> tuple[bool, float | None]:
    """(respond at once?, seconds to wait) by RFC 7240; a wish that makes no sense is no wish."""
    wishes = [wish.strip().lower() for wish in ",".join(headers.getlist("prefer")).split(",")]
    waits = [float(found[1]) for wish in wishes if (found := _WAIT.fullmatch(wish))]
    return "respond-async" in wishes, waits[0] if waits else None


def _deadline_ms(headers: Headers, longest: int) -> int | None:
    given = headers.get("x-deadline-ms")
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", given.strip()) or not 1 <= int(given) <= longest:
        raise errors.InvalidField(f"X-Deadline-Ms must be a whole number from 1 to {longest}.")
    return int(given)
