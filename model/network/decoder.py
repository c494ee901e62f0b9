"""What a mask decoder gives, and the small parts that go with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Decoded:
    """masks: per layer (B, Q, h, w) logits; queries: per layer (B, Q, D); pixels (B, C, h, w) at stride 4."""

    masks: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]
    pixels: Tensor


class Place(nn.Module):
    """Where a pixel lies, as features that masks can read; starts at zero.

    The deformable encoder uses positions only to aim, so its maps hardly say left from right, and without
    that two people share one mask for thousands of steps. Source: CoordConv as in SOLO (Wang et al.), with
    Fourier features.
    """

    def __init__(self, hidden: int, frequencies: int) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.project = nn.Conv2d(2 + 4 * frequencies, hidden, 1, bias=False)

    def forward(self, like: Tensor) -> Tensor:
        """like (B, C, h, w) -> (1, hidden, h, w)."""
        height, width = like.shape[-2:]
        y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)[:, None].expand(height, width)
        x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)[None, :].expand(height, width)
        waves = [x, y]
        for k in range(1, self.frequencies + 1):
            for axis in (x, y):
                waves += [torch.sin(math.pi * k / 2 * axis), torch.cos(math.pi * k / 2 * axis)]
        return self.project(torch.stack(waves)[None])


def mlp(inside: int, hidden: int, outside: int) -> nn.Sequential:
    """Three linear layers with ReLU between them."""
    return nn.Sequential(
        nn.Linear(inside, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outside)
    )
