"""The queue and its workers as events in time.

A worker holds at most one batch on its device and one more ahead of it, as the real one does. One that is
lost takes its jobs along until their leases run out; then they go to others, first in the queue.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from k8s.simulation.plan import Work


@dataclass(slots=True)
class Worker:
    """One process; `busy` is on the device, `ahead` is claimed."""

    number: int
    wished: float
    ready: bool = False
    draining: bool = False
    lost: bool = False
    busy: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)


class Clock:
    """What happens when; what is due at the same moment happens in the order in which it was told."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, moment: float, happening: Callable[[], None]) -> None:
        """Let it happen at a moment, at once where that has passed."""
        heapq.heappush(self._due, (max(moment, self.now), next(self._numbers), happening))

    def next_at(self) -> float:
        """When the next thing is due."""
        return self._due[0][0] if self._due else float("inf")

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, happening = heapq.heappop(self._due)
        happening()


class Cluster:
    """Jobs are numbers. `claimed[j]` and `done[j]` are moments, NaN until then."""

    def __init__(self, work: Work, depth: int, jobs: int, clock: Clock, rng: np.random.Generator) -> None:
        self.work, self.depth, self.clock = work, depth, clock
        self.arrived, self.claimed, self.done = (np.full(jobs, np.nan) for _ in range(3))
        self.refused = self.redelivered = self.finished = 0
        self.waiting: deque[int] = deque()
        self.workers: list[Worker] = []
        self.worker_seconds = 0.0
        self.recent: deque[tuple[float, float]] = deque()  # (claimed at, waited)
        self._hungry: deque[Worker] = deque()
        self._orphans = 0
        self._numbers = count()
        self._rng = rng

    @property
    def length(self) -> int:
        """Jobs that wait or run, as XLEN tells them."""
        held = sum(len(worker.busy) + len(worker.ahead) for worker in self.workers)
        return len(self.waiting) + held + self._orphans

    @property
    def wanted(self) -> int:
        """Workers that are asked for, ready or not."""
        return sum(not worker.draining for worker in self.workers)

    @property
    def ready(self) -> int:
        """Workers that serve."""
        return sum(worker.ready and not worker.draining for worker in self.workers)

    # Jobs

    def submit(self, job: int) -> None:
        """A picture comes: into the queue, or refused where that is full."""
        if self.length >= self.depth:
            self.refused += 1
            return
        self.arrived[job] = self.clock.now
        self.waiting.append(job)
        self._serve()

    def _serve(self) -> None:
        """Whoever has room takes, first come first served."""
        while self.waiting and self._hungry:
            worker = self._hungry.popleft()
            if worker.lost or worker.draining:
                continue
            room = self.work.batch - len(worker.ahead)
            while self.waiting and room:
                worker.ahead.append(self._claim(self.waiting.popleft()))
                room -= 1
            if room:
                self._hungry.append(worker)
            self._begin(worker)

    def _claim(self, job: int) -> int:
        if np.isnan(self.claimed[job]):
            self.claimed[job] = self.clock.now
        self.recent.append((self.clock.now, self.clock.now - float(self.arrived[job])))
        return job

    def _begin(self, worker: Worker) -> None:
        """The next batch onto an idle device."""
        if worker.busy or not worker.ahead:
            return
        full = len(worker.ahead) == self.work.batch
        worker.busy, worker.ahead = worker.ahead, []
        if full and not worker.draining:
            self._hungry.append(worker)
        seconds = self.work.call_seconds + self.work.picture_seconds * len(worker.busy)
        seconds *= float(self._rng.lognormal(-0.5 * self.work.spread**2, self.work.spread))
        self.clock.at(self.clock.now + seconds, lambda: self._end(worker))

    def _end(self, worker: Worker) -> None:
        """Answers are told, and the device is free."""
        if worker.lost:
            return
        for job in worker.busy:
            self.done[job] = self.clock.now
        self.finished += len(worker.busy)
        worker.busy = []
        self._begin(worker)
        self._serve()
        if worker.draining and not worker.busy:
            self._gone(worker)

    # Workers

    def add(self, delay: float = 0.0) -> None:
        """A worker more, ready after its start."""
        worker = Worker(next(self._numbers), self.clock.now)
        self.workers.append(worker)
        self.clock.at(self.clock.now + delay + self.work.start_seconds, lambda: self._start(worker))

    def _start(self, worker: Worker) -> None:
        if not (worker.lost or worker.draining):
            worker.ready = True
            self._hungry.append(worker)
            self._serve()

    def remove(self) -> None:
        """One worker fewer: one that is not ready yet, else the youngest; it finishes what it holds."""
        staying = [worker for worker in self.workers if not worker.draining]
        worker = min(staying, key=lambda one: (one.ready, -one.number))
        worker.draining = True
        if not worker.busy:
            self._gone(worker)

    def lose(self) -> bool:
        """A worker is gone at once, the eldest that serves; False where none does."""
        serving = [worker for worker in self.workers if worker.ready and not worker.draining]
        if not serving:
            return False
        worker = serving[0]
        worker.lost = True
        orphans = worker.busy + worker.ahead
        worker.busy, worker.ahead = [], []
        self._gone(worker)
        self._orphans += len(orphans)
        # Its last sign of life lies up to a quarter of a lease back; others look as often for who is silent.
        left = self.work.lease_seconds * float(self._rng.uniform(0.75, 1.0))
        left += 0.25 * self.work.lease_seconds * float(self._rng.uniform(size=max(1, self.ready)).min())
        self.clock.at(self.clock.now + left, lambda: self._inherit(orphans))
        return True

    def _inherit(self, orphans: list[int]) -> None:
        self._orphans -= len(orphans)
        self.redelivered += len(orphans)
        self.waiting.extendleft(reversed(orphans))
        self._serve()

    def _gone(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self.worker_seconds += self.clock.now - worker.wished
