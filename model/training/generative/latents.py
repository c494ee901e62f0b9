"""Constants of a training, computed once and kept on disk: latents of pictures, states of captions."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.network.i2tx import I2Tx
from model.training.generative.pictures import Picture

T = TypeVar("T")


def cached(file: Path, key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What `make` gives, from `file` if it holds that of this very key."""
    if file.is_file():
        with safe_open(file, framework="pt") as stored:
            if (stored.metadata() or {}).get("key") == key:
                return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    made = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}")
    save_file({name: w.contiguous() for name, w in made.items()}, partial, metadata={"key": key})
    partial.replace(file)
    return made


def key_of(*parts: nn.Module, **said: Any) -> str:
    """A key that changes with any weight of the parts and with anything that is said."""
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode())
    for part in parts:
        for name, value in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def in_groups(things: Iterable[T], count: int) -> Iterator[list[T]]:
    """Lists of `count` things, the last perhaps shorter."""
    rest = iter(things)
    while group := list(islice(rest, count)):
        yield group


def stacked(pictures: Sequence[Picture], device: torch.device) -> Tensor:
    """Pictures of one size -> (N, 3, H, W) in 0..1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device).float() / 255


@torch.no_grad()
def encode(i2tx: I2Tx, pictures: Iterable[Picture], *, group: int = 16) -> Tensor:
    """Pictures of one size -> scaled latents (N, 4, H/8, W/8) float16 on the CPU."""
    device = next(i2tx.parameters()).device
    found = [
        i2tx.encode(stacked(some, device) * 2 - 1)[0].half().cpu() for some in in_groups(pictures, group)
    ]
    return torch.cat(found)


@torch.no_grad()
def decode(i2tx: I2Tx, latents: Tensor, *, group: int = 16) -> Tensor:
    """Scaled latents (N, 4, h, w) -> pictures (N, 3, 8h, 8w) in -1..1 on the CPU."""
    device = next(i2tx.parameters()).device
    factor = i2tx.vae.config.scaling_factor
    found = [i2tx.vae.decode(some.to(device).float() / factor).sample.cpu() for some in latents.split(group)]
    return torch.cat(found)
