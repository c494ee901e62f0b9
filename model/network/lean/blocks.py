"""Residual, attention and resampling blocks of Stable Diffusion's VAE and UNet.

Source: Rombach et al., 'High-resolution image synthesis with latent diffusion models'; names as in diffusers.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Resnet(nn.Module):
    """Two convolutions behind group norms; a time step joins between them, where one is given."""

    def __init__(
        self, inside: int, outside: int, *, groups: int, eps: float, time: int | None = None
    ) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inside, eps)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1)
        if time is not None:
            self.time_emb_proj = nn.Linear(time, outside)
        self.norm2 = nn.GroupNorm(groups, outside, eps)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else None

    def forward(self, x: Tensor, time: Tensor | None) -> Tensor:
        """x (B, C_in, H, W), time (B, D) or None -> (B, C_out, H, W)."""
        y = self.conv1(F.silu(self.norm1(x)))
        if time is not None:
            y = y + self.time_emb_proj(F.silu(time))[:, :, None, None]
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Down(nn.Module):
    """Half the size. The VAE pads to the right and below alone, the UNet all around."""

    def __init__(self, channels: int, *, around: bool) -> None:
        super().__init__()
        self.around = around
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1 if around else 0)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H / 2, W / 2)."""
        if not self.around:
            x = F.pad(x, (0, 1, 0, 1))
        least = 3 if self.around else 5
        if x.shape[-1] >= least:
            return self.conv(x)
        # In bfloat16 on a processor with AMX, PyTorch's convolution of stride 2 reads beyond a map from which
        # one column comes out, and what lies there may be no number. Zeros beside it change no column.
        return self.conv(F.pad(x, (0, least - x.shape[-1])))[..., :1]


class Up(nn.Module):
    """Twice the size, or the size that is asked for."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """(B, C, H, W) -> (B, C, *size)."""
        return self.conv(F.interpolate(x, size=size or (2 * x.shape[-2], 2 * x.shape[-1]), mode="nearest"))


class Attention(nn.Module):
    """Attention of `heads` heads from queries (B, N, D) to context (B, M, D_context)."""

    def __init__(self, width: int, context: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=bias)
        self.to_k = nn.Linear(context, width, bias=bias)
        self.to_v = nn.Linear(context, width, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, N, D), (B, M, D_context) -> (B, N, D)."""
        query, key, value = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for t in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))


class Table(nn.Module):
    """Rows that are looked up, as `nn.Embedding` has them, but not drawn at random before they are loaded."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))

    def forward(self, ids: Tensor) -> Tensor:
        """ids (...) -> (..., D)."""
        return F.embedding(ids, self.weight)


class PixelAttention(Attention):
    """The VAE's: one head over all pixels, added to them."""

    def __init__(self, channels: int, *, groups: int, eps: float) -> None:
        super().__init__(channels, channels, 1, bias=True)
        self.group_norm = nn.GroupNorm(groups, channels, eps)

    def of(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        tokens = self.group_norm(x.flatten(2)).transpose(1, 2)
        return x + self(tokens, tokens).transpose(1, 2).unflatten(2, x.shape[-2:])


class FeedForward(nn.Module):
    """A gated layer of four times the width. Source: Shazeer, 'GLU variants improve transformer'."""

    def __init__(self, width: int) -> None:
        super().__init__()
        gate = nn.Module()
        gate.proj = nn.Linear(width, 8 * width)
        self.net = nn.ModuleList([gate, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        enter: Any = self.net[0].proj
        value, gate = enter(x).chunk(2, dim=-1)
        return self.net[2](value * F.gelu(gate))


class TransformerBlock(nn.Module):
    """Attention to itself, attention to the context, a feed-forward layer."""

    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = Attention(width, width, heads, bias=False)
        self.attn2 = Attention(width, context, heads, bias=False)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, N, D), (B, M, D_context) -> (B, N, D)."""
        own = self.norm1(x)
        x = x + self.attn1(own, own)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """A transformer block over the pixels of a map."""

    def __init__(self, channels: int, context: int, heads: int, *, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, 1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, context, heads)])
        self.proj_out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, encoder_hidden_states: Tensor, return_dict: bool = False) -> tuple[Tensor]:
        """x (B, C, H, W), context (B, M, D_context) -> ((B, C, H, W),), as diffusers returns it."""
        if return_dict:
            raise ValueError("only a tuple is returned")
        tokens = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        tokens = self.proj_out(self.transformer_blocks[0](tokens, encoder_hidden_states))
        return (x + tokens.transpose(1, 2).unflatten(2, x.shape[-2:]),)


def sinusoids(steps: Tensor, width: int) -> Tensor:
    """Time steps (B,) -> (B, width): cosines, then sines, of falling frequency."""
    half = width // 2
    exponent = -torch.log(torch.tensor(10_000.0)) * torch.arange(half, dtype=torch.float32) / half
    angles = steps[:, None].float() * exponent.exp().to(steps.device)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
