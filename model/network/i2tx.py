"""The I2Tx backbone: one pass through VAE and UNet that stops after the last feature anybody reads.

Taps are the features that *enter* the blocks named by `I2Tx.taps`. What would run after them (the VAE
decoder's two large stages, the UNet's tail) costs much and changes no result, so it is never called. Source
of the taps: paper and ODISE, 'features of VAE encoder, UNet and VAE decoder'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from model.network.config import DiffusionConfig

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from model.network.lean.diffusion import Unet, Vae

UNET_TAPS = ("unet.0", "unet.1", "unet.2", "unet.3")
# Stable Diffusion's, where a checkpoint names no other.
SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}


@dataclass(frozen=True, slots=True)
class Tap:
    """One tapped feature: its name, channels, and stride relative to the diffusion input."""

    name: str
    channels: int
    stride: int


def kept_signal(config: DiffusionConfig) -> float:
    """The schedule's cumulative alpha at the config's time step: the share of the latent's variance kept."""
    with torch.device("cpu"):  # numbers, also while the network is built on the meta device
        return float(signal_kept(config.schedule or SCHEDULE)[config.timestep])


def signal_kept(schedule: dict[str, Any]) -> Tensor:
    """The cumulative alphas (T,) of a diffusers schedule; Stable Diffusion's kind without diffusers."""
    plain = schedule.get("beta_schedule", "linear") == "scaled_linear" and not schedule.get("trained_betas")
    if not plain:
        from diffusers import DDPMScheduler

        library: Any = DDPMScheduler(**schedule)
        return library.alphas_cumprod
    first, last = schedule.get("beta_start", 0.0001), schedule.get("beta_end", 0.02)
    steps = schedule.get("num_train_timesteps", 1000)
    kept = (1 - torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float32) ** 2).cumprod(0)
    if not schedule.get("rescale_betas_zero_snr", False):
        return kept
    # The last step keeps nothing, the first as much as before. Source: Lin et al., 'Common diffusion noise
    # schedules and sample steps are flawed'.
    root = kept.sqrt()
    return ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2


