"""Stable Diffusion's VAE and UNet, as far as `I2Tx` walks through them.

It calls their blocks itself, so these classes only hold them: there is no `forward` of the whole.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from model.network.lean.blocks import Down, PixelAttention, Resnet, Transformer, Up, sinusoids

VAE_EPS, UNET_EPS = 1e-6, 1e-5
PER_BLOCK = 2  # residual blocks of a level on the way down; one more on the way up


class Level(nn.Module):
    """One resolution: residual blocks, perhaps attention behind each, perhaps a change of size at the end."""

    def __init__(
        self,
        resnets: list[Resnet],
        attentions: list[Transformer] | None = None,
        down: Down | None = None,
        up: Up | None = None,
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        self.attentions = nn.ModuleList(attentions) if attentions else None
        self.downsamplers = nn.ModuleList([down]) if down else None
        self.upsamplers = nn.ModuleList([up]) if up else None


class PixelMiddle(nn.Module):
    """The VAE's coarsest level."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([PixelAttention(channels, groups=groups, eps=VAE_EPS)])
        self.resnets = nn.ModuleList(Resnet(channels, channels, groups=groups, eps=VAE_EPS) for _ in range(2))

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        attention: PixelAttention = self.attentions[0]  # type: ignore[assignment]
        return self.resnets[1](attention.of(self.resnets[0](x, time)), time)


class Middle(nn.Module):
    """The UNet's coarsest level."""

    def __init__(self, channels: int, context: int, heads: int, *, groups: int, time: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([Transformer(channels, context, heads, groups=groups)])
        self.resnets = nn.ModuleList(
            Resnet(channels, channels, groups=groups, eps=UNET_EPS, time=time) for _ in range(2)
        )

    def forward(self, x: Tensor, time: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        """x (B, C, H, W), time (B, D_time), context (B, M, D_context) -> (B, C, H, W)."""
        x = self.attentions[0](self.resnets[0](x, time), encoder_hidden_states)[0]
        return self.resnets[1](x, time)


class Half(nn.Module):
    """The VAE's encoder or decoder: the names that both have."""

    conv_in: nn.Conv2d
    conv_out: nn.Conv2d

    def __init__(self, enter: tuple[int, int], leave: tuple[int, int], middle: int, *, groups: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(*enter, 3, padding=1)
        self.mid_block = PixelMiddle(middle, groups=groups)
        self.conv_norm_out = nn.GroupNorm(groups, leave[0], VAE_EPS)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(*leave, 3, padding=1)


class Encoder(Half):
    """Pictures to latents."""

    def __init__(self, channels: list[int], latents: int, *, groups: int) -> None:
        super().__init__((3, channels[0]), (channels[-1], 2 * latents), channels[-1], groups=groups)
        self.down_blocks = nn.ModuleList()
        inside = channels[0]
        for level, outside in enumerate(channels):
            resnets = [
                Resnet(inside if i == 0 else outside, outside, groups=groups, eps=VAE_EPS)
                for i in range(PER_BLOCK)
            ]
            last = level == len(channels) - 1
            self.down_blocks.append(Level(resnets, down=None if last else Down(outside, around=False)))
            inside = outside


class Decoder(Half):
    """Latents to pictures."""

    def __init__(self, channels: list[int], latents: int, *, groups: int) -> None:
        super().__init__((latents, channels[-1]), (channels[0], 3), channels[-1], groups=groups)
        self.up_blocks = nn.ModuleList()
        inside = channels[-1]
        for level, outside in enumerate(reversed(channels)):
            resnets = [
                Resnet(inside if i == 0 else outside, outside, groups=groups, eps=VAE_EPS)
                for i in range(PER_BLOCK + 1)
            ]
            last = level == len(channels) - 1
            self.up_blocks.append(Level(resnets, up=None if last else Up(outside)))
            inside = outside


class Vae(nn.Module):
    """An `AutoencoderKL` of Stable Diffusion's layout, from the same config dictionary."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)
        channels, latents = list(config["block_out_channels"]), int(config["latent_channels"])
        groups = int(config["norm_num_groups"])
        self.encoder = Encoder(channels, latents, groups=groups)
        self.decoder = Decoder(channels, latents, groups=groups)
        self.quant_conv = nn.Conv2d(2 * latents, 2 * latents, 1)
        self.post_quant_conv = nn.Conv2d(latents, latents, 1)


class TimeEmbedding(nn.Module):
    """Two linear layers."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(inside, outside)
        self.act = nn.SiLU()
        self.linear_2 = nn.Linear(outside, outside)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) -> (B, D_time)."""
        return self.linear_2(self.act(self.linear_1(x)))


class Unet(nn.Module):
    """A `UNet2DConditionModel` of Stable Diffusion's layout, from the same config dictionary."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)
        channels = list(config["block_out_channels"])
        self._groups, self._context = int(config["norm_num_groups"]), int(config["cross_attention_dim"])
        self._time = 4 * channels[0]
        heads = config["attention_head_dim"]  # counts heads in this class of diffusers
        self._heads = [heads] * len(channels) if isinstance(heads, int) else list(heads)
        self.conv_in = nn.Conv2d(int(config["in_channels"]), channels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(channels[0], self._time)
        self.down_blocks = self._way_down(channels, config["down_block_types"])
        self.mid_block = Middle(
            channels[-1], self._context, self._heads[-1], groups=self._groups, time=self._time
        )
        self.up_blocks = self._way_up(channels, config["up_block_types"])
        self.conv_norm_out = nn.GroupNorm(self._groups, channels[0], UNET_EPS)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(channels[0], int(config["out_channels"]), 3, padding=1)

    def time_proj(self, steps: Tensor) -> Tensor:
        """Time steps (B,) -> (B, C)."""
        return sinusoids(steps, self.conv_in.out_channels)

    def _level(
        self, sides: list[tuple[int, int]], heads: int, kind: str, *, down: bool = False, up: bool = False
    ) -> Level:
        outside = sides[-1][1]
        resnets = [Resnet(a, b, groups=self._groups, eps=UNET_EPS, time=self._time) for a, b in sides]
        attentions = [Transformer(outside, self._context, heads, groups=self._groups) for _ in sides]
        return Level(
            resnets,
            attentions if kind.startswith("CrossAttn") else None,
            Down(outside, around=True) if down else None,
            Up(outside) if up else None,
        )

    def _way_down(self, channels: list[int], kinds: list[str]) -> nn.ModuleList:
        blocks, inside = nn.ModuleList(), channels[0]
        for level, (outside, kind) in enumerate(zip(channels, kinds, strict=True)):
            sides = [(inside, outside)] + [(outside, outside)] * (PER_BLOCK - 1)
            blocks.append(self._level(sides, self._heads[level], kind, down=level < len(channels) - 1))
            inside = outside
        return blocks

    def _way_up(self, channels: list[int], kinds: list[str]) -> nn.ModuleList:
        """Each residual block also reads what its mirror on the way down has left."""
        left = [channels[0]]
        for level, outside in enumerate(channels):
            left += [outside] * (PER_BLOCK + (level < len(channels) - 1))
        blocks, inside = nn.ModuleList(), channels[-1]
        for level, (outside, kind) in enumerate(zip(reversed(channels), kinds, strict=True)):
            sides = []
            for _ in range(PER_BLOCK + 1):
                sides.append((inside + left.pop(), outside))
                inside = outside
            heads = self._heads[len(channels) - 1 - level]
            blocks.append(self._level(sides, heads, kind, up=level < len(channels) - 1))
        return blocks
