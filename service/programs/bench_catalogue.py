"""`spectrum bench catalogue`: tagging, killed half-way and gone on with, against the bare model."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

from service import images
from service.programs import roles, tag
from service.programs.bench import tell
from service.programs.roles import Refused
from service.schemas import Options
from service.settings import Settings

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_SIGNALS = {"term": signal.SIGTERM, "kill": signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Plan:
    """`count` copies of the folders' pictures under names of their own, tagged by `actors` (None: tag's own
    choice); the first run ends half-way by the signal `kill`. Numbers also to `json`.

    Without `tags` the catalogue holds what the bare model gives, encoded; they are work of its own.
    """

    pictures: Sequence[Path]
    count: int = 200
    kill: Literal["term", "kill", "none"] = "kill"
    actors: int | None = None
    json: Path | None = None
    tags: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome; seconds of wall time.

    `twice` are rows beyond a picture's first, `computed_again` pictures that were parsed again since the kill
    came before they were kept (None where a killed run could not say). `throughput` counts all that both runs
    took, with Python, Ray and the model started twice, against bare processes that start once. `at_work`
    leaves the starts out on both sides: from the first block that came on, against the loop alone.
    """

    pictures: int
    kept: int
    failed: int
    kept_before_kill: int
    twice: int
    computed_again: int | None
    tag_seconds: float
    bare_seconds: float
    tag_pictures_per_second: float
    bare_pictures_per_second: float
    throughput: float
    tag_at_work_per_second: float
    bare_at_work_per_second: float
    at_work: float
    actors: int
    threads: int
    tags: bool
    device: str
    cpus: int
    machine: str


@dataclass(frozen=True, slots=True)
class Bare:
    """`pictures` in `seconds` by all processes, their start included, and `rate` a second without it."""

    pictures: int
    seconds: float
    rate: float


def run(plan: Plan, settings: Settings, say: Callable[[str], None]) -> int:
    """Measure, print JSON and a table; 0 where each picture was kept once, else 1.

    The bare model goes over one half of the pictures before and over the other half after the tagging, so
    that a machine which grows warm or busy meanwhile speaks for neither side.
    """
    roles.check_checkpoint(settings)
    with TemporaryDirectory(prefix="spectrum-bench-") as work:
        files = _copies(plan, Path(work) / "pictures")
        pool, threads = tag.pool(tag.Job("", Path(work), Options(), actors=plan.actors), settings)
        actors = pool.actors or 1
        device = "cuda" if pool.gpu else "cpu"
        before = _bare(files[0::2], actors, threads, device, settings)
        seconds, half = _tagged(plan, Path(work), actors, threads, settings)
        after = _bare(files[1::2], actors, threads, device, settings)
        report = _report(plan, Path(work) / "out", (before, after), seconds, half, actors, threads, device)
    tell(asdict(report), _table(report), plan.json, say)
    return 0 if report.kept == plan.count and not report.twice else 1


def _copies(plan: Plan, folder: Path) -> list[Path]:
    """`count` files, the folders' pictures over and over."""
    found = [
        path for at in plan.pictures for path in sorted(at.glob("*")) if path.suffix.lower() in _SUFFIXES
    ]
    if not found:
        raise Refused(f"there is no picture in {', '.join(map(str, plan.pictures))}.")
    folder.mkdir()
    copies = []
    for number, path in enumerate(islice(cycle(found), plan.count)):
        copies.append(folder / f"{number:06}-{path.name}")
        shutil.copyfile(path, copies[-1])
    return copies


def _bare(files: Sequence[Path], actors: int, threads: int, device: str, settings: Settings) -> Bare:
    """The bare model in as many processes as there are actors, with as many threads each."""
    start = perf_counter()
    shares = [list(map(str, files[i::actors])) for i in range(actors)]
    with ProcessPoolExecutor(actors, mp_context=get_context("spawn")) as processes:
        asked = (actors * [settings.checkpoint_path], actors * [device], actors * [threads])
        spent = list(processes.map(_loop, shares, *asked))
        seconds = perf_counter() - start
    rate = sum(len(share) / alone for share, alone in zip(shares, spent, strict=True) if share)
    return Bare(len(files), seconds, rate)


