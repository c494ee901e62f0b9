"""What the device itself can do: the rates that every figure is held against."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from model.benchmark.clock import settle


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Rates of one device, measured: a large matrix product, and a copy (read and write) past every cache."""

    flop_per_second: float
    bytes_per_second: float


def measure_ceilings(device: torch.device, dtype: torch.dtype, *, seconds: float = 1.5) -> Ceilings:
    """The best of what fits into `seconds` each."""
    side, length = (8192, 2**28) if device.type == "cuda" else (1024, 2**26)
    left = torch.randn(side, side, device=device, dtype=torch.float32).to(dtype)
    source = torch.zeros(length, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    product = _best(lambda: left @ left, device, seconds)
    copy = _best(lambda: target.copy_(source), device, seconds)
    return Ceilings(2 * side**3 / product, 2 * length / copy)


def _best(run: Callable[[], object], device: torch.device, seconds: float) -> float:
    run()
    settle(device)
    best, deadline = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        begun = time.perf_counter()
        run()
        settle(device)
        best = min(best, time.perf_counter() - begun)
    return best
