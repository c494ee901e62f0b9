"""What a mask decoder gives, and the small parts that go with it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from model.network.config import waves_of
from model.network.places import waves


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
        self.project = nn.Conv2d(waves_of(frequencies), hidden, 1, bias=False)

    def forward(self, like: Tensor) -> Tensor:
        """like (B, C, h, w) -> (1, hidden, h, w)."""
        return self.project(waves(like, self.frequencies))


def mlp(inside: int, hidden: int, outside: int) -> nn.Sequential:
    """Three linear layers with ReLU between them."""
    return nn.Sequential(
        nn.Linear(inside, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outside)
    )
