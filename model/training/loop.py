"""A resumable training loop: one state file, one log, the same losses after a kill."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler
from tqdm import tqdm

from model import checkpoint
from model.network.spectrum import Spectrum
from model.training.batches import Batch, SceneBatches
from model.training.criterion import Criterion
from model.training.phrases import Phrases
from model.training.validate import Validation


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
    """Steps from a first one on: what a resumed training still has to see."""

    def __init__(self, first: int, steps: int) -> None:
        self.first, self.steps = first, steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.steps))

    def __len__(self) -> int:
        return max(0, self.steps - self.first)


class Trainer:
    """Trains a network on scene batches; everything it needs to go on lies in `folder`."""

    def __init__(
        self,
        network: Spectrum,
        criterion: Criterion,
        phrases: Phrases,
        schedule: Schedule,
        folder: Path,
        *,
        validation: Validation | None = None,
        device: str = "cpu",
    ) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.criterion = criterion.to(device)
        self.phrases, self.schedule, self.folder = phrases, schedule, folder
        self.validation = validation
        self.device = torch.device(device)
        self.optimizer = torch.optim.AdamW(self._groups(), betas=(0.9, 0.999))
        self.average = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            if not parameter.requires_grad:
                continue
            rate = self.schedule.tower_rate if name.startswith("tower.") else self.schedule.rate
            decay = self.schedule.weight_decay if parameter.ndim > 1 and "embed" not in name else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
        return [{"params": p, "lr": r, "peak": r, "weight_decay": d} for (r, d), p in groups.items()]

    @property
    def state_file(self) -> Path:
        """Where the state of the training lies."""
        return self.folder / "state.pt"

    def resume(self) -> bool:
        """Take up the state in the folder; False when there is none."""
        if not self.state_file.is_file():
            return False
        state = torch.load(self.state_file, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        return True

    def save(self) -> None:
        """Write state and averaged checkpoint; the state appears whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "step": self.step,
        }
        partial = self.state_file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.state_file)
        checkpoint.save(self.folder / "checkpoint", self.network.config, self.average)

    def run(self, batches: SceneBatches, *, workers: int = 1) -> None:
        """Train to the schedule's last step."""
        loader = DataLoader(
            batches,
            batch_size=None,
            sampler=From(self.step, self.schedule.steps),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
        )
        bar = tqdm(loader, initial=self.step, total=self.schedule.steps, unit="step", mininterval=2.0)
        for batch in bar:
            started = time.perf_counter()
            losses = self.train_step(
                batch.to(self.device), np.random.default_rng((batches.seed, self.step, 1))
            )
            self.step += 1
            line = {"step": self.step, **losses, "seconds": round(time.perf_counter() - started, 3)}
            bar.set_postfix(loss=f"{losses['total']:.2f}", dense=f"{losses['dense']:.2f}")
            last = self.step == self.schedule.steps
            if self.validation and (last or self.step % self.schedule.validate_every == 0):
                line |= self._validate()
            if last or self.step % self.schedule.save_every == 0:
                self.save()
            self._log(line)

    def train_step(self, batch: Batch, rng: np.random.Generator) -> dict[str, float]:
        """One step of the optimizer; the losses as numbers."""
        torch.manual_seed(int(rng.integers(2**31)))  # the loss samples points at random
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self.schedule.factor(self.step)
        pixels = (batch.pixels.float() / 255).contiguous(memory_format=torch.channels_last)
        text = self.phrases.draw(rng).to(self.device)
        spoken = [self._spoken(p) for p in batch.phrases]
        losses = self.criterion(self.network(pixels), batch, self.network.grounding, text, spoken)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(f"the loss is {float(total)} at step {self.step}")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.optimizer.step()
        self._follow()
        numbers = {k: round(float(v.detach()), 4) for k, v in losses.items()}
        return {"total": float(total.detach()), **numbers, "norm": float(norm.detach())}

    def _spoken(self, phrases: Tensor) -> Tensor:
        rows = [
            self.phrases.colored[label, color] if color >= 0 else self.phrases.variants[label][0]
            for label, color in phrases.tolist()
        ]
        return torch.stack(rows) if rows else torch.zeros(0, 1)

    @torch.no_grad()
    def _follow(self) -> None:
        # A young average follows faster, else it would remember the random start.
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            kept = self.average[name]
            if kept.is_floating_point():
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def _validate(self) -> dict[str, float]:
        assert self.validation is not None
        current = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        scores = self.validation.score(self.network, self.phrases.plain().to(self.device))
        self.network.load_state_dict(current)
        return scores

    def _log(self, line: dict[str, Any]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
