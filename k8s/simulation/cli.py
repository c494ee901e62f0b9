"""`python -m k8s.simulation`: a simulated day, as a table for docs/scaling.md or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from k8s.simulation.day import Day, simulate
from k8s.simulation.plan import Load, Plan, Scaling, Work, measured

LENGTHS = (1, 2, 3, 4, 8, 16)


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate and print; 1 where a job was lost."""
    given = _parser().parse_args(argv)
    plan = _plan(given)
    days = [(length, simulate(plan.with_length(length))) for length in given.lengths]
    if given.only_length is False:
        alone = replace(plan, scaling=replace(plan.scaling, queue_seconds=None))
        bare = [(length, simulate(alone.with_length(length))) for length in given.lengths]
    else:
        bare = []
    print("\n".join(_report(plan, days, bare)))
    if given.json is not None:
        figures = [{"length": length, **figures_of(day)} for length, day in days]
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf8")
    return 1 if any(day.lost for _, day in days + bare) else 0


def figures_of(day: Day) -> dict[str, Any]:
    """A day as plain numbers."""
    return {
        "arrived": day.arrived,
        "done": day.done,
        "refused": day.refused,
        "redelivered": day.redelivered,
        "lost": day.lost,
        "queue_seconds": [round(value, 3) for value in day.percentiles(day.queue)],
        "answer_seconds": [round(value, 3) for value in day.percentiles(day.answer)],
        "workers_mean": round(float(day.workers.mean()), 2),
        "workers_most": int(day.workers.max()),
        "worker_hours": round(day.worker_hours, 1),
        "workers_by_hour": [round(value, 1) for value in day.by_hour()],
    }


def _plan(given: argparse.Namespace) -> Plan:
    work = Work(start_seconds=given.start_seconds)
    if given.bench is not None:
        work = measured(work, given.bench)
    base = Load()
    bells = tuple((at, height * given.load, width) for at, height, width in base.bells)
    load = Load(base.base * given.load, bells, given.hours)
    scaling = Scaling(least=given.least, down_share=given.fall)
    return Plan(load=load, work=work, scaling=scaling, seed=given.seed)


def _report(plan: Plan, days: list[tuple[int, Day]], bare: list[tuple[int, Day]]) -> Iterator[str]:
    yield (
        f"{1 / plan.work.picture_seconds:.1f} pictures a second and worker, {plan.work.start_seconds:.0f} s "
        f"to start one, at most {plan.scaling.most}; {days[0][1].arrived} pictures; seed {plan.seed}."
    )
    for title, table in (("Both triggers", days), ("The length alone", bare)):
        if table:
            yield f"\n{title}:\n"
            yield from _table(table)
    chosen = dict(days).get(plan.scaling.length)
    if chosen is not None:
        hours = " ".join(f"{value:.1f}" for value in chosen.by_hour())
        yield f"\nWorkers by the hour with {plan.scaling.length} jobs for each: {hours}"


_COLUMNS = (
    "jobs for each worker",
    "queue p50, p95, p99 (s)",
    "answer p50, p95, p99 (s)",
    "workers: mean, most",
    "worker-hours",
    "refused",
    "run again",
    "lost",
)


def _table(days: list[tuple[int, Day]]) -> Iterator[str]:
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|---" * len(_COLUMNS) + "|"
    for length, day in days:
        cells = (
            str(length),
            ", ".join(f"{value:.2f}" for value in day.percentiles(day.queue)),
            ", ".join(f"{value:.2f}" for value in day.percentiles(day.answer)),
            f"{day.workers.mean():.1f}, {day.workers.max()}",
            f"{day.worker_hours:.0f}",
            f"{day.refused / max(1, day.arrived):.2%}",
            str(day.redelivered),
            str(day.lost),
        )
        yield f"| {' | '.join(cells)} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m k8s.simulation", description=__doc__)
    parser.add_argument("--bench", type=Path, metavar="FILE", help="JSON of 'spectrum bench service --json'")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), metavar="N")
    parser.add_argument("--start-seconds", type=float, default=Work().start_seconds, metavar="S")
    parser.add_argument(
        "--load", type=float, default=1.0, metavar="X", help="times the load of the default day"
    )
    parser.add_argument("--least", type=int, default=Scaling().least, metavar="N", help="workers that stay")
    parser.add_argument(
        "--fall", type=float, default=Scaling().down_share, metavar="S", help="share that may go in a minute"
    )
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only-both", dest="only_length", action="store_true", help="leave out the second table"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser
