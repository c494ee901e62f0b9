"""Where a cell of a map lies, as numbers that a network can read."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def waves(like: Tensor, frequencies: int) -> Tensor:
    """like (B, C, h, w) -> (1, 2 + 4 frequencies, h, w): x and y in -1..1, and sines and cosines of them.

    Source: CoordConv (Liu et al., arXiv 1807.03247), with Fourier features.
    """
    height, width = like.shape[-2:]
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)[None, :].expand(height, width)
    found = [x, y]
    for k in range(1, frequencies + 1):
        for axis in (x, y):
            found += [torch.sin(math.pi * k / 2 * axis), torch.cos(math.pi * k / 2 * axis)]
    return torch.stack(found)[None]
