"""The backbone as its libraries run it, to the very end: what stopping at the last tap leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.benchmark.operations import Work, count
from model.network.i2tx import I2Tx


def taps_of(i2tx: I2Tx) -> list[tuple[str, Any]]:
    """Each tap's name and the block that its feature enters."""
    encoder, decoder, unet = i2tx.vae.encoder, i2tx.vae.decoder, i2tx.unet
    blocks = [(f"encoder.{i}", encoder.down_blocks[i].resnets[1]) for i in (2, 3)]
    blocks += [(f"unet.{i}", block.resnets[2]) for i, block in enumerate(unet.up_blocks)]
    return [
        *blocks,
        ("decoder.0", decoder.up_blocks[0].resnets[2]),
        ("decoder.1", decoder.up_blocks[1].resnets[2]),
    ]


def to_the_end(i2tx: I2Tx, pixels: Tensor, context: Tensor, shift: Tensor) -> dict[str, Tensor]:
    """The taps of `i2tx` from diffusers' own passes through VAE and UNet, nothing left out.

    pixels (B, 3, H, W) in -1..1, context (B, T, D), shift (B, D_time). The network needs its whole tail
    (`DiffusionConfig.tail`).
    """
    seen: dict[str, Tensor] = {}
    hooks = [block.register_forward_pre_hook(_keep(seen, name)) for name, block in taps_of(i2tx)]
    hooks.append(i2tx.unet.time_embedding.register_forward_hook(lambda _module, _given, out: out + shift))
    try:
        encoded = i2tx.vae.encode(pixels, return_dict=False)[0]
        noisy = i2tx.diffuse(encoded.mean * i2tx.vae.config.scaling_factor)
        unet_to_the_end(i2tx, noisy, context)
        decoder_to_the_end(i2tx, noisy)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def unet_to_the_end(i2tx: I2Tx, noisy: Tensor, context: Tensor) -> Tensor:
    """diffusers' UNet on x_t (B, 4, h, w): its prediction."""
    steps = torch.full((len(noisy),), i2tx.timestep, device=noisy.device)
    return i2tx.unet(noisy, steps, encoder_hidden_states=context, return_dict=False)[0]


def decoder_to_the_end(i2tx: I2Tx, noisy: Tensor) -> Tensor:
    """diffusers' VAE decoder on x_t (B, 4, h, w): a picture."""
    return i2tx.vae.decode(noisy / i2tx.vae.config.scaling_factor, return_dict=False)[0]


def _keep(seen: dict[str, Tensor], name: str) -> Callable[[Any, tuple[Tensor, ...]], None]:
    def keep(_module: Any, given: tuple[Tensor, ...]) -> None:
        seen[name] = given[0]

    return keep


@dataclass(frozen=True, slots=True)
class Skipped:
    """FLOP of one part to its end and to its last tap."""

    part: str
    whole: int
    run: int

    @property
    def share(self) -> float:
        """What is left out, as a share of the whole."""
        return 1 - self.run / self.whole


def skipped(i2tx: I2Tx, size: tuple[int, int], *, tokens: int, context_width: int) -> list[Skipped]:
    """What early exit saves in UNet and VAE decoder for one diffusion input of `size` (height, width)."""
    device = next(i2tx.parameters()).device
    noisy = torch.zeros(1, 4, size[0] // 8, size[1] // 8, device=device)
    context = torch.zeros(1, tokens, context_width, device=device)
    shift = torch.zeros(1, i2tx.unet.time_embedding.linear_2.out_features, device=device)

    def of(run: Callable[[], Any]) -> Work:
        return count(run)

    return [
        Skipped(
            "UNet",
            of(lambda: unet_to_the_end(i2tx, noisy, context)).flop,
            of(lambda: i2tx.denoise(noisy, context, shift)).flop,
        ),
        Skipped(
            "VAE decoder",
            of(lambda: decoder_to_the_end(i2tx, noisy)).flop,
            of(lambda: i2tx.decode(noisy)).flop,
        ),
    ]
