"""`full` run the way ODISE runs the same parts: what a picture costs without what makes it cheap.

Source: Xu et al., 'Open-vocabulary panoptic segmentation with text-to-image diffusion models', and the code
that its authors published: a picture enters with a short side of 1024, and the backbone reads windows of 512.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.benchmark.early_exit import to_the_end
from model.benchmark.networks import random_network
from model.benchmark.peers.peer import Task, entered
from model.network.adapters import EVERYWHERE, attach_lora
from model.network.config import SpectrumConfig
from model.network.towers import clip_text_model

RANK = 128
SHORT_SIDE = 1024  # at which ODISE's evaluation and demo let a picture enter, whatever its own size


class OdiseLike(nn.Module):
    """Adapters beside the weights; VAE and UNet to their ends; and for every window of the picture a pass of
    its own at the backbone's size, for which the text encoder reads the empty prompt again.

    short_side: at which a picture enters; None leaves it as it is.
    """

    def __init__(self, config: SpectrumConfig, *, rank: int = RANK, short_side: int | None = None) -> None:
        super().__init__()
        self.short_side = short_side
        whole = replace(config, diffusion=replace(config.diffusion, tail=True))
        self.network = random_network(whole, torch.get_default_device())
        del self.network.im2context  # the empty prompt has its place
        self.text = clip_text_model(config.text).eval()
        attach_lora(self.network.i2tx.unet, rank=rank, targets=EVERYWHERE)

    def forward(self, task: Task) -> list[Tensor]:
        """-> for each picture (prompts + 1, H / 4, W / 4) of its size as it enters: logits of the prompts."""
        network, pixels = self.network, task.pixels
        if self.short_side is not None:
            pixels = task.resized(*entered(task.size, self.short_side))
        decoded = network.decoder(self.pyramid(pixels))
        network.embed(decoded.masks[-1], decoded.queries[-1], decoded.pixels)
        words = torch.rand(task.prompts, network.config.text.width, device=pixels.device)
        text = network.grounding.text(words)
        return [network.grounding.maps(each, text) for each in network.embed.per_pixel(decoded.pixels)]

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        """pixels (B, 3, H, W) -> maps (B, D, H / stride, W / stride): every window's in its place."""
        strides, whole = self.network.config.head.strides, list[Tensor]()
        for top, left, side in windows((pixels.shape[-2], pixels.shape[-1]), self.network.config.short_side):
            crop = pixels[..., top : top + side, left : left + side]
            maps = self.network.pyramid(self.backbone(crop), (side, side))
            if not whole:
                sides = [tuple(-(-n // stride) for n in pixels.shape[-2:]) for stride in strides]
                whole = [m.new_zeros(*m.shape[:2], *s) for m, s in zip(maps, sides, strict=True)]
            for into, part, stride in zip(whole, maps, strides, strict=True):
                y, x = top // stride, left // stride
                height, width = into.shape[-2] - y, into.shape[-1] - x
                into[..., y : y + part.shape[-2], x : x + part.shape[-1]] = part[..., :height, :width]
        return whole

    def backbone(self, crop: Tensor) -> dict[str, Tensor]:
        """crop (B, 3, side, side) in 0..1 -> the taps."""
        network, side = self.network, self.network.config.short_side
        resized = F.interpolate(crop, size=(side, side), mode="bicubic").clamp(0, 1)
        context, shift = network.conditioning(self.empty(len(crop), crop.device), network.tower(resized).cls)
        return to_the_end(network.i2tx, resized * 2 - 1, context, shift)

    def empty(self, count: int, device: torch.device) -> Any:
        """What the text encoder says of the empty prompt, (count, T, D), computed each time."""
        tokens = torch.zeros(count, self.network.config.context.tokens, dtype=torch.long, device=device)
        return self.text(input_ids=tokens).last_hidden_state


def windows(size: tuple[int, int], most: int) -> list[tuple[int, int, int]]:
    """(top, left, side) of squares that cover a picture, none wider than `most`; the last may overlap."""
    side = min(most, *size)
    starts = [[min(at, length - side) for at in range(0, length, side)] for length in size]
    return [(top, left, side) for top in starts[0] for left in starts[1]]
