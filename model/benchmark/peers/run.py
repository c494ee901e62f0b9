"""The same picture through every peer, one model in memory at a time."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.benchmark.clock import measure, peak_memory, settle
from model.benchmark.forward import Effort
from model.benchmark.operations import Counter
from model.benchmark.peers.ours import MINI, OURS
from model.benchmark.peers.peer import Peer, Task
from model.benchmark.peers.segmenters import PEERS
from model.benchmark.report import Row

SLOW_SECONDS = 20.0  # a call that takes longer is made once, and counted meanwhile
NOTES = (
    "Networks alone: random weights but for mini's, no reading of pictures, words or answers. ms: the best",
    "run; ratio: to mini in the same run. A peer with a size of its own takes the picture enlarged to that,",
    "as it was published; words are embedded anew in every call where the model's own forward pass does so.",
    "Published counts are their authors'; 'once': one call, in which operations were counted too.",
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure: a square picture (side, side, 3), prompts, names of peers (None: all)."""

    picture: NDArray[np.uint8]
    prompts: int
    only: Sequence[str] | None
    effort: Effort


def rows(order: Order, device: torch.device) -> list[Row]:
    """A row for each peer that was asked for, `mini` first. ValueError for a name that none has."""
    chosen = [peer for peer in (*PEERS, *OURS) if order.only is None or _named(peer, order.only)]
    if order.only is not None and not chosen:
        names = ", ".join(peer.name for peer in (*PEERS, *OURS))
        raise ValueError(f"{','.join(order.only)} names none of: {names}")
    task = Task(_tensor(order.picture).to(device), order.prompts)
    found = [measured(peer, task, order.effort) for peer in (MINI, *chosen)]
    for row in found:
        row["ratio"] = row["ms"] / found[0]["ms"] if row["ms"] is not None else None
    return found


def measured(peer: Peer, task: Task, effort: Effort) -> Row:
    """Build a peer, run it, let it go."""
    torch.manual_seed(0)
    model, run = peer.build()
    device = task.pixels.device
    model.eval().requires_grad_(False).to(device)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    with torch.inference_mode():
        counter = Counter()
        begun = time.perf_counter()
        with counter, peak_memory(device) as peak:
            run(task)
        settle(device)
        first = time.perf_counter() - begun
        if first > SLOW_SECONDS:
            ms, cpu, runs = 1000 * first, None, 1
        else:
            timing = measure(partial(run, task), device, runs=effort.runs, seconds=effort.seconds, warm=0)
            ms, cpu, runs = timing.best_ms, timing.cpu_ms, timing.runs
    del model, run
    gc.collect()
    height, width = peer.size or (task.side, task.side)
    return {
        "peer": peer.name,
        "answers": peer.outputs,
        "input": f"{width}x{height}",
        "M params": millions,
        "published": peer.published,
        "GFLOP": counter.whole.flop / 1e9,
        "ms": ms,
        "cpu ms": cpu,
        "ratio": None,
        "peak MiB": peak[0],
        "runs": "once" if cpu is None else str(runs),
        "remark": peer.remark,
    }


def _named(peer: Peer, names: Sequence[str]) -> bool:
    return any(name.strip().lower() in peer.name.lower() for name in names)


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """(side, side, 3) uint8 -> (1, 3, side, side) in 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
