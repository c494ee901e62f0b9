"""The real network at sizes that a test can train, and a text tower that needs no weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import torch
from torch import Tensor

from model.network.config import (
    ContextConfig,
    DiffusionConfig,
    HeadConfig,
    SpectrumConfig,
    TextConfig,
    TowerConfig,
    mini,
    unet_config,
    vae_config,
)
from model.network.spectrum import Spectrum
from model.network.towers import TextTower

TEXT_WIDTH = 24


def tiny_mini() -> SpectrumConfig:
    """`mini` in every part, a few channels wide."""
    return replace(
        mini(),
        tower=TowerConfig(),
        context=ContextConfig(tokens=4, width=16, layers=1, heads=2, feedforward=16),
        diffusion=DiffusionConfig(
            vae=vae_config((8, 8, 8, 8), groups=4),
            unet=unet_config((8, 8, 16, 16), context=16, heads=2, groups=4),
            scale=0.5,
            tail=False,
        ),
        head=HeadConfig(
            width=32,
            hidden=64,
            pixel_layers=1,
            pixel_feedforward=32,
            decoder_layers=1,
            decoder_feedforward=32,
            heads=4,
            queries=16,
            embedding=16,
            coordinates=2,
        ),
        text=TextConfig(width=TEXT_WIDTH),
        short_side=64,
        max_long_side=128,
    )


def tiny_network() -> Spectrum:
    """A network of these sizes, its weights the same every time."""
    torch.manual_seed(3)
    return Spectrum(tiny_mini())


def hashed_text() -> TextTower:
    """Each phrase has its own direction, the same in every process."""

    def encode(phrases: list[str]) -> Tensor:
        rows = []
        for phrase in phrases:
            seed = int.from_bytes(hashlib.sha256(phrase.encode()).digest()[:4], "big")
            rows.append(torch.randn(TEXT_WIDTH, generator=torch.Generator().manual_seed(seed)))
        return torch.stack(rows)

    return TextTower(encode, TEXT_WIDTH)
