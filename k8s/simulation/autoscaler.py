"""How many workers Kubernetes wants: the horizontal autoscaler's arithmetic over KEDA's two metrics.

Source: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and
https://keda.sh/docs/latest/concepts/scaling-deployments/. From one worker on it is the autoscaler that
asks, at each of its syncs; KEDA's pollingInterval and cooldownPeriod are about none and one, and the least
here is one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from math import ceil

from k8s.simulation.plan import Scaling
from service.metrics import SECONDS


class Autoscaler:
    """One Deployment's; `decide` is called at each sync."""

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling
        self._wished: deque[tuple[float, int]] = deque()  # what was recommended within the window
        self._changes: deque[tuple[float, int]] = deque()  # (when, workers more or fewer)

    def decide(self, now: float, current: int, ready: int, length: int, waits: Sequence[float]) -> int:
        """The number of workers from `now` on.

        `current` are asked for, `ready` serve; `length` jobs wait or run; `waits` are the seconds in the
        queue of those claimed within the last minute.
        """
        wish = self._by_length(current, length)
        if self.scaling.queue_seconds is not None and waits:
            ratio = quantile_of_buckets(0.95, waits) / self.scaling.queue_seconds
            wish = max(wish, current if self._near(ratio) else ceil(ratio * ready))
        wish = min(max(wish, self.scaling.least), self.scaling.most)
        chosen = self._behave(now, current, wish)
        if chosen != current:
            self._changes.append((now, chosen - current))
        return chosen

    def _by_length(self, current: int, length: int) -> int:
        """AverageValue: as many workers as make the mean no more than the target."""
        if self._near(length / (self.scaling.length * current)):
            return current
        return ceil(length / self.scaling.length)

    def _near(self, ratio: float) -> bool:
        return abs(1.0 - ratio) <= self.scaling.tolerance

    def _behave(self, now: float, current: int, wish: int) -> int:
        """The wish within stabilisation and policies."""
        scaling = self.scaling
        if not self._wished:
            self._wished.append((now, current))  # as at the controller's own start
        self._wished.append((now, wish))
        while self._wished[0][0] <= now - scaling.down_window:
            self._wished.popleft()
        if wish > current:
            before = current - self._changed(now, scaling.up_period)
            return min(wish, max(before + scaling.up_pods, ceil(before * (1 + scaling.up_share)), current))
        stable = min(current, max(wished for _, wished in self._wished))
        before = current - self._changed(now, scaling.down_period)
        return max(stable, min(current, int(before * (1 - scaling.down_share))))

    def _changed(self, now: float, period: float) -> int:
        """Workers added within the period, less those taken away."""
        longest = max(self.scaling.up_period, self.scaling.down_period)
        while self._changes and self._changes[0][0] <= now - longest:
            self._changes.popleft()
        return sum(change for when, change in self._changes if when > now - period)


def quantile_of_buckets(share: float, values: Sequence[float]) -> float:
    """What Prometheus' histogram_quantile makes of the service's buckets: linear within a bucket."""
    counts = [0] * (len(SECONDS) + 1)
    for value in values:
        counts[bisect_left(SECONDS, value)] += 1
    rank, below = share * len(values), 0
    for number, count in enumerate(counts[:-1]):
        if below + count >= rank and count:
            lower = SECONDS[number - 1] if number else 0.0
            return lower + (SECONDS[number] - lower) * (rank - below) / count
        below += count
    return SECONDS[-1]
