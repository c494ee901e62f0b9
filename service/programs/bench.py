"""`spectrum bench service`: what the service costs over the bare model, on the same pictures, in one run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any

from service import images
from service.programs import roles
from service.programs.bench_client import Answer, post, post_all, serve_tree
from service.programs.bench_line import Line
from service.programs.roles import Refused
from service.settings import Settings

if TYPE_CHECKING:
    from model.parser import Parser

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
# What an answer's timings tell of the picture itself; whatever else a request takes is the service's own.
_WORK = ("decode", "preprocess", "forward", "postprocess", "encode")
_MODEL = ("preprocess", "forward", "postprocess")
_ALONE = 40  # pictures of the client that shows what the service adds, shared out among the rounds


@dataclass(frozen=True, slots=True)
class Plan:
    """`count` pictures of a folder, taken round, posted by `clients` at once; numbers also to `json`.

    Service and bare model take turns, `rounds` times each.
    """

    pictures: Path
    count: int = 200
    clients: int = 8
    json: Path | None = None
    rounds: int = 8


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome; seconds of wall time, `throughput` the service's over the bare model's.

    `throughput_low` and `throughput_high` are the quartiles over the rounds. `added_ms` is what a request
    takes, from its first byte sent to its answer parsed, beside decoding, model and encoding: that of one
    client who sends one picture at a time, so that none waits behind another. `queue_ms` is the part of it
    before a worker has the job. `forward_share`: the part of the wall time in which a worker had one
    or several forward passes running. `lanes_share`: all passes and the readings behind them, added up, over
    the wall time; above 1 where they overlap.
    """

    pictures: int
    workers: int
    clients: int
    answered: int
    failed: int
    lost: int
    service_seconds: float
    bare_seconds: float
    bare_decode_seconds: float
    throughput: float
    throughput_low: float
    throughput_high: float
    pictures_per_second: float
    latency_p50_ms: float
    latency_p95_ms: float
    added_p50_ms: float
    added_p95_ms: float
    queue_p50_ms: float
    forward_share: float
    lanes_share: float
    device: str
    cpus: int
    machine: str


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds for the same pictures: over HTTP, in the bare model, and of the latter's decoding."""

    service: float
    bare: float
    decoding: float

    @property
    def throughput(self) -> float:
        """The service's over the bare model's."""
        return self.bare / self.service


