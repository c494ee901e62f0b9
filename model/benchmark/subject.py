"""What a benchmark runs: a network with its text encoder, shipped or of random weights, at any input size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from model import checkpoint
from model.benchmark.networks import preset, random_network
from model.network.config import SpectrumConfig
from model.network.spectrum import Spectrum
from model.network.towers import TextTower
from model.parser import DEFAULT_CHECKPOINT, Parser
from model.precision import AUTO, chosen


@dataclass(frozen=True)
class Subject:
    """A network to measure; `origin` says where its weights come from."""

    network: Spectrum
    text: TextTower
    device: torch.device
    origin: str
    precision: str = AUTO

    @classmethod
    def open(cls, name: str, folder: Path | None, device: str, precision: str = AUTO) -> Subject:
        """The preset's checkpoint, or random weights of its sizes where there is none. Raises ValueError."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        shipped = folder or (DEFAULT_CHECKPOINT if name == DEFAULT_CHECKPOINT.name else None)
        if shipped is None:
            config = preset(name)
            network = random_network(config, torch.device(device))
            text, origin = hashed(config.text.width), "random weights"
        else:
            network = checkpoint.load(shipped, serving=True)
            text, origin = checkpoint.load_text(shipped), f"the weights of {shipped.name}"
        return cls(network, text, torch.device(device), origin, precision)

    def parser(self, size: tuple[int, int] | None = None) -> Parser:
        """The door to it; with a size (height, width), pictures of that shape enter at that size."""
        if size is not None:
            self.network.config = at_size(self.network.config, size)
        return Parser(
            self.network,
            self.text,
            revision=self.origin,
            device=str(self.device),
            precision=self.precision,
        )

    @property
    def dtype(self) -> torch.dtype:
        """The type of the network's products."""
        return chosen(self.precision, self.device)


def at_size(config: SpectrumConfig, size: tuple[int, int]) -> SpectrumConfig:
    """The config under which a picture of `size` is not resized. ValueError for sides off the grid."""
    if size[0] % config.multiple or size[1] % config.multiple:
        raise ValueError(f"sides must be multiples of {config.multiple}, not {size[0]}x{size[1]}")
    return replace(config, short_side=min(size), max_long_side=max(size))


def hashed(width: int) -> TextTower:
    """A direction for each phrase, the same in every process: stands for a text encoder that is not here."""

    def encode(phrases: Sequence[str]) -> Tensor:
        seeds = [int.from_bytes(hashlib.sha256(phrase.encode()).digest()[:6], "big") for phrase in phrases]
        return torch.stack([torch.randn(width, generator=torch.Generator().manual_seed(s)) for s in seeds])

    return TextTower(encode, width)
