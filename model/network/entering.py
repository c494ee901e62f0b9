"""How a picture enters the network: at which size, and as what numbers."""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model.network.config import LONGEST, SpectrumConfig


def input_size(
    config: SpectrumConfig, width: int, height: int, short_side: int | None = None
) -> tuple[int, int]:
    """(height, width) at which a picture of this size enters the network.

    The short side becomes `short_side` (`config.short_side` if None) unless the area would pass that of
    `config.short_side` x `config.max_long_side`, in proportion, or the long side twice the latter: a row of
    people keeps more of its height than the long side alone would leave it, for the same work. Both sides are
    rounded to `config.multiple`. Pictures are stretched to that by a few percent, never padded: padding would
    reach every mask through the attention.
    """
    side = short_side or config.short_side
    long_side = config.max_long_side * side / config.short_side
    short, long = sorted((width, height))
    scale = min(side / short, sqrt(side * long_side / (short * long)), LONGEST * long_side / long)
    tall, wide = (
        max(config.multiple, round(edge * scale / config.multiple) * config.multiple)
        for edge in (height, width)
    )
    return tall, wide


def enter(image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, *size) in 0..1, antialiased."""
    own = np.require(image, requirements=["C", "W"])  # PyTorch takes no array that it could not write to
    pixels = torch.from_numpy(own).permute(2, 0, 1)[None]
    resized = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
    return resized.float() / 255
