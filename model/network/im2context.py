"""IM2CONTEXT: image patches in, a context that stands in for a prompt out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Im2Context(nn.Module):
    """Learned tokens that read image patches and stand in for a prompt.

    Letters: B images, N patches, T tokens, D_* widths. Source: paper, 'I2Tx feature extraction'; sizes from
    TexDreamer (Linear, learned queries, `nn.TransformerDecoder`).
    """

    def __init__(
        self, patch_width: int, width: int, *, tokens: int, layers: int, heads: int, feedforward: int
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(patch_width, width)
        self.queries = nn.Parameter(torch.randn(1, tokens, width))
        # No dropout: the paper's features are deterministic, and a stage that freezes this part needs it so.
        layer = nn.TransformerDecoderLayer(width, heads, feedforward, dropout=0.0, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, layers)

    def forward(self, patches: Tensor) -> Tensor:
        """patches (B, N, D_patch) -> context (B, T, D_context)."""
        memory = self.enter(patches)  # (B, N, D_context)
        queries = self.queries.expand(len(patches), -1, -1)  # (B, T, D_context)
        return self.decoder(queries, memory)


class Conditioning(nn.Module):
    """Adds the picture's CLS token to the context and to the time embedding, gated from zero.

    context = C + tanh(a) (W CLS + position), and the same form for the time embedding. Source: ODISE's
    implicit captioner, in the form that the paper's parameter count implies. There the gate of the context
    has a value for each token and channel (`gate_per_token`); a small network does with one for each channel.
    """

    def __init__(
        self,
        cls_width: int,
        context_width: int,
        tokens: int,
        time_width: int,
        *,
        gate_per_token: bool = False,
    ) -> None:
        super().__init__()
        self.to_context = nn.Linear(cls_width, context_width)
        self.context_position = nn.Parameter(torch.zeros(1, tokens, context_width))
        gate = (1, tokens, context_width) if gate_per_token else (context_width,)
        self.context_gate = nn.Parameter(torch.zeros(gate))
        self.to_time = nn.Linear(cls_width, time_width)
        self.time_position = nn.Parameter(torch.zeros(1, time_width))
        self.time_gate = nn.Parameter(torch.zeros(time_width))
        nn.init.trunc_normal_(self.context_position, std=0.02)
        nn.init.trunc_normal_(self.time_position, std=0.02)

    def forward(self, context: Tensor, cls: Tensor) -> tuple[Tensor, Tensor]:
        """context (B, T, D), cls (B, D_cls) -> context (B, T, D), shift of the time embedding (B, D_time)."""
        extra = self.to_context(cls)[:, None] + self.context_position
        shift = self.to_time(cls) + self.time_position
        return context + self.context_gate.tanh() * extra, self.time_gate.tanh() * shift
