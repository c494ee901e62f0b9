"""Mask2Former's pixel decoder and transformer decoder, from transformers, initialised as they want."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import (
    Mask2FormerPixelDecoder,
    Mask2FormerPreTrainedModel,
    Mask2FormerTransformerModule,
)

from model.network.config import HeadConfig


@dataclass(frozen=True, slots=True)
class Decoded:
    """masks: per layer (B, Q, h, w) logits; queries: per layer (B, Q, D); pixels (B, C, h, w) at stride 4."""

    masks: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]
    pixels: Tensor


def mask2former_config(head: HeadConfig) -> Mask2FormerConfig:
    """transformers' config of this head. Its `decoder_layers` counts one more than there are layers."""
    return Mask2FormerConfig(
        feature_size=head.hidden,
        mask_feature_size=head.hidden,
        hidden_dim=head.hidden,
        encoder_layers=head.pixel_layers,
        encoder_feedforward_dim=head.pixel_feedforward,
        decoder_layers=head.decoder_layers + 1,
        dim_feedforward=head.decoder_feedforward,
        num_attention_heads=head.heads,
        num_queries=head.queries,
        feature_strides=list(head.strides),
        common_stride=head.strides[0],
        dropout=0.0,
    )


class MaskDecoder(Mask2FormerPreTrainedModel):
    """Pyramid maps -> class-agnostic masks.

    Nested under transformers' own base class because only `post_init` gives the pixel decoder's level
    embedding and the deformable offsets their values: alone they are uninitialised memory.
    """

    def __init__(self, head: HeadConfig) -> None:
        config = mask2former_config(head)
        super().__init__(config)
        channels = [head.width] * len(head.strides)
        self.pixel_decoder = Mask2FormerPixelDecoder(config, feature_channels=channels)
        self.transformer = Mask2FormerTransformerModule(head.hidden, config)
        self.place = Place(head.hidden, head.coordinates) if head.coordinates else None
        self.post_init()  # type: ignore[no-untyped-call]
        if self.place is not None:
            nn.init.zeros_(self.place.project.weight)

    def forward(self, pyramid: list[Tensor]) -> Decoded:
        """pyramid: (B, width, H/stride, W/stride), finest first."""
        features = self.pixel_decoder(pyramid, return_dict=True)
        pixels = features.mask_features
        placed = pixels if self.place is None else pixels + self.place(pixels)
        out = self.transformer(list(features.multi_scale_features), placed)
        queries = tuple(q.transpose(0, 1) for q in out.intermediate_hidden_states)  # (Q, B, D) -> (B, Q, D)
        return Decoded(tuple(out.masks_queries_logits), queries, pixels)


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