class I2Tx(nn.Module):
    """VAE encoder -> x_t at a fixed step -> UNet; VAE decoder on x_t. Eight feature maps come out.

    `vae` and `unet` are built from the config unless they are given, loaded and of the config's sizes.
    """

    # diffusers declares its submodules' types only in part.
    vae: Any
    unet: Any

    def __init__(
        self,
        config: DiffusionConfig,
        *,
        vae: AutoencoderKL | Vae | None = None,
        unet: UNet2DConditionModel | Unet | None = None,
    ) -> None:
        super().__init__()
        self.vae, self.unet = vae or _vae(config), unet or _unet(config)
        kept = kept_signal(config)
        self.signal, self.noise = kept**0.5, (1.0 - kept) ** 0.5
        self.timestep = config.timestep
        self.noise_seed = config.noise_seed
        if not config.tail:
            self.drop_tail()

    def drop_tail(self) -> None:
        """Remove what would run after the last tap: a checkpoint for parsing need not carry it."""
        up, below = self.unet.up_blocks[-1], self.vae.decoder.up_blocks[1]
        up.resnets[2], up.attentions[2] = nn.Identity(), nn.Identity()
        below.resnets[2], below.upsamplers[0] = nn.Identity(), nn.Identity()
        self.unet.conv_norm_out, self.unet.conv_out = nn.Identity(), nn.Identity()
        for i in (2, 3):
            self.vae.decoder.up_blocks[i] = nn.Identity()
        self.vae.decoder.conv_norm_out, self.vae.decoder.conv_out = nn.Identity(), nn.Identity()

    @staticmethod
    def taps(config: DiffusionConfig) -> list[Tap]:
        """Names, channels and strides of the eight taps, in the order `forward` returns them."""
        _, _, v2, v3 = config.vae["block_out_channels"]
        u0, u1, u2, u3 = config.unet["block_out_channels"]
        return [
            Tap("encoder.2", v2, 4),
            Tap("encoder.3", v3, 8),
            Tap("unet.0", u3 + u2, 64),
            Tap("unet.1", u2 + u1, 32),
            Tap("unet.2", u1 + u0, 16),
            Tap("unet.3", u0 + u0, 8),
            Tap("decoder.0", v3, 8),
            Tap("decoder.1", v2, 4),
        ]

    def encode(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """pixels (B, 3, H, W) in -1..1 -> scaled latent mean (B, 4, H/8, W/8) and two taps."""
        encoder, taps = self.vae.encoder, {}
        x = encoder.conv_in(pixels)
        for level, block in enumerate(encoder.down_blocks):
            for i, resnet in enumerate(block.resnets):
                if i == 1 and level in (2, 3):
                    taps[f"encoder.{level}"] = x
                x = resnet(x, None)
            for down in block.downsamplers or ():
                x = down(x)
        x = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(encoder.mid_block(x))))
        mean = self.vae.quant_conv(x).chunk(2, dim=1)[0]
        return mean * self.vae.config.scaling_factor, taps

    def denoise(self, x_t: Tensor, context: Tensor, shift: Tensor) -> dict[str, Tensor]:
        """x_t (B, 4, h, w), context (B, T, D), shift (B, D_time) of the time embedding -> four UNet taps."""
        unet, taps = self.unet, {}
        steps = torch.full((len(x_t),), self.timestep, device=x_t.device)
        time = unet.time_embedding(unet.time_proj(steps).to(x_t.dtype)) + shift
        x = unet.conv_in(x_t)
        skips = [x]
        for block in unet.down_blocks:
            for i, resnet in enumerate(block.resnets):
                x = self._attend(block, i, resnet(x, time), context)
                skips.append(x)
            for down in block.downsamplers or ():
                x = down(x)
                skips.append(x)
        x = unet.mid_block(x, time, encoder_hidden_states=context)
        last = len(unet.up_blocks) - 1
        for level, block in enumerate(unet.up_blocks):
            for i, resnet in enumerate(block.resnets):
                x = torch.cat([x, skips.pop()], dim=1)
                if i == 2:
                    taps[f"unet.{level}"] = x
                    if level == last:
                        return taps
                x = self._attend(block, i, resnet(x, time), context)
            for up in block.upsamplers or ():
                x = up(x, skips[-1].shape[-2:])
        raise ValueError("the UNet has no fourth up block with three residual blocks")

    @staticmethod
    def _attend(block: nn.Module, index: int, x: Tensor, context: Tensor) -> Tensor:
        attentions: Any = getattr(block, "attentions", None)
        if attentions is None:
            return x
        return attentions[index](x, encoder_hidden_states=context, return_dict=False)[0]

    def decode(self, x_t: Tensor) -> dict[str, Tensor]:
        """x_t (B, 4, h, w) -> two taps of the VAE decoder; its stages above stride 4 never run."""
        decoder = self.vae.decoder
        x = decoder.conv_in(self.vae.post_quant_conv(x_t / self.vae.config.scaling_factor))
        x = decoder.mid_block(x, None)
        top, below = decoder.up_blocks[0], decoder.up_blocks[1]
        x = top.resnets[1](top.resnets[0](x, None), None)
        first = x
        x = top.upsamplers[0](top.resnets[2](x, None))
        return {"decoder.0": first, "decoder.1": below.resnets[1](below.resnets[0](x, None), None)}

    def diffuse(self, latent: Tensor) -> Tensor:
        """x_t = sqrt(abar_t) x + sqrt(1 - abar_t) e with e drawn once from a fixed seed for all pictures."""
        generator = torch.Generator().manual_seed(self.noise_seed)
        noise = torch.randn((1, *latent.shape[1:]), generator=generator).to(latent)
        return self.signal * latent + self.noise * noise

    def forward(
        self, pixels: Tensor, context: Tensor, shift: Tensor, *, use_unet: bool = True
    ) -> dict[str, Tensor]:
        """pixels (B, 3, H, W) in -1..1 with sides multiples of 8 -> the taps by name."""
        latent, taps = self.encode(pixels)
        x_t = self.diffuse(latent)
        if use_unet:
            taps |= self.denoise(x_t, context, shift)
        return taps | self.decode(x_t)


def _vae(config: DiffusionConfig) -> AutoencoderKL:
    from diffusers import AutoencoderKL

    return AutoencoderKL(**config.vae)


def _unet(config: DiffusionConfig) -> UNet2DConditionModel:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**config.unet)
