"""Feature maps of many sources, projected to one width and summed per stride."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from model.network.i2tx import Tap


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with group norm and a projected shortcut: (B, C_in, H, W) -> (B, C_out, H, W).

    Source: He et al., 'Deep residual learning', with GroupNorm, as the paper's feature projections.
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        narrow = outside // 4
        self.body = nn.Sequential(
            *_conv(inside, narrow, 1),
            nn.ReLU(),
            *_conv(narrow, narrow, 3),
            nn.ReLU(),
            *_conv(narrow, outside, 1),
        )
        self.shortcut = nn.Sequential(*_conv(inside, outside, 1)) if inside != outside else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        return F.relu(self.body(x) + self.shortcut(x))


def _conv(inside: int, outside: int, kernel: int) -> tuple[nn.Conv2d, nn.GroupNorm]:
    conv = nn.Conv2d(inside, outside, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.GroupNorm(min(32, outside // 4), outside)


class Pyramid(nn.Module):
    """One projection per source; sources of one stride are summed.

    A stride that no source has (the coarse ones, without the UNet) takes the mean of the next finer map.
    """

    def __init__(self, sources: Sequence[Tap], strides: Sequence[int], width: int) -> None:
        super().__init__()
        self.strides = tuple(strides)
        # A source goes to its own stride, or to the nearest one that the pyramid has.
        self.stride_of = {s.name: min(self.strides, key=lambda t: abs(t - s.stride)) for s in sources}
        reached = set(self.stride_of.values())
        if min(self.strides) not in reached:
            raise ValueError(f"no feature reaches stride {min(self.strides)}")
        self.project = nn.ModuleDict({_key(s.name): Bottleneck(s.channels, width) for s in sources})

    def forward(self, features: dict[str, Tensor], size: tuple[int, int]) -> list[Tensor]:
        """{name: (B, C, h, w)}, picture size (H, W) -> maps (B, width, H/stride, W/stride), finest first."""
        sums: dict[int, Tensor] = {}
        for name, stride in self.stride_of.items():
            target = (-(-size[0] // stride), -(-size[1] // stride))
            x = features[name]
            if x.shape[-2:] != target:
                x = F.interpolate(x, size=target, mode="bilinear", align_corners=False)
            x = self.project[_key(name)](x)
            sums[stride] = sums[stride] + x if stride in sums else x
        for finer, stride in pairwise(self.strides):
            if stride not in sums:
                target = (-(-size[0] // stride), -(-size[1] // stride))
                sums[stride] = F.adaptive_avg_pool2d(sums[finer], target)
        return [sums[stride] for stride in self.strides]


def _key(name: str) -> str:
    return name.replace(".", "_")  # module names take no dots
