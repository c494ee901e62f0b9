"""Our own presets as peers, and `full` as ODISE would run it."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from model import checkpoint
from model.benchmark.networks import random_network
from model.benchmark.peers.odise import SHORT_SIDE, OdiseLike
from model.benchmark.peers.peer import WORDS, Built, Peer, Task
from model.network.config import full
from model.network.spectrum import Spectrum
from model.parser import DEFAULT_CHECKPOINT


def _mini() -> Built:
    network = checkpoint.load(DEFAULT_CHECKPOINT, serving=True)
    return network.to(memory_format=torch.channels_last), lambda task: _network(network, task)  # type: ignore[call-overload]


def _full() -> Built:
    network = random_network(full(), torch.get_default_device())
    return network, lambda task: _network(network, task)


def _full_in_bfloat16() -> Built:
    network = random_network(full(), torch.get_default_device()).round_products(torch.bfloat16)

    def call(task: Task) -> Any:
        with torch.autocast(task.pixels.device.type, torch.bfloat16):
            return _network(network, task)

    return network, call


def _network(network: Spectrum, task: Task) -> Any:
    looks = network.looks(task.pixels)
    words = torch.rand(task.prompts, network.config.text.width, device=task.pixels.device)
    text = network.grounding.text(words)
    for out in looks:
        for pixels, z in zip(out.pixels, out.z[-1], strict=True):
            network.grounding.maps(pixels, text)
            network.grounding.logits(z, text)
    return looks


def _odise_like(short_side: int | None) -> Built:
    model = OdiseLike(full(), short_side=short_side)
    return model, model.forward


ANSWERS = f"{WORDS}, persons, parts of each"
MINI = Peer("mini", ANSWERS, _mini, remark="shipped weights; the picture at its own size, not shrunk")
ODISE = "full to its ends, adapters beside the weights, empty prompt read anew, a pass for each window of 512"
OURS = (
    Peer(
        "full", ANSWERS, _full, 1651.0, remark="with the text encoder's 354 M: 2,005 M, as published",
        large=True,
    ),
    Peer(
        "full in bfloat16", ANSWERS, _full_in_bfloat16, 1651.0,
        remark="products alone; as `full` is served on a CPU that multiplies it", large=True,
    ),
    Peer(
        "ODISE-like", f"{WORDS}, instances", partial(_odise_like, SHORT_SIDE),
        remark=f"{ODISE}; the picture enters with the short side that ODISE gives it", large=True,
        short_side=SHORT_SIDE,
    ),
    Peer(
        "ODISE-like, not enlarged", f"{WORDS}, instances", partial(_odise_like, None), remark=ODISE,
        large=True,
    ),
)  # fmt: skip
