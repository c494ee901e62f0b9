"""Time and memory of a call, on a CPU or a GPU."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one call: the median and the best of `runs` by the wall, and processor time.

    Where `cpu_ms` lies below `median_ms` on a CPU, something else had the cores meanwhile.
    """

    median_ms: float
    best_ms: float
    cpu_ms: float  # of all threads together, the least of the runs
    runs: int


def settle(device: torch.device) -> None:
    """Wait until a GPU has done what it was told; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(
    run: Callable[[], Any], device: torch.device, *, runs: int = 5, seconds: float = 20.0, warm: int = 1
) -> Timing:
    """Time `run`: `warm` calls first, then up to `runs`, fewer where they pass `seconds`."""
    for _ in range(warm):
        run()
    settle(device)
    walls: list[float] = []
    cpus: list[float] = []
    while len(walls) < runs and (not walls or sum(walls) < 1000 * seconds):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        settle(device)
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    return Timing(median(walls), min(walls), min(cpus), len(walls))


@dataclass
class Stopwatch:
    """Milliseconds of stages that are entered one after the other, the inner not counted to the outer.

    On a GPU the device settles at each border, so the stages of a call add up to more than the call takes.
    """

    device: torch.device
    laps: dict[str, list[float]] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=lambda: [0.0])

    @contextmanager
    def watch(self, stage: str) -> Iterator[None]:
        """Time what runs inside, as `stage`."""
        settle(self.device)
        begun = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            settle(self.device)
            took = 1000 * (time.perf_counter() - begun)
            self.laps.setdefault(stage, []).append(took - self._inner.pop())
            self._inner[-1] += took

    def per_call(self, calls: int) -> dict[str, float]:
        """Mean milliseconds of each stage in a call, however often a call enters it."""
        return {stage: sum(laps) / calls for stage, laps in self.laps.items()}


@contextmanager
def peak_memory(device: torch.device) -> Iterator[list[float]]:
    """[MiB] that the call needed above what was held before, written at the end of the block.

    On a GPU by PyTorch's allocator; on a CPU by the process's high-water mark, which Linux lets us reset.
    nan where neither can be had.
    """
    told: list[float] = []
    before = _start(device)
    try:
        yield told
    finally:
        told.append(_peak(device) - before)


def _start(device: torch.device) -> float:
    if device.type == "cuda":
        settle(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / MIB
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed before must not hide what is needed now
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except (OSError, AttributeError):
        return float("nan")
    return _status("VmRSS")


def _peak(device: torch.device) -> float:
    if device.type == "cuda":
        settle(device)
        return torch.cuda.max_memory_allocated(device) / MIB
    return _status("VmHWM")


def _status(name: str) -> float:
    """MiB of one line of Linux's account of this process."""
    path = Path("/proc/self/status")
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), float("nan"))


def high_water() -> float:
    """MiB that this process has held at most since `peak_memory` began; nan where no system tells."""
    return _status("VmHWM")


def resident() -> float:
    """MiB that this process holds; nan where the system does not tell."""
    return _status("VmRSS")
