"""An autoencoder that begins as a thumbnail instead of as noise.

By descent alone a small VAE first learns brightness and stays grey for a thousand steps: colour is faint in
photos of streets, and has to find its way through some forty layers. So eight channels of each layer begin as
a straight path that carries the picture, made small and large again; the others begin at random, as ever.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CARRIED = 8  # red, green, blue and a constant one, each with its negative: silu(x) - silu(-x) = x
NOISE = -5.0  # log variance of the posterior, at first: what is faint would drown in more


@torch.no_grad()
def begin_as_thumbnail(vae: Any) -> None:
    """Give a new VAE, laid out as Stable Diffusion's, its straight paths."""
    encoder, decoder = vae.encoder, vae.decoder
    for conv in (encoder.conv_in, decoder.conv_in):
        _enter(conv)
    for block in (*encoder.down_blocks, encoder.mid_block, decoder.mid_block, *decoder.up_blocks):
        for resnet in block.resnets:
            _silence(resnet.conv2)
            if resnet.conv_shortcut is not None:
                _pass(resnet.conv_shortcut, torch.ones(1, 1))
        for attention in getattr(block, "attentions", None) or ():
            _silence(attention.to_out[0])
        for down in getattr(block, "downsamplers", None) or ():
            corner = torch.zeros(3, 3)
            corner[:2, :2] = 0.25  # its padding is on the right and below
            _pass(down.conv, corner)
        for up in getattr(block, "upsamplers", None) or ():
            _pass(up.conv, _middle(up.conv))
    _leave(encoder.conv_out)
    _leave(decoder.conv_out)
    latents = vae.config.latent_channels
    for conv in (vae.quant_conv, vae.post_quant_conv):
        conv.weight.zero_()
        conv.bias.zero_()
        conv.weight[range(latents), range(latents), 0, 0] = 1.0
    vae.quant_conv.bias[latents:] = NOISE


def _middle(conv: Any) -> Tensor:
    kernel = torch.zeros(conv.weight.shape[-2:])
    kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1.0
    return kernel


def _enter(conv: Any) -> None:
    """Three channels in, each with its negative out, and the constant."""
    _silence(conv)
    kernel = _middle(conv)
    for color in range(3):
        conv.weight[2 * color, color], conv.weight[2 * color + 1, color] = kernel, -kernel
    conv.bias[CARRIED - 2], conv.bias[CARRIED - 1] = 1.0, -1.0


def _leave(conv: Any) -> None:
    """Of each channel and its negative, behind a SiLU, the channel again; the constant stays behind."""
    conv.weight[:3].zero_()
    conv.bias[:3].zero_()
    kernel = _middle(conv)
    for color in range(3):
        conv.weight[color, 2 * color], conv.weight[color, 2 * color + 1] = kernel, -kernel
    # About what the norm before it took away: pictures in -1..1 have this size.
    conv.weight[:3] *= 0.6


def _silence(layer: Any) -> None:
    layer.weight[:CARRIED].zero_()
    layer.bias[:CARRIED].zero_()


def _pass(conv: Any, kernel: Tensor) -> None:
    _silence(conv)
    for channel in range(CARRIED):
        conv.weight[channel, channel] = kernel