def run(plan: Plan, settings: Settings, say: Callable[[str], None]) -> int:
    """Measure, print JSON and a table; 0 where every picture was answered once, else 1.

    Service and bare model take turns, and swap who goes first, so that a machine which grows warm or busy
    meanwhile speaks for neither side. Both are measured at their own best: the bare model in this process
    while the service has nothing to do, decoding left out of its time.
    """
    bodies = _bodies(plan)
    parser = roles.load(settings)
    answers: list[Answer] = []
    alone: list[Answer] = []
    rounds: list[Round] = []
    busy = 0.0
    with serve_tree(settings) as tree:
        for number in range(min(plan.rounds, plan.count)):
            chunk = bodies[number :: plan.rounds]
            alone += _alone(tree.port, chunk[: max(1, _ALONE // plan.rounds)])
            first = _bare(parser, chunk, settings) if number % 2 else None
            began = tree.busy_seconds()
            seconds, told = post_all(tree.port, chunk, plan.clients)
            busy += tree.busy_seconds() - began
            rounds.append(Round(seconds, *(first or _bare(parser, chunk, settings))))
            answers += told
    device = str(getattr(parser, "device", settings.device))
    report = _report(plan, rounds, answers, alone, busy, device=device, workers=settings.workers)
    tell(asdict(report), _table(report), plan.json, say)
    return 0 if report.answered == plan.count and not report.lost else 1


def tell(report: dict[str, Any], table: str, file: Path | None, say: Callable[[str], None]) -> None:
    """Say the numbers as JSON, which also goes into the file, and as a table."""
    text = json.dumps(report, indent=1)
    if file is not None:
        file.write_text(text + "\n", encoding="utf-8")
    say(text)
    say(table)


def _bodies(plan: Plan) -> list[bytes]:
    """`count` pictures' bytes, the folder's files over and over."""
    if not plan.pictures.is_dir():
        raise Refused(f"there is no folder {plan.pictures}.")
    files = sorted(path for path in plan.pictures.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise Refused(f"there is no picture in {plan.pictures}.")
    held = [path.read_bytes() for path in files[: plan.count]]
    return list(islice(cycle(held), plan.count))


def _alone(port: int, bodies: Sequence[bytes]) -> list[Answer]:
    """Answers to one client, one request at a time."""
    line = Line(port, 300)
    try:
        post(line, bodies[0])  # what came before was the bare model, or a crowd
        return [post(line, body) for body in bodies]
    finally:
        line.close()


def _bare(parser: Parser, bodies: Sequence[bytes], settings: Settings) -> tuple[float, float]:
    """(seconds in the model, seconds of decoding), one picture after the other."""
    from model.parser import Query

    limits, query = images.Limits.of(settings), Query()
    forward = decoding = 0.0
    for body in bodies:
        start = perf_counter()
        picture = images.decode(body, limits)
        middle = perf_counter()
        parser.parse([picture], [query])
        forward += perf_counter() - middle
        decoding += middle - start
    return forward, decoding


def _report(
    plan: Plan,
    rounds: Sequence[Round],
    answers: Sequence[Answer],
    alone: Sequence[Answer],
    busy: float,
    *,
    device: str,
    workers: int,
) -> Report:
    told = [answer for answer in answers if answer.id is not None]
    answered = len({answer.id for answer in told if answer.id})
    failed = sum(answer.id == "" for answer in told)
    seconds, bare = sum(one.service for one in rounds), sum(one.bare for one in rounds)
    latency = _percentiles([1000 * answer.seconds for answer in told])
    added = _percentiles([_added_ms(answer) for answer in alone if answer.id])
    spread = _percentiles([one.throughput for one in rounds])
    return Report(
        pictures=plan.count,
        workers=workers,
        clients=plan.clients,
        answered=answered,
        failed=failed,
        lost=plan.count - answered - failed,
        service_seconds=round(seconds, 2),
        bare_seconds=round(bare, 2),
        bare_decode_seconds=round(sum(one.decoding for one in rounds), 2),
        throughput=round(bare / seconds, 3),
        throughput_low=round(spread[4], 3),
        throughput_high=round(spread[14], 3),
        pictures_per_second=round(answered / seconds, 2),
        latency_p50_ms=round(latency[9], 1),
        latency_p95_ms=round(latency[18], 1),
        added_p50_ms=round(added[9], 1),
        added_p95_ms=round(added[18], 1),
        queue_p50_ms=round(median([answer.timings_ms.get("queue", 0.0) for answer in alone] or [0.0]), 1),
        forward_share=round(busy / (seconds * workers), 3),
        lanes_share=round(_spent(told, *_MODEL) / (seconds * workers), 3),
        device=device,
        cpus=os.cpu_count() or 1,
        machine=platform.machine(),
    )


def _added_ms(answer: Answer) -> float:
    """What the request took beside the work on its picture."""
    return 1000 * answer.seconds - sum(answer.timings_ms.get(stage, 0.0) for stage in _WORK)


def _spent(answers: Sequence[Answer], *stages: str) -> float:
    """Seconds that all pictures together were in these stages; a batch's time is shared out among them."""
    return sum(answer.timings_ms.get(stage, 0.0) for answer in answers for stage in stages) / 1000


def _percentiles(values: Sequence[float]) -> list[float]:
    """The 5, 10, ... 95 % points; zeros of nothing."""
    return quantiles(list(values or [0.0]) * 2, n=20, method="inclusive")  # twice: one value is enough


def _table(report: Report) -> str:
    """The numbers that matter, for people."""
    rows = [
        ("pictures, clients, workers", f"{report.pictures}, {report.clients}, {report.workers}"),
        ("answered, failed, lost", f"{report.answered}, {report.failed}, {report.lost}"),
        ("service", f"{report.service_seconds:.1f} s, {report.pictures_per_second:.2f} pictures a second"),
        ("bare model", f"{report.bare_seconds:.1f} s (and {report.bare_decode_seconds:.1f} s of decoding)"),
        (
            "throughput, service/bare",
            f"{report.throughput:.3f} (rounds {report.throughput_low:.3f} to {report.throughput_high:.3f})",
        ),
        ("latency, median and 95 %", f"{report.latency_p50_ms:.0f} ms, {report.latency_p95_ms:.0f} ms"),
        (
            "added to one at a time",
            f"{report.added_p50_ms:.1f} ms, 95 % {report.added_p95_ms:.1f}, beside decode, model, encode; "
            f"to a worker {report.queue_p50_ms:.1f}",
        ),
        (
            "worker in a forward pass",
            f"{report.forward_share:.3f} of the time; passes and readings {report.lanes_share:.3f}",
        ),
        ("device, CPUs", f"{report.device}, {report.cpus} ({report.machine})"),
    ]
    return "\n".join(f"{name:<28}{value}" for name, value in rows)