def _loop(files: Sequence[str], checkpoint: Path, device: str, threads: int) -> float:
    """Seconds of reading, decoding and parsing, one picture after the other, the model being loaded."""
    from model.parser import Parser, Query

    settings = Settings()
    parser = Parser.load(checkpoint, device=device, precision=settings.precision, threads=threads)
    parser.warm_up()
    limits, query = images.Limits.of(settings), Query()
    start = perf_counter()
    for name in files:
        parser.parse([images.decode(Path(name).read_bytes(), limits)], [query])
    return perf_counter() - start


def _tagged(plan: Plan, work: Path, actors: int, threads: int, settings: Settings) -> tuple[float, int]:
    """(seconds of both runs, pictures kept when the first one was killed)."""
    from service.catalogue.parts import Parts

    command = [sys.executable, "-m", "service", "tag", str(work / "pictures"), "--out", str(work / "out")]
    command += ["--actors", str(actors), "--threads", str(threads), "--device", settings.device]
    command += ["--checkpoint", str(settings.checkpoint_path), *([] if plan.tags else ["--no-tags"])]
    parts, seconds, half = Parts(work / "out"), 0.0, 0
    if plan.kill != "none":
        start = perf_counter()
        with subprocess.Popen(command) as first:
            while first.poll() is None and half < plan.count // 2:
                time.sleep(0.25)
                half = parts.rows()
            first.send_signal(_SIGNALS[plan.kill])
        seconds += perf_counter() - start
        half = parts.rows()
    start = perf_counter()
    subprocess.run(command, check=False)
    return seconds + perf_counter() - start, half


def _report(
    plan: Plan,
    out: Path,
    bare: tuple[Bare, Bare],
    seconds: float,
    half: int,
    actors: int,
    threads: int,
    device: str,
) -> Report:
    from service.catalogue.parts import Parts
    from service.catalogue.summary import summary

    parts = Parts(out)
    counted, runs = summary(parts), parts.runs()
    told = len(runs) == (1 if plan.kill == "none" else 2)
    bare_seconds = sum(one.seconds for one in bare)
    bare_rate = plan.count / bare_seconds
    worked = sum(one["seconds"] - one["first_seconds"] for one in runs)
    at_work = sum(one["pictures"] - one["first"] for one in runs) / max(worked, 1e-9)
    bare_at_work = sum(one.pictures for one in bare) / sum(one.pictures / one.rate for one in bare)
    return Report(
        pictures=plan.count,
        kept=counted.pictures,
        failed=counted.failed,
        kept_before_kill=half,
        twice=counted.twice,
        computed_again=sum(one["pictures"] for one in runs) - counted.pictures if told else None,
        tag_seconds=round(seconds, 2),
        bare_seconds=round(bare_seconds, 2),
        tag_pictures_per_second=round(plan.count / seconds, 2),
        bare_pictures_per_second=round(bare_rate, 2),
        throughput=round(plan.count / seconds / bare_rate, 3),
        tag_at_work_per_second=round(at_work, 2),
        bare_at_work_per_second=round(bare_at_work, 2),
        at_work=round(at_work / bare_at_work, 3),
        actors=actors,
        threads=threads,
        tags=plan.tags,
        device=device,
        cpus=os.cpu_count() or 1,
        machine=platform.machine(),
    )


def _table(report: Report) -> str:
    """The numbers that matter, for people."""
    again = "unknown" if report.computed_again is None else report.computed_again
    rows = [
        ("pictures, kept, failed", f"{report.pictures}, {report.kept}, {report.failed}"),
        ("kept when killed", f"{report.kept_before_kill}"),
        ("done twice, computed again", f"{report.twice}, {again}"),
        (
            "tag, both runs",
            f"{report.tag_seconds:.1f} s, {report.tag_pictures_per_second:.2f} pictures a second",
        ),
        (
            "bare model",
            f"{report.bare_seconds:.1f} s, {report.bare_pictures_per_second:.2f} pictures a second",
        ),
        ("throughput, tag/bare", f"{report.throughput:.3f} with every start"),
        (
            "the same without starts",
            f"{report.at_work:.3f} ({report.tag_at_work_per_second:.2f} and "
            f"{report.bare_at_work_per_second:.2f} pictures a second)",
        ),
        ("actors, threads, device", f"{report.actors}, {report.threads}, {report.device}"),
        ("CPUs", f"{report.cpus} ({report.machine})"),
    ]
    return "\n".join(f"{name:<28}{value}" for name, value in rows)
