"""A day from its plan: arrivals, losses and syncs of the autoscaler, until the last job has ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from k8s.simulation.arrivals import arrivals
from k8s.simulation.autoscaler import Autoscaler
from k8s.simulation.cluster import Clock, Cluster
from k8s.simulation.plan import HOUR, Plan

_SCRAPE_SECONDS = 15.0  # how old what Prometheus knows may be
_WINDOW_SECONDS = 60.0  # of the query of the second trigger


@dataclass(frozen=True, slots=True)
class Day:
    """What became of it; seconds unless said otherwise."""

    arrived: int
    done: int
    refused: int
    redelivered: int
    lost: int
    queue: NDArray[np.float64]  # from admission to the first claim, of each job
    answer: NDArray[np.float64]  # from admission to the answer
    workers: NDArray[np.int64]  # that served, at each sync
    sync_seconds: float
    worker_hours: float

    def percentiles(self, of: NDArray[np.float64]) -> tuple[float, float, float]:
        """p50, p95, p99; zeros where there was nothing."""
        if not len(of):
            return 0.0, 0.0, 0.0
        p50, p95, p99 = np.percentile(of, (50, 95, 99))
        return float(p50), float(p95), float(p99)

    def by_hour(self) -> list[float]:
        """Workers that served, on average, in each hour."""
        each = max(1, round(HOUR / self.sync_seconds))
        return [
            float(self.workers[start : start + each].mean()) for start in range(0, len(self.workers), each)
        ]


def simulate(plan: Plan) -> Day:
    """Deterministic by `plan.seed`."""
    rng = np.random.default_rng(plan.seed)
    moments = arrivals(plan.load, rng)
    clock = Clock()
    cluster = Cluster(plan.work, plan.depth, len(moments), clock, rng)
    run = _Run(plan, cluster, clock, end=plan.load.hours * HOUR)
    for job, moment in enumerate(moments.tolist()):
        while clock.next_at() <= moment:
            clock.step()
        clock.now = moment
        cluster.submit(job)
    run.to_come = False
    while run.goes_on():
        clock.step()
    return run.result(len(moments))


class _Run:
    """A day under way."""

    def __init__(self, plan: Plan, cluster: Cluster, clock: Clock, end: float) -> None:
        self.plan, self.cluster, self.clock, self.end = plan, cluster, clock, end
        self.scaler = Autoscaler(plan.scaling)
        self.served: list[int] = []
        self.to_come = True
        for _ in range(plan.scaling.least):
            cluster.add(delay=-plan.work.start_seconds)  # they were there before the day began
        clock.at(plan.scaling.sync_seconds, self._sync)
        for loss in plan.losses:
            for _ in range(loss.workers):
                clock.at(loss.hour * HOUR, partial(self._lose, loss.notice_seconds))

    def goes_on(self) -> bool:
        """Whether jobs are to come, to be done, or the day is not over."""
        return self.to_come or self.cluster.length > 0 or self.clock.now < self.end

    def result(self, arrived: int) -> Day:
        """What became of the day."""
        cluster = self.cluster
        done = ~np.isnan(cluster.done)
        admitted = cluster.arrived[done]
        alive = sum(self.clock.now - worker.wished for worker in cluster.workers)
        return Day(
            arrived=arrived,
            done=int(done.sum()),
            refused=cluster.refused,
            redelivered=cluster.redelivered,
            lost=arrived - int(done.sum()) - cluster.refused,
            queue=cluster.claimed[done] - admitted,
            answer=cluster.done[done] - admitted,
            workers=np.array(self.served, np.int64),
            sync_seconds=self.plan.scaling.sync_seconds,
            worker_hours=(cluster.worker_seconds + alive) / HOUR,
        )

    def _sync(self) -> None:
        """What the autoscaler does each time it looks."""
        cluster, now = self.cluster, self.clock.now
        while cluster.recent and cluster.recent[0][0] <= now - _SCRAPE_SECONDS - _WINDOW_SECONDS:
            cluster.recent.popleft()
        waits = [waited for moment, waited in cluster.recent if moment <= now - _SCRAPE_SECONDS]
        chosen = self.scaler.decide(now, max(1, cluster.wanted), cluster.ready, cluster.length, waits)
        for _ in range(chosen - cluster.wanted):
            cluster.add()
        for _ in range(cluster.wanted - chosen):
            cluster.remove()
        self.served.append(cluster.ready)
        self.clock.at(now + self.plan.scaling.sync_seconds, self._sync)

    def _lose(self, notice: float) -> None:
        """A worker is gone; Kubernetes asks for another once it has noticed."""
        if self.cluster.lose():
            self.cluster.add(delay=notice)
