"""The same picture through every peer, turn by turn with `mini`; one peer in memory at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.benchmark.clock import Timing, high_water, measure, peak_memory
from model.benchmark.forward import Effort
from model.benchmark.networks import shapes_of
from model.benchmark.operations import Counter
from model.benchmark.peers.ours import MINI, OURS
from model.benchmark.peers.peer import Peer, Task
from model.benchmark.peers.segmenters import PEERS
from model.benchmark.report import Row

NOTES = (
    "Networks alone: random weights but for mini's, no reading of pictures, words or answers. Peer and mini",
    "take turns; ratio: the median over the rounds of the peer's wall time by mini's, ratio cpu: the same of",
    "processor time. A peer with a size of its own takes the picture resized to that, as it was published;",
    "words are embedded anew in every call where the model's own forward pass does so. Published counts are",
    "their authors'. peak MiB: of one call beside the weights; process MiB: of the process at that moment.",
)
Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure: a picture (H, W, 3), prompts, names of peers (None: all); or to count alone."""

    picture: NDArray[np.uint8]
    prompts: int
    only: Sequence[str] | None
    effort: Effort
    count: bool = False


def rows(order: Order, device: torch.device, peers: Sequence[Peer] = (*PEERS, *OURS)) -> list[Row]:
    """A row for each peer that was asked for, `mini` first. ValueError for a name that none has."""
    chosen = [peer for peer in peers if order.only is None or peer.named(list(order.only))]
    if order.only is not None and not chosen:
        names = ", ".join(peer.name for peer in peers)
        raise ValueError(f"{','.join(order.only)} names none of: {names}")
    task = Task(_tensor(order.picture).to(device), order.prompts)
    if order.count:
        return [_counted(peer, task) for peer in chosen]
    model, run = _built(MINI, device)
    mini = partial(run, task)
    with torch.inference_mode():
        facts = _first(mini, device)
        alone = measure(mini, device, runs=order.effort.runs, seconds=order.effort.seconds)
    found = [_row(MINI, task, _millions(model), facts, [(alone, alone)])]
    for peer in chosen:
        if missing := peer.missing():
            found.append(_row(peer, task, note=f"not in this transformers: {', '.join(missing)}"))
        elif peer.large and order.only is None and device.type == "cpu":
            found.append(_counted(peer, task))
        else:
            found.append(_measured(peer, task, mini, order.effort))
    return found


def _measured(peer: Peer, task: Task, mini: Call, effort: Effort) -> Row:
    """Build a peer, let it and `mini` take turns, let it go."""
    device = task.pixels.device
    model, run = _built(peer, device)
    call = partial(run, task)
    with torch.inference_mode():
        facts = _first(call, device)
        turns = rounds(call, mini, device, effort)
    row = _row(peer, task, _millions(model), facts, turns)
    del model, run, call
    gc.collect()
    return row


def rounds(call: Call, mini: Call, device: torch.device, effort: Effort) -> list[tuple[Timing, Timing]]:
    """(the peer's, mini's) timings, turn by turn; who goes first changes from round to round."""
    found: list[tuple[Timing, Timing]] = []
    while len(found) < effort.runs and (
        not found or sum(t.best_ms for pair in found for t in pair) < 1000 * effort.seconds
    ):
        order = (call, mini) if len(found) % 2 else (mini, call)
        timed = {one: measure(one, device, runs=1, warm=0) for one in order}
        found.append((timed[call], timed[mini]))
    return found


def _counted(peer: Peer, task: Task) -> Row:
    """Operations alone, from shapes: nothing is computed, and no weights are held."""
    calls: list[Callable[[Task], Any]] = []

    def build() -> nn.Module:
        model, run = peer.build()
        calls.append(run)
        return model

    counter = Counter()
    with shapes_of(build) as model, torch.inference_mode(), counter:
        calls[0](Task(torch.zeros(task.pixels.shape), task.prompts))
    millions = _millions(model)
    note = f"counted only: {4 * millions / 1000:.1f} GB of weights"
    return _row(peer, task, millions, (counter.whole.flop / 1e9, None, None), note=note)


Facts = tuple[float | None, float | None, float | None]  # GFLOP, peak MiB, process MiB


def _row(
    peer: Peer,
    task: Task,
    millions: float | None = None,
    facts: Facts = (None, None, None),
    turns: Sequence[tuple[Timing, Timing]] = (),
    *,
    note: str = "",
) -> Row:
    height, width = peer.entered(task.size)
    walls = [theirs.best_ms / ours.best_ms for theirs, ours in turns]
    cpus = [theirs.cpu_ms / ours.cpu_ms for theirs, ours in turns if ours.cpu_ms]
    return {
        "peer": peer.name,
        "answers": peer.outputs,
        "input": f"{width}x{height}",
        "M params": millions,
        "published": peer.published,
        "GFLOP": facts[0],
        "ms": min((theirs.best_ms for theirs, _ in turns), default=None),
        "cpu ms": min((theirs.cpu_ms for theirs, _ in turns), default=None),
        "ratio": median(walls) if walls else None,
        "ratio cpu": median(cpus) if cpus else None,
        "peak MiB": facts[1],
        "process MiB": facts[2],
        "rounds": sum(theirs.runs for theirs, _ in turns),
        "remark": "; ".join(filter(None, (peer.remark, note))),
    }


def _built(peer: Peer, device: torch.device) -> tuple[nn.Module, Callable[[Task], Any]]:
    torch.manual_seed(0)
    model, run = peer.build()
    model.eval().requires_grad_(False).to(device)
    return model, run


def _first(call: Call, device: torch.device) -> Facts:
    """The first call, which warms up as well: what it computes, and what it needs."""
    counter = Counter()
    with peak_memory(device) as peak, counter:
        call()
    return counter.whole.flop / 1e9, peak[0], high_water()


def _millions(model: nn.Module) -> float:
    return sum(p.numel() for p in model.parameters()) / 1e6


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) in 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
