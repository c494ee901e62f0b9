"""`python -m tests.chaos.overload`: five times as many requests as can be served, for a minute.

Arrivals are open-loop: they come when they come, whatever became of those before. The model is a set time;
everything else is what serves. Three questions: how soon is a refusal told, does whoever is let in get an
answer in time, and is Retry-After true? It promises the time in which half of the queue drains, since
whoever comes back sooner meets the same full queue; the truth is measured when the arrivals stop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from service.delivery.jobs import Jobs
from tests.chaos import wire
from tests.chaos.cli import table
from tests.chaos.processes import ROOT, STUB, Site
from tests.chaos.verdict import percentiles

_PHOTO = ROOT / "tests" / "data" / "photos" / "0307.jpg"
_EACH_MS = 50.0  # the stub's time for a picture: about 20 a second, so that 100 a second arrive
_DEPTH = 64
_CALIBRATE_SECONDS = 6.0
_REJECTION_MS = 50.0
_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to run."""

    times: float = 5.0
    seconds: float = 60.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Met:
    """What became of one request: `code` 'done' or a problem's; `at` and `seconds` on the run's clock."""

    at: float
    seconds: float
    code: str
    retry_after: float | None = None


class Callers:
    """Who asks. Each picture is a photo with a comment of its own, so that no cache knows it."""

    def __init__(self, port: int, seed: int) -> None:
        self.port, self.rng = port, random.Random(seed)
        self.photo = _PHOTO.read_bytes()
        self.met: list[Met] = []

    async def post(self, deadline: float | None) -> Met:
        """One request and what became of it."""
        body, kind = wire.form(self._picture())
        headers = {"Content-Type": kind}
        if deadline is not None:
            headers["X-Deadline-Ms"] = str(round(1000 * deadline))
        at = perf_counter()
        try:
            answer = await wire.ask(self.port, "POST", "/parse", headers, body)
        except OSError as error:
            return Met(at, perf_counter() - at, f"no answer: {error!r}")
        document = answer.json
        code = "done" if answer.status == 200 else str(document.get("code", document.get("status")))
        told = answer.headers.get("retry-after")
        return Met(at, answer.seconds, code, None if told is None else float(told))

    async def saturate(self, seconds: float) -> float:
        """Pictures a second where there is always another one."""
        until, done = perf_counter() + seconds, 0

        async def client() -> None:
            nonlocal done
            while perf_counter() < until:
                met = await self.post(None)
                done += met.code == "done"  # read behind the await, or clients overwrite each other's count

        start = perf_counter()
        await asyncio.gather(*(client() for _ in range(24)))
        return done / (perf_counter() - start)

    async def arrive(self, rate: float, seconds: float, deadline: float) -> list[asyncio.Task[None]]:
        """Open-loop arrivals, exponentially apart; returns when the last one has been sent."""

        async def one() -> None:
            self.met.append(await self.post(deadline))

        tasks, next_ = [], perf_counter()
        until = next_ + seconds
        while next_ < until:
            await asyncio.sleep(max(0.0, next_ - perf_counter()))
            tasks.append(asyncio.create_task(one()))
            next_ += self.rng.expovariate(rate)
        return tasks

    def _picture(self) -> bytes:
        comment = self.rng.randbytes(12)
        return self.photo[:2] + b"\xff\xfe" + struct.pack(">H", 14) + comment + self.photo[2:]


async def run(order: Order) -> dict[str, Any]:
    """The figures; 'violations' is empty where the promises held."""
    with tempfile.TemporaryDirectory(prefix="overload-") as name:
        worker = (*STUB, str(Path(name) / "runs"), "0", str(_EACH_MS))
        changes = {"SPECTRUM_QUEUE_DEPTH": str(_DEPTH)}
        site = Site(Path(name), apis=1, workers=1, fsync="everysec", worker=worker, changes=changes)
        try:
            await site.start()
            jobs = site.queue()
            figures = await _overload(Callers(site.ports[0], order.seed), jobs, order)
            await jobs.close()
        finally:
            await asyncio.to_thread(site.stop)
    return figures


async def _overload(callers: Callers, jobs: Jobs, order: Order) -> dict[str, Any]:
    capacity = await callers.saturate(_CALIBRATE_SECONDS)
    deadline = 2.0 * _DEPTH / capacity
    tasks = await callers.arrive(order.times * capacity, order.seconds, deadline)
    stopped = perf_counter()
    half = await _half_empty(jobs)
    await asyncio.gather(*tasks)
    late = [m.retry_after for m in callers.met if m.retry_after and m.at > stopped - 2.0]
    met = Counter(m.code for m in callers.met)
    refused = [m.seconds for m in callers.met if m.code == "overloaded"]
    done = [m.seconds for m in callers.met if m.code == "done"]
    told = sum(late) / len(late) if late else 0.0
    figures: dict[str, Any] = {
        "capacity_per_second": round(capacity, 1),
        "arrivals_per_second": round(len(callers.met) / order.seconds, 1),
        "requests": len(callers.met),
        "met": dict(met),
        "refusal_ms": _rounded(percentiles(refused)),
        "accepted_ms": _rounded(percentiles(done)),
        "deadline_ms": round(1000 * deadline),
        "served_per_second": round(len(done) / order.seconds, 1),
        "retry_after_told": round(told, 2),
        "retry_after_true": round(half, 2),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
    return figures | {"violations": list(_violations(figures, deadline, done))}


async def _half_empty(jobs: Jobs) -> float:
    """Seconds until half of the queue has drained."""
    start = perf_counter()
    while await jobs.depth() > _DEPTH // 2:
        await asyncio.sleep(0.02)
    return perf_counter() - start


def _violations(figures: dict[str, Any], deadline: float, done: Sequence[float]) -> list[str]:
    found = [
        f"{count} requests met {code}"
        for code, count in figures["met"].items()
        if code not in ("done", "overloaded")
    ]
    if late := sum(seconds > deadline for seconds in done):
        found.append(f"{late} answers came after the deadline")
    if figures["refusal_ms"].get("p99", 0.0) > _REJECTION_MS:
        found.append(f"99 % of refusals took up to {figures['refusal_ms']['p99']} ms")
    told, true = figures["retry_after_told"], figures["retry_after_true"]
    if not true / _FACTOR <= told <= max(1.0, true * _FACTOR):
        found.append(f"Retry-After said {told} s where it took {true} s")
    if figures["served_per_second"] < 0.9 * figures["capacity_per_second"]:
        found.append("less was served under overload than at capacity")
    return found


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in figures.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print a table; 0 where the promises held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.overload", description=__doc__)
    parser.add_argument("--times", type=float, default=5.0, help="of what can be served")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args(argv)
    figures = asyncio.run(run(Order(given.times, given.seconds, given.seed)))
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(figures) + "\n")
    return 1 if figures["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
