"""One run from beginning to end, and its figures."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from service.programs.embedded import AppendFsync
from tests.chaos import havoc, verdict
from tests.chaos.havoc import Violence
from tests.chaos.processes import REAL, STUB, Process, Site
from tests.chaos.traffic import Told, Traffic, plan
from tests.chaos.verdict import Ends, Verdict

JUDGE_MEMORY_FROM = 2_000  # requests; fewer do not warm a process up


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. `seconds` bound the traffic; `real` puts the shipped model in place of the stub."""

    requests: int = 10_000
    seconds: float = 540.0
    seed: int = 1
    clients: int = 24
    apis: int = 2
    workers: int = 3
    violence: Violence = field(default_factory=Violence)
    fsync: AppendFsync = "always"
    real: bool = False


async def run(order: Order) -> dict[str, Any]:
    """The figures as plain JSON; 'violations' is empty where the contract held."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        site = Site(
            folder,
            apis=order.apis,
            workers=order.workers,
            fsync=order.fsync,
            worker=REAL if order.real else (*STUB, str(folder / "runs"), "3", "1"),
            changes=_changes(order),
        )
        try:
            await site.start()
            traffic, seconds = await _drive(site, order)
            jobs = site.queue()
            ids = {one.id for one in verdict.everyone(traffic.told) if one.id is not None}
            ends = await verdict.read(jobs, sorted(ids))
            await jobs.close()
        finally:
            statuses = await asyncio.to_thread(site.stop)
        judged = verdict.judge(traffic.told, ends, site.broker_kills, every_write=order.fsync == "always")
        judged.violations += traffic.faults + _exits(statuses) + _logged(site.apis)
        if len(traffic.told) < order.requests:
            judged.violations.append(f"only {len(traffic.told)} requests within {order.seconds:.0f} s")
        memory = [grown for p in site.processes if (grown := verdict.growth(p, order.requests))]
        if order.requests >= JUDGE_MEMORY_FROM:
            judged.violations += [
                f"{grown.name} grew to {grown.ratio:.2f} of its memory after warm-up"
                for grown in memory
                if grown.ratio > verdict.GROWTH
            ]
            if not {"api 0", "worker 0"} <= {grown.name for grown in memory}:
                judged.violations.append("no API or no worker lived long enough to watch its memory")
        runs = folder / "runs"
        seen = Counter(runs.read_text().split()) if runs.exists() else Counter[str]()
        return _figures(order, site, traffic, ends, judged, memory, seen, seconds)


def _changes(order: Order) -> dict[str, str]:
    """Settings that make recovery quick enough to see."""
    return {
        "SPECTRUM_LEASE_SECONDS": "10" if order.real else "2",
        "SPECTRUM_HEARTBEAT_SECONDS": "0.5",
        "SPECTRUM_REDIS_TIMEOUT_SECONDS": "2",
        "SPECTRUM_DRAIN_SECONDS": "15",
        "SPECTRUM_NOTICE_SECONDS": "0",
        "SPECTRUM_DEAD_LETTERS_KEPT": str(verdict.LETTERS),
        "SPECTRUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


async def _drive(site: Site, order: Order) -> tuple[Traffic, float]:
    """(traffic, seconds that it took): all requests sent, all havoc wrought, the queue settled."""
    rng = random.Random(order.seed)
    over, quiet = asyncio.Event(), asyncio.Event()
    traffic = Traffic(site.ports, rng, over, real=order.real)
    start = monotonic()
    havocking = asyncio.create_task(
        havoc.befall(
            site,
            traffic,
            order.requests,
            random.Random(order.seed),
            order.violence,
            quiet,
        )
    )
    timer = asyncio.get_running_loop().call_later(order.seconds, over.set)
    try:
        await traffic.run(plan(order.requests, rng, real=order.real), order.clients)
    finally:
        timer.cancel()
        quiet.set()
        await havocking
    seconds = monotonic() - start
    await havoc.settle(site, traffic)
    return traffic, seconds


def _exits(statuses: dict[str, int | None]) -> list[str]:
    """Everything drains on SIGTERM and says so; only a worker that was still starting may just end."""
    return [
        f"{name} ended with status {status} on SIGTERM"
        for name, status in statuses.items()
        if status and not (name.startswith("worker") and status == -signal.SIGTERM)
    ]


def _logged(apis: Sequence[Process]) -> list[str]:
    """What an API did not foresee."""
    faults = []
    for api in apis:
        if api.starts > 1:
            faults.append(f"{api.name} died {api.starts - 1} times")
        count = api.log.read_text(errors="replace").count("Traceback")
        if count:
            faults.append(f"{api.name} logged {count} tracebacks; the last: {_last_error(api.log)}")
    return faults


def _last_error(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "Error" in line and not line.startswith(" ")]
    return errors[-1][:300] if errors else ""


def _figures(
    order: Order,
    site: Site,
    traffic: Traffic,
    ends: Ends,
    judged: Verdict,
    memory: Sequence[verdict.Growth],
    runs: Counter[str],
    seconds: float,
) -> dict[str, Any]:
    told = list(verdict.everyone(traffic.told))
    outcomes: Counter[str] = Counter()
    for one in told:
        outcomes.update(f"{one.kind}: {outcome.partition(' ')[0]}" for outcome in one.outcomes)
    return {
        "requests": len(traffic.told),
        "model": "mini" if order.real else "stub",
        "appendfsync": order.fsync,
        "seconds": round(seconds, 1),
        "requests_per_second": round(len(traffic.told) / seconds, 1),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "accepted": len({one.id for one in told if one.id}),
        "ended": dict(ends.statuses),
        "told": dict(sorted(outcomes.items())),
        "refusals": sum(one.refusals for one in told),
        "latency_ms": {
            kind: {name: round(value, 1) for name, value in _latency(told, kind).items()}
            for kind in ("good", "later", "bomb")
        },
        "workers_killed": site.worker_kills,
        "worker_starts": sum(worker.starts for worker in site.workers),
        "broker_killed": len(site.broker_kills),
        "broker_paused": site.pauses,
        "model_runs": sum(runs.values()),
        "run_more_than_once": sum(count > 1 for count in runs.values()),
        "dead_letters": len(ends.dead),
        "memory": {
            grown.name: {
                "warm_mb": round(grown.warm / 2**20, 1),
                "end_mb": round(grown.end / 2**20, 1),
                "ratio": round(grown.ratio, 3),
            }
            for grown in memory
        },
        "lost_unsynced": judged.unsynced,
        "violations": judged.violations,
    }


def _latency(told: Sequence[Told], kind: str) -> dict[str, float]:
    return verdict.percentiles([one.seconds for one in told if one.kind == kind])
