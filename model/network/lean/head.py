"""Mask2Former's pixel decoder and masked transformer decoder, for inference.

Source: Cheng et al., 'Masked-attention mask transformer'; Zhu et al., 'Deformable DETR'; names as in
transformers. Two things are done otherwise, with the same result but for rounding. Masks that only steer the
next layer's attention are made at that layer's own coarse size: resizing is linear, so the pixel features can
be resized once instead of every mask. And only the last layer's masks are made at full size, since nothing
else is read.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import HeadConfig
from model.network.decoder import Decoded, Place
from model.network.lean.blocks import Table

LEVELS, POINTS, GROUPS = 3, 4, 32
Size = tuple[int, int]


class LeanDecoder(nn.Module):
    """Takes `MaskDecoder`'s place and weights; `Decoded` holds the last layer alone."""

    def __init__(self, head: HeadConfig) -> None:
        super().__init__()
        self.pixel_decoder = PixelDecoder(head)
        self.transformer = MaskTransformer(head)
        self.place = Place(head.hidden, head.coordinates) if head.coordinates else None

    def forward(self, pyramid: list[Tensor]) -> Decoded:
        """pyramid: (B, width, H/stride, W/stride), finest first."""
        pixels, levels = self.pixel_decoder(pyramid)
        placed = pixels if self.place is None else pixels + self.place(pixels)
        masks, queries = self.transformer(levels, placed)
        return Decoded((masks,), (queries,), pixels)


