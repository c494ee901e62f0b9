"""A resumable training loop: one state file, one log, the same losses after a kill; one process or many."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Length and rates of a training. Rates are peaks of a warm-up and cosine over `steps`."""

    steps: int
    rate: float = 5e-4
    tower_rate: float = 2e-4
    weight_decay: float = 0.05
    warmup: int = 150
    clip: float = 1.0
    ema: float = 0.998
    save_every: int = 200
    validate_every: int = 500

    def factor(self, step: int) -> float:
        """The share of the peak rate at a step; a function of the step alone, so that resuming is exact."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class From(Sampler[int]):
    """Steps from a first one on: what a resumed training still has to see; one process of many, its own."""

    def __init__(self, first: int, steps: int, *, rank: int = 0, world: int = 1) -> None:
        self.first, self.steps = first, steps
        self.rank, self.world = rank, world

    def __iter__(self) -> Iterator[int]:
        return (step * self.world + self.rank for step in range(self.first, self.steps))

    def __len__(self) -> int:
        return max(0, self.steps - self.first)


class Training(ABC, Generic[B]):
    """Trains `part` through `objective`, a module that holds it; all it needs to go on lies in `folder`.

    whole: the state and the average hold all of `part`; otherwise what is trained of it alone. Under torchrun
    the processes of a training share its gradients; the first of them writes.
    """

    def __init__(
        self,
        part: nn.Module,
        objective: nn.Module,
        schedule: Schedule,
        folder: Path,
        *,
        device: str = "cpu",
        whole: bool = True,
    ) -> None:
        # No buffer changes while training: batch norm keeps its statistics.
        kwargs = DistributedDataParallelKwargs(broadcast_buffers=False)
        self.accelerator = Accelerator(cpu=torch.device(device).type == "cpu", kwargs_handlers=[kwargs])
        self.device = self.accelerator.device
        self.part, self.whole = part, whole
        self.schedule, self.folder = schedule, folder
        objective = objective.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(self._groups(), betas=(0.9, 0.999))
        # Gradients must have the layout that the processes agreed on, so this comes after all moves.
        self.objective = self.accelerator.prepare_model(objective) if self.world > 1 else objective
        self.average = {k: v.detach().clone() for k, v in self.state().items()}
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def rank(self) -> int:
        """Which of the training's processes this is; the first, 0, writes."""
        return int(self.accelerator.process_index)

    @property
    def world(self) -> int:
        """How many processes train together."""
        return int(self.accelerator.num_processes)

    @abstractmethod
    def losses(self, batch: B, rng: np.random.Generator) -> dict[str, Tensor]:
        """The losses of a batch by name, through `self.objective`; their sum trains."""

    @abstractmethod
    def write_checkpoint(self) -> None:
        """Write the averaged weights as a checkpoint of the network."""

    def validate(self) -> dict[str, float]:
        """Scores for the log, with the averaged weights in place."""
        return {}

    def finish(self) -> None:
        """What there is to do after the last step, with the averaged weights in place."""

    def rate_of(self, name: str) -> float:
        """The peak rate of a parameter of `part`."""
        return self.schedule.tower_rate if name.startswith("tower.") else self.schedule.rate

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.part.named_parameters():
            if not parameter.requires_grad:
                continue
            decay = self.schedule.weight_decay if parameter.ndim > 1 and "embed" not in name else 0.0
            groups.setdefault((self.rate_of(name), decay), []).append(parameter)
        return [{"params": p, "lr": r, "peak": r, "weight_decay": d} for (r, d), p in groups.items()]

    def state(self) -> dict[str, Tensor]:
        """The weights that a state file and the average hold, as they are."""
        weights: dict[str, Tensor] = self.part.state_dict()
        if self.whole:
            return weights
        trained = {name for name, p in self.part.named_parameters() if p.requires_grad}
        return {name: w for name, w in weights.items() if name in trained}

    @property
    def state_file(self) -> Path:
        """Where the state of the training lies."""
        return self.folder / "state.pt"

    def resume(self) -> bool:
        """Take up the state in the folder; False when there is none."""
        if not self.state_file.is_file():
            return False
        # Several processes call their processor 'cpu:0', which torch.load does not know.
        where = self.device if self.device.type != "cpu" else torch.device("cpu")
        state = torch.load(self.state_file, map_location=where, weights_only=True)
        self.part.load_state_dict(state["network"], strict=self.whole)
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        return True

    def save(self) -> None:
        """Write state and averaged checkpoint; the state appears whole or not at all."""
        if self.rank == 0:
            state = {
                "network": self.state(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average,
                "step": self.step,
            }
            partial = self.state_file.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(self.state_file)
            self.write_checkpoint()
        self.accelerator.wait_for_everyone()

    def sampler(self) -> From:
        """Numbers of the batches that this process still has to see. Batches share out their own rows."""
        return From(self.step, self.schedule.steps)

    def run(self, batches: Dataset[B], *, workers: int = 1) -> None:
        """Train to the schedule's last step. `batches.seed` seeds whatever a step draws."""
        loader = DataLoader(
            batches,
            batch_size=None,
            sampler=self.sampler(),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
        )
        seed = int(getattr(batches, "seed", 0))
        bar = tqdm(
            loader,
            initial=self.step,
            total=self.schedule.steps,
            unit="step",
            mininterval=2.0,
            disable=self.rank > 0,
        )
        for batch in bar:
            started = time.perf_counter()
            losses = self.train_step(self.moved(batch), np.random.default_rng((seed, self.step, 1)))
            self.step += 1
            line = {"step": self.step, **losses, "seconds": round(time.perf_counter() - started, 3)}
            bar.set_postfix(loss=f"{losses['total']:.4g}")
            last = self.step == self.schedule.steps
            if last or self.step % self.schedule.validate_every == 0:
                line |= self._scores()
            if last or self.step % self.schedule.save_every == 0:
                self.save()
            self._log(line)
        if self.rank == 0:
            with self.averaged():
                self.finish()
        self.accelerator.wait_for_everyone()

    def moved(self, batch: B) -> B:
        """The batch on the training's device."""
        return batch.to(self.device)  # type: ignore[attr-defined]

    def train_step(self, batch: B, rng: np.random.Generator) -> dict[str, float]:
        """One step of the optimizer; the losses as numbers, those of all processes on average."""
        torch.manual_seed(int(rng.integers(2**31)))  # a loss may sample points at random
        self.part.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self.schedule.factor(self.step)
        losses = self.losses(batch, rng)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(f"the loss is {float(total)} at step {self.step}")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.part.parameters(), self.schedule.clip)
        self.optimizer.step()
        self._follow()
        parts = torch.stack([v.detach().float() for v in (total, *losses.values())])
        if self.world > 1:
            parts = self.accelerator.reduce(parts, "mean")
        numbers = dict(zip(losses, (round(v, 4) for v in parts[1:].tolist()), strict=True))
        return {"total": float(parts[0]), **numbers, "norm": float(norm.detach())}

    @torch.no_grad()
    def _follow(self) -> None:
        # A young average follows faster, else it would remember the random start.
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.state().items():
            kept = self.average[name]
            if kept.is_floating_point():
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in place of the present ones, for a while."""
        current = {k: v.clone() for k, v in self.state().items()}
        self.part.load_state_dict(self.average, strict=self.whole)
        try:
            yield
        finally:
            self.part.load_state_dict(current, strict=self.whole)

    def _scores(self) -> dict[str, float]:
        scores: dict[str, float] = {}
        if self.rank == 0:
            with self.averaged():
                self.part.eval()
                scores = self.validate()
        self.accelerator.wait_for_everyone()
        return scores

    def _log(self, line: dict[str, Any]) -> None:
        if self.rank == 0:
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
