"""Training of the UNet on latents with a condition: batches, loss, held-out loss, samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from model.network.text_context import States, TextContext
from model.training.generative.diffusion import Noise, predict


@dataclass(frozen=True, slots=True)
class Captioned:
    """Latents (V, N, 4, h, w) of N pictures in V views; the caption of each (N,), an id into the states.

    States (C, L, D) of the captions; the last one is the empty caption.
    """

    latents: Tensor
    caption: Tensor
    states: States


@dataclass(frozen=True, slots=True)
class Noisy:
    """latents, noise (B, 4, h, w); steps (B,); states (B, L, D) and known (B, L) of the captions."""

    latents: Tensor
    noise: Tensor
    steps: Tensor
    states: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Noisy:
        """The same on a device."""
        parts = (self.latents, self.noise, self.steps, self.states, self.known)
        return Noisy(*(part.to(device) for part in parts))


class CaptionedBatches(Dataset[Noisy]):
    """Batch number `step`: random pictures, steps and noise, one caption in `1 / dropout` left out.

    maps: captioned latents of another size, perhaps none; `map_share` of the batches are theirs.
    """

    workers = 0

    def __init__(
        self,
        data: Captioned,
        noise: Noise,
        *,
        seed: int,
        batch: int,
        steps: int,
        dropout: float = 0.1,
        maps: Captioned | None = None,
        map_share: float = 0.0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        if not 0.0 <= map_share <= 1.0:
            raise ValueError(f"the share of maps must lie in 0..1, not {map_share}")
        if map_share and maps is None:
            raise ValueError("a share of maps needs some maps")
        self.data, self.noise, self.seed, self.batch, self.steps = data, noise, seed, batch, steps
        self.dropout, self.share = dropout, share
        self.maps, self.map_share = maps, map_share

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Noisy:
        rank, world = self.share
        # One size a batch, so all of its rows, on every process, are pictures or all are maps.
        of_maps = self.map_share and np.random.default_rng((self.seed, step)).random() < self.map_share
        data = self.maps if of_maps and self.maps is not None else self.data
        return collate([self._row(data, step, i) for i in range(rank, self.batch, world)], data.states)

    def _row(self, data: Captioned, step: int, row: int) -> tuple[Tensor, Tensor, int, int]:
        rng = np.random.default_rng((self.seed, step, row))
        views, count = data.latents.shape[:2]
        index = int(rng.integers(count))
        latent = data.latents[int(rng.integers(views)), index].float()
        said = -1 if rng.random() < self.dropout else int(data.caption[index])
        noise = torch.from_numpy(rng.standard_normal(latent.shape, np.float32))
        return latent, noise, int(rng.integers(self.noise.steps)), said


def collate(rows: list[tuple[Tensor, Tensor, int, int]], states: States) -> Noisy:
    """Rows of (latent, noise, step, caption) -> a batch."""
    latents, noise, steps, said = zip(*rows, strict=True)
    which = torch.tensor(said)
    return Noisy(
        torch.stack(latents),
        torch.stack(noise),
        torch.tensor(steps),
        states.states[which].float(),
        states.known[which],
    )


class Denoising(nn.Module):
    """Mean squared error of what the UNet predicts. text None: the states are the context."""

    def __init__(self, unet: Any, noise: Noise, text: TextContext | None, *, bf16: bool = False) -> None:
        super().__init__()
        self.unet, self.noise, self.text, self.bf16 = unet, noise, text, bf16

    def context(self, states: Tensor, known: Tensor) -> Tensor:
        """What the UNet attends to, of token states (B, L, D)."""
        return states if self.text is None else self.text(states, known)

    def forward(self, batch: Noisy) -> dict[str, Tensor]:
        """The loss by name."""
        x_t = self.noise.add(batch.latents, batch.noise, batch.steps)
        x_t = x_t.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x_t.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            made = predict(self.unet, x_t, batch.steps, self.context(batch.states, batch.known))
        wanted = self.noise.target(batch.latents, batch.noise, batch.steps)
        return {"denoising": F.mse_loss(made.float(), wanted)}


def held_out_batches(data: Captioned, noise: Noise, *, draws: int = 4, group: int = 16) -> list[Noisy]:
    """Each picture of `data` (its first view) with `draws` steps spread evenly, noise and steps fixed."""
    rng = np.random.default_rng(7)
    rows = []
    for index in range(data.latents.shape[1]):
        latent = data.latents[0, index].float()
        for k in range(draws):
            step = int((k + rng.random()) * noise.steps / draws)
            drawn = torch.from_numpy(rng.standard_normal(latent.shape, np.float32))
            rows.append((latent, drawn, step, int(data.caption[index])))
    return [collate(rows[i : i + group], data.states) for i in range(0, len(rows), group)]


@torch.no_grad()
def held_out_loss(objective: Callable[[Noisy], dict[str, Tensor]], batches: list[Noisy]) -> float:
    """The loss over fixed batches, each picture counting once."""
    device = next(objective.parameters()).device if isinstance(objective, nn.Module) else torch.device("cpu")
    sums = [float(objective(b.to(device))["denoising"]) * len(b.steps) for b in batches]
    return sum(sums) / sum(len(b.steps) for b in batches)


@torch.no_grad()
def sampled(
    objective: Denoising, states: States, shape: tuple[int, ...], *, steps: int, guidance: float, seed: int
) -> Tensor:
    """Latents (N, *shape) for N captions, the last state being the empty one's that guidance leads away from.

    eps = eps_empty + guidance (eps_caption - eps_empty). Source: Ho & Salimans, 'Classifier-free guidance'.
    """
    device = next(objective.parameters()).device
    count = len(states.states) - 1
    context = objective.context(states.states.to(device).float(), states.known.to(device))
    told = torch.cat([context[:-1], context[-1:].expand(count, -1, -1)])

    def step(x_t: Tensor, at: Tensor) -> Tensor:
        with_caption, without = predict(objective.unet, x_t.repeat(2, 1, 1, 1), at.repeat(2), told).chunk(2)
        return without + guidance * (with_caption - without)

    start = torch.randn((count, *shape), generator=torch.Generator().manual_seed(seed)).to(device)
    return objective.noise.sample(step, start, steps)
