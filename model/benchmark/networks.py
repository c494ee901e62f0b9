"""Networks to measure: shipped, of a folder, or of a preset's sizes with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from model.network.config import PRESETS, SpectrumConfig
from model.network.lean.head import forget_places
from model.network.spectrum import Spectrum

M = TypeVar("M", bound=nn.Module)


@contextmanager
def shapes_of(build: Callable[[], M]) -> Iterator[M]:
    """What `build` makes, with shapes and no memory: a network of billions counts in a second.

    Built on the meta device; inside, PyTorch's fake tensors stand on that and say that they are on the
    CPU, which the libraries need: they make some position embeddings there, wherever the network is.
    """
    with torch.device("meta"):
        network = build()
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield network.to_empty(device="cpu").eval().requires_grad_(False)
    finally:
        forget_places()


def random_network(config: SpectrumConfig, device: torch.device, *, seed: int = 0) -> Spectrum:
    """A network of random weights, made where it will run."""
    torch.manual_seed(seed)
    with torch.device(device):
        network = Spectrum(config)
    for gate in (network.conditioning.context_gate, network.conditioning.time_gate):
        nn.init.normal_(gate)  # they start at zero, where the condition would change nothing
    return network.eval().requires_grad_(False)


def preset(name: str) -> SpectrumConfig:
    """The config of a preset by its name. ValueError for another name."""
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}, but {', '.join(sorted(PRESETS))}")
    return PRESETS[name]()
