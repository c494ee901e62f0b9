"""`spectrum bench threads`: how many threads, how they should wait for each other, and who keeps the memory.

PyTorch's threads spin while they wait. On cores of their own that saves the time of waking them; on cores
that others use too, each of their turns is spent on waiting for one that does not run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from model.benchmark.report import Row

NOTES = (
    "Processes that take turns, a picture each. spin: the threads' own way of waiting; sleep:",
    "OMP_WAIT_POLICY=PASSIVE; keep: freed memory stays with the process (MALLOC_TRIM_THRESHOLD_ and",
    "MALLOC_MMAP_THRESHOLD_); together: so many such processes at once, each at pictures of its own.",
)
SLEEP = {"OMP_WAIT_POLICY": "PASSIVE"}
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(512 << 20), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}
_OURS = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "GOMP_SPINCOUNT", *KEEP)
_PROGRAM = """
import json, resource, sys, time
import numpy as np
from model.benchmark.pictures import noise
from model.parser import Parser, Query
parser = Parser.load(sys.argv[1], device="cpu", threads=int(sys.argv[2]))
picture, query = noise((576, 384), 0), Query()
for _ in range(3):
    parser.parse([picture], [query])
print("ready", flush=True)
for line in sys.stdin:
    wall, cpu, use = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(int(line)):
        parser.parse([picture], [query])
    now = resource.getrusage(resource.RUSAGE_SELF)
    told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    told["faults"], told["rss"] = now.ru_minflt - use.ru_minflt, now.ru_maxrss / 1024
    print(json.dumps(told), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How a process computes: `threads`, its environment, and how many such processes at once."""

    name: str
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)
    together: int = 1


def ways(cores: int) -> tuple[Way, ...]:
    """What to try on so many cores."""
    return (
        Way("spin", cores),
        Way("sleep", cores, SLEEP),
        Way("sleep, keep", cores, SLEEP | KEEP),
        Way("one thread", 1),
        Way("one thread, keep", 1, KEEP),
        Way("one thread each, keep", 1, KEEP, together=cores),
    )


def rows(folder: Path, tried: Sequence[Way], *, rounds: int, pictures: int = 1) -> list[Row]:
    """A row for each way, from `rounds` turns of `pictures` each. ValueError where a process cannot start."""
    with ExitStack() as open_:
        running = [[open_.enter_context(_process(folder, way)) for _ in range(way.together)] for way in tried]
        for processes in running:
            for process in processes:
                _ready(process)
        turns: list[list[Row]] = [[] for _ in tried]
        for _ in range(rounds):
            for told, processes in zip(turns, running, strict=True):
                told.append(_turn(processes, pictures))
    found = [_row(way, told, pictures) for way, told in zip(tried, turns, strict=True)]
    for row in found:
        row["ratio"] = row["ms/picture"] / found[0]["ms/picture"]
    return found


def _turn(processes: Sequence[subprocess.Popen[str]], pictures: int) -> Row:
    for process in processes:
        _pipe(process.stdin).write(f"{pictures}\n")
        _pipe(process.stdin).flush()
    answers = [json.loads(_pipe(process.stdout).readline()) for process in processes]
    return {
        "wall": max(one["wall"] for one in answers),
        **{name: sum(one[name] for one in answers) for name in ("cpu", "faults", "rss")},
    }


def _row(way: Way, told: Sequence[Row], pictures: int) -> Row:
    each = pictures * way.together
    walls = [1000 * one["wall"] / each for one in told]
    return {
        "way": way.name,
        "threads": way.threads,
        "together": way.together,
        "ms/picture": median(walls),
        "best ms": min(walls),
        "cpu ms": median(1000 * one["cpu"] / each for one in told),
        "page faults": median(one["faults"] / each for one in told),
        "process MiB": told[-1]["rss"],
    }


@contextmanager
def _process(folder: Path, way: Way) -> Iterator[subprocess.Popen[str]]:
    plain = {name: value for name, value in os.environ.items() if name not in _OURS}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), str(way.threads)],
        env=plain | dict(way.environment) | {"OMP_NUM_THREADS": str(way.threads)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        _pipe(process.stdin).close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()


def _ready(process: subprocess.Popen[str]) -> None:
    if _pipe(process.stdout).readline().strip() != "ready":
        raise ValueError("a process to measure did not start")


def _pipe(stream: Any) -> Any:
    if stream is None:
        raise ValueError("the process has no pipe")
    return stream