class PixelDecoder(nn.Module):
    """Deformable attention over the three coarsest levels, then convolutions up to the finest."""

    def __init__(self, head: HeadConfig) -> None:
        super().__init__()
        width = head.hidden
        self.level_embed = nn.Parameter(torch.zeros(LEVELS, width))
        self.input_projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(head.width, width, 1), nn.GroupNorm(GROUPS, width)) for _ in range(LEVELS)
        )
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(
            DeformableLayer(width, head.heads, head.pixel_feedforward) for _ in range(head.pixel_layers)
        )
        self.mask_projection = nn.Conv2d(width, width, 1)
        self.finer = int(math.log2(head.strides[-LEVELS]) - math.log2(head.strides[0]))
        for number in range(1, self.finer + 1):
            side = nn.Sequential(nn.Conv2d(head.width, width, 1, bias=False), nn.GroupNorm(GROUPS, width))
            join = nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, bias=False), nn.GroupNorm(GROUPS, width), nn.ReLU()
            )
            self.add_module(f"adapter_{number}", side)
            self.add_module(f"layer_{number}", join)

    def forward(self, pyramid: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """-> pixel features (B, D, h, w) and three maps (B, D, h_l, w_l), coarsest first."""
        maps = [
            project(x) for project, x in zip(self.input_projections, reversed(pyramid[-LEVELS:]), strict=True)
        ]
        sizes = [(x.shape[-2], x.shape[-1]) for x in maps]
        tokens = torch.cat([x.flatten(2).transpose(1, 2) for x in maps], 1)
        places = torch.cat(
            [_sines(size, tokens) + level for size, level in zip(sizes, self.level_embed, strict=True)]
        )
        centers = _centers(tuple(sizes)).to(tokens)
        layers: nn.ModuleList = self.encoder.layers  # type: ignore[assignment]
        for layer in layers:
            tokens = layer(tokens, places, centers, sizes)
        levels = [
            part.transpose(1, 2).unflatten(2, size)
            for part, size in zip(tokens.split([h * w for h, w in sizes], 1), sizes, strict=True)
        ]
        fine = levels[-1]
        for number in range(self.finer, 0, -1):
            side = self.get_submodule(f"adapter_{number}")(pyramid[number - 1])
            fine = side + F.interpolate(fine, size=side.shape[-2:], mode="bilinear", align_corners=False)
            fine = self.get_submodule(f"layer_{number}")(fine)
        return self.mask_projection(fine), levels


class DeformableAttention(nn.Module):
    """Each token reads `POINTS` places of each level, which it chooses itself."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.sampling_offsets = nn.Linear(width, heads * LEVELS * POINTS * 2)
        self.attention_weights = nn.Linear(width, heads * LEVELS * POINTS)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, placed: Tensor, centers: Tensor, sizes: list[Size]) -> Tensor:
        """tokens, placed (B, N, D), centers (N, 2) in 0..1 -> (B, N, D)."""
        batch, count, _ = tokens.shape
        values = self.value_proj(tokens).unflatten(-1, (self.heads, -1)).permute(0, 2, 3, 1).flatten(0, 1)
        offsets = self.sampling_offsets(placed).view(batch, count, self.heads, LEVELS, POINTS, 2)
        weights = self.attention_weights(placed).unflatten(-1, (self.heads, -1)).softmax(-1)
        read = []
        for level, (part, size) in enumerate(
            zip(values.split([h * w for h, w in sizes], -1), sizes, strict=True)
        ):
            spread = offsets.new_tensor([size[1], size[0]])
            where = centers[:, None, None] + offsets[:, :, :, level] / spread  # (B, N, heads, POINTS, 2)
            grid = (2 * where - 1).transpose(1, 2).flatten(0, 1)
            read.append(F.grid_sample(part.unflatten(-1, size), grid, align_corners=False))
        seen = torch.cat(read, -1)  # (B heads, D / heads, N, LEVELS POINTS)
        shares = weights.transpose(1, 2).flatten(0, 1)[:, None]
        mixed = (seen * shares).sum(-1).view(batch, -1, count).transpose(1, 2)
        return self.output_proj(mixed)


class DeformableLayer(nn.Module):
    """Deformable attention and a feed-forward layer, each followed by a norm."""

    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, places: Tensor, centers: Tensor, sizes: list[Size]) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        x = self.self_attn_layer_norm(tokens + self.self_attn(tokens, tokens + places, centers, sizes))
        return self.final_layer_norm(x + self.fc2(F.relu(self.fc1(x))))


class MaskTransformer(nn.Module):
    """Learned queries that read the levels under their own masks, layer by layer."""

    def __init__(self, head: HeadConfig) -> None:
        super().__init__()
        self.queries_embedder = Table(head.queries, head.hidden)
        self.queries_features = Table(head.queries, head.hidden)
        self.level_embed = Table(LEVELS, head.hidden)
        self.decoder = MaskLayers(head)

    def forward(self, levels: list[Tensor], pixels: Tensor) -> tuple[Tensor, Tensor]:
        """levels (B, D, h_l, w_l) coarsest first, pixels (B, D, h, w) -> (B, Q, h, w), queries (B, Q, D)."""
        values = [
            x.flatten(2).transpose(1, 2) + embed
            for x, embed in zip(levels, self.level_embed.weight, strict=True)
        ]
        keys = [v + _sines((x.shape[-2], x.shape[-1]), v) for v, x in zip(values, levels, strict=True)]
        small = [
            F.interpolate(pixels, size=x.shape[-2:], mode="bilinear", align_corners=False).flatten(2)
            for x in levels
        ]
        start = self.queries_features.weight.expand(len(pixels), -1, -1)
        queries, kernels = self.decoder(start, self.queries_embedder.weight, values, keys, small)
        return torch.einsum("bqd,bdhw->bqhw", kernels, pixels), queries


class MaskLayers(nn.Module):
    """The decoder's layers and what makes a mask of a query."""

    def __init__(self, head: HeadConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MaskLayer(head.hidden, head.heads, head.decoder_feedforward) for _ in range(head.decoder_layers)
        )
        self.layernorm = nn.LayerNorm(head.hidden)
        self.mask_predictor = nn.Module()
        self.mask_predictor.mask_embedder = nn.Sequential(
            nn.Sequential(nn.Linear(head.hidden, head.hidden), nn.ReLU()),
            nn.Sequential(nn.Linear(head.hidden, head.hidden), nn.ReLU()),
            nn.Sequential(nn.Linear(head.hidden, head.hidden)),
        )

    def forward(
        self, queries: Tensor, places: Tensor, values: list[Tensor], keys: list[Tensor], small: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """queries (B, Q, D) -> the last layer's, normed, and the kernels of their masks (B, Q, D)."""
        embed: nn.Sequential = self.mask_predictor.mask_embedder  # type: ignore[assignment]
        kernels = embed(self.layernorm(queries))
        for number, layer in enumerate(self.layers):
            level = number % LEVELS
            inside = (kernels @ small[level]) >= 0  # (B, Q, h_l w_l)
            # A query whose mask is empty reads everything.
            reads = inside | ~inside.any(-1, keepdim=True)
            queries = layer(queries, places, values[level], keys[level], reads)
            kernels = embed(self.layernorm(queries))
        return self.layernorm(queries), kernels


class CrossAttention(nn.Module):
    """PyTorch's `MultiheadAttention` by its weights, with separate keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, reads: Tensor) -> Tensor:
        """query (B, Q, D), key, value (B, N, D), reads (B, Q, N) -> (B, Q, D)."""
        parts = zip(
            (query, key, value), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True
        )
        q, k, v = (_heads(F.linear(x, weight, bias), self.heads) for x, weight, bias in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=reads[:, None])
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class SelfAttention(nn.Module):
    """Queries among each other; where they are is part of keys and queries, not of values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        """x (B, Q, D), places (Q, D) -> (B, Q, D)."""
        placed = x + places
        q, k, v = (_heads(t, self.heads) for t in (self.q_proj(placed), self.k_proj(placed), self.v_proj(x)))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class MaskLayer(nn.Module):
    """Masked attention to the picture, attention among queries, a feed-forward layer; a norm behind each."""

    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.cross_attn = CrossAttention(width, heads)
        self.cross_attn_layer_norm = nn.LayerNorm(width)
        self.self_attn = SelfAttention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, places: Tensor, value: Tensor, key: Tensor, reads: Tensor) -> Tensor:
        """x (B, Q, D) -> (B, Q, D)."""
        x = self.cross_attn_layer_norm(x + self.cross_attn(x + places, key, value, reads))
        x = self.self_attn_layer_norm(x + self.self_attn(x, places))
        return self.final_layer_norm(x + self.fc2(F.relu(self.fc1(x))))


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _sines(size: Size, like: Tensor) -> Tensor:
    """Where each cell of a map lies, (h w, D): sines and cosines of its row, then of its column."""
    return _sines_at(size, like.shape[-1] // 2).to(like)


@lru_cache(maxsize=64)
def _sines_at(size: Size, width: int) -> Tensor:
    order = torch.arange(width, device="cpu")
    rate = 10_000 ** (2 * (order // 2).float() / width)
    axes = []
    for length in size:
        along = torch.arange(1, length + 1, dtype=torch.float32, device="cpu")
        angle = (along / (length + 1e-6) * (2 * math.pi))[:, None] / rate
        axes.append(torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=2).flatten(1))
    rows = axes[0][:, None].expand(-1, size[1], -1)
    columns = axes[1][None].expand(size[0], -1, -1)
    return torch.cat([rows, columns], -1).flatten(0, 1)


@lru_cache(maxsize=64)
def _centers(sizes: tuple[Size, ...]) -> Tensor:
    """The middle of each cell of each level, x before y, in 0..1: (N, 2)."""
    found = []
    for height, width in sizes:
        y = (torch.arange(height, device="cpu") + 0.5) / height
        x = (torch.arange(width, device="cpu") + 0.5) / width
        found.append(torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)], -1).flatten(0, 1))
    return torch.cat(found)


def forget_places() -> None:
    """Drop what is kept of cells' places: a network that ran on shapes alone has left shapes there."""
    _sines_at.cache_clear()
    _centers.cache_clear()
