"""How loaded the queue is, and when a refused caller should come back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WINDOW_SECONDS = 300  # how far back ends of jobs are counted
_SPANS = (30.0, 100.0, float(WINDOW_SECONDS))  # the shortest in which enough have ended counts
_ENOUGH = 64  # several batches, as they end in batches
_LEAST_SECONDS = 2.0  # less says nothing
_SETTLED_SECONDS = 30.0  # of work, after which what was before it counts no more
_UNKNOWN_SECONDS = 30.0
_LONGEST_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Load:
    """The queue at one moment.

    `depth` jobs wait or run; the oldest of them, and the oldest that no worker has claimed yet, were
    submitted so many seconds ago (0 for none). `busy_seconds` is since when it has not been empty;
    `finished` holds (seconds since then, jobs that ended in that second), in any order.
    """

    depth: int
    oldest_seconds: float = 0.0
    waiting_seconds: float = 0.0
    busy_seconds: float = 0.0
    finished: Sequence[tuple[float, int]] = ()


def drain_rate(load: Load) -> float | None:
    """Jobs that end per second while there is work; None where nothing is known of it.

    Time in which the queue was empty says nothing of how fast it drains, so the rate is that since it
    last was. When that was a moment ago, as at the beginning of a rush, what ended before must do.
    """
    rate, settled = _busy_rate(load)
    return (rate if settled else max(rate, _past_rate(load))) or None


def _busy_rate(load: Load) -> tuple[float, bool]:
    """The rate since the queue was last empty, and whether that is long enough to rely on."""
    count, span = 0, 0.0
    for longest in _SPANS:
        span = min(longest, load.busy_seconds)
        count = _ended_within(load, span)
        if span >= _LEAST_SECONDS and count >= _ENOUGH:
            break
    if span < _LEAST_SECONDS:
        return 0.0, False
    return count / span, span >= _SETTLED_SECONDS


def _past_rate(load: Load) -> float:
    span = max((age for age, _ in load.finished), default=0.0)
    return _ended_within(load, span) / max(span, _LEAST_SECONDS)


def _ended_within(load: Load, seconds: float) -> int:
    return sum(count for age, count in load.finished if age <= seconds)


def retry_after(load: Load, spread: float = 1.0) -> int:
    """Whole seconds until half of the queue has drained; 1 to 600.

    Half of it and not one place: one place is gone to whoever asks first, half is room for all who were
    told to come back. `spread`, a factor drawn anew around 1 for each, keeps them from coming at once.
    """
    rate = drain_rate(load)
    seconds = _UNKNOWN_SECONDS if rate is None else load.depth / 2 / rate
    return max(1, min(_LONGEST_SECONDS, round(seconds * spread)))
