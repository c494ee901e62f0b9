"""For large networks on small cards: recompute instead of keeping, and bfloat16 where it does no harm."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn
from torch.utils.checkpoint import checkpoint

from model.network.spectrum import Spectrum


def recompute_blocks(unet: nn.Module) -> None:
    """Keep no activations inside residual and attention blocks: the backward pass computes them again.

    diffusers' own switch sits in its larger blocks, whose inside the I2Tx backbone calls piece by piece.
    """
    for part in unet.modules():
        if isinstance(part, ResnetBlock2D | Transformer2DModel):
            replaced: Any = partial(checkpoint, part.forward, use_reentrant=False)
            part.forward = replaced


def lower_features(network: Spectrum) -> None:
    """Run tower, IM2CONTEXT, VAE and UNet in bfloat16 under autocast; head and losses stay in float32."""
    whole = network.features

    def features(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        with torch.autocast(pixels.device.type, dtype=torch.bfloat16):
            return whole(pixels)

    network.features = features  # type: ignore[method-assign]
