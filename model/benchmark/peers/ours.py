"""Our own presets as peers, and `full` run the way ODISE runs its backbone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from model import checkpoint
from model.benchmark.early_exit import decoder_to_the_end, taps_of, unet_to_the_end
from model.benchmark.networks import random_network
from model.benchmark.peers.peer import WORDS, Peer, Task
from model.network.adapters import EVERYWHERE, attach_lora
from model.network.config import full
from model.network.spectrum import Spectrum
from model.network.towers import clip_text_model
from model.parser import DEFAULT_CHECKPOINT

Built = tuple[nn.Module, Callable[[Task], Any]]
RANK = 128


def _mini() -> Built:
    network = checkpoint.load(DEFAULT_CHECKPOINT)
    return network.to(memory_format=torch.channels_last), lambda task: _network(network, task)  # type: ignore[call-overload]


def _full() -> Built:
    network = random_network(full(), torch.device("cpu"))
    return network, lambda task: _network(network, task)


def _network(network: Spectrum, task: Task) -> Any:
    out = network(task.pixels)
    text = network.grounding.text(
        torch.rand(task.prompts, network.config.text.width, device=task.pixels.device)
    )
    return [network.grounding.maps(pixels, text) for pixels in out.pixels]


class OdiseLike(nn.Module):
    """`full` without what makes it cheap: adapters beside the weights, VAE and UNet to their ends, and for
    every square crop of the picture its own pass, with the empty prompt read by the text encoder each time.
    """

    def __init__(self) -> None:
        super().__init__()
        config = full()
        self.network = random_network(
            replace(config, diffusion=replace(config.diffusion, tail=True)), torch.device("cpu")
        )
        self.text = clip_text_model(config.text).eval()
        attach_lora(self.network.i2tx.unet, rank=RANK, targets=EVERYWHERE)

    def forward(self, task: Task) -> Any:
        """All crops of the picture's short side; their taps side by side feed one head."""
        network, pixels = self.network, task.pixels
        crops = list(pixels.split(min(pixels.shape[-2:]), dim=-1))
        taps = [self.backbone(crop) for crop in crops]
        joined = {name: torch.cat([tap[name] for tap in taps], dim=-1) for name in taps[0]}
        decoded = network.decoder(network.pyramid(joined, (pixels.shape[-2], pixels.shape[-1])))
        network.embed(decoded.masks[-1], decoded.queries[-1], decoded.pixels)
        text = network.grounding.text(
            torch.rand(task.prompts, network.config.text.width, device=pixels.device)
        )
        return [network.grounding.maps(each, text) for each in network.embed.per_pixel(decoded.pixels)]

    def backbone(self, crop: Tensor) -> dict[str, Tensor]:
        """crop (1, 3, side, side) in 0..1 -> the taps."""
        network = self.network
        seen: dict[str, Tensor] = {}
        hooks = [
            block.register_forward_pre_hook(lambda _m, given, name=name: seen.__setitem__(name, given[0]))
            for name, block in taps_of(network.i2tx)
        ]
        try:
            self.text(input_ids=torch.zeros(1, 77, dtype=torch.long, device=crop.device))
            context, _ = network.condition(network.tower(crop))
            encoded = network.i2tx.vae.encode(crop * 2 - 1, return_dict=False)[0]
            noisy = network.i2tx.diffuse(encoded.mean * network.i2tx.vae.config.scaling_factor)
            unet_to_the_end(network.i2tx, noisy, context)
            decoder_to_the_end(network.i2tx, noisy)
        finally:
            for hook in hooks:
                hook.remove()
        return seen


def _odise_like() -> Built:
    model = OdiseLike()
    return model, model.forward


ANSWERS = f"{WORDS}, persons, parts of each"
MINI = Peer("mini", ANSWERS, _mini, remark="shipped weights; the picture at its own size, not shrunk")
OURS = (
    Peer("full", ANSWERS, _full, 1651.0, remark="published: 2,005 with the text encoder's 354"),
    Peer(
        "ODISE-like", f"{WORDS}, instances", _odise_like, remark="full with no early exit, unmerged adapters"
    ),
)
