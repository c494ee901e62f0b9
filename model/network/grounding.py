"""Where masks meet text: mask embeddings, pixel embeddings, and their similarity to phrases.

Source: paper, 'Prompt grounding'; the pooled embedding is ODISE's.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.decoder import mlp

MAX_SCALE = math.log(100.0)


class MaskEmbedding(nn.Module):
    """z_i of mask i: what lies under it, plus what its query knows.

    `parallel`: a linear map of what lies under the mask, plus an MLP of the query. `serial`, ODISE's form:
    the linear map goes to the query's width, is added to the query, and the MLP embeds the sum.
    """

    def __init__(
        self, hidden: int, embedding: int, *, join: Literal["parallel", "serial"] = "parallel"
    ) -> None:
        super().__init__()
        self.serial = join == "serial"
        self.pool_norm = nn.LayerNorm(hidden)
        self.pool_project = nn.Linear(hidden, hidden if self.serial else embedding)
        self.query_norm = nn.LayerNorm(hidden)
        self.query_project = mlp(hidden, hidden, embedding)

    def forward(self, masks: Tensor, queries: Tensor, pixels: Tensor) -> Tensor:
        """masks (B, Q, h, w) logits, queries (B, Q, D), pixels (B, D, h, w) -> z (B, Q, E)."""
        # Hard and detached: the pooled feature must not move the mask that pools it.
        inside = (masks.detach() > 0).to(pixels.dtype)
        pooled = torch.einsum("bqhw,bdhw->bqd", inside, pixels)
        pooled = pooled / (inside.sum((-1, -2))[..., None] + 1e-6)
        under = self.pool_project(self.pool_norm(pooled))
        if self.serial:
            return self.query_project(self.query_norm(under + queries))
        return under + self.query_project(self.query_norm(queries))

    def per_pixel(self, pixels: Tensor) -> Tensor:
        """pixels (B, D, h, w) -> (B, h, w, E): the pooled path with every pixel as its own mask."""
        under = self.pool_project(self.pool_norm(pixels.permute(0, 2, 3, 1)))
        return self.query_project(self.query_norm(under)) if self.serial else under


class Grounding(nn.Module):
    """Cosine similarity of visual embeddings with projected text, and one learned 'no object'."""

    def __init__(self, text_width: int, embedding: int) -> None:
        super().__init__()
        self.text_project = nn.Linear(text_width, embedding)
        self.no_object = nn.Parameter(torch.randn(embedding) * 0.02)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def text(self, phrases: Tensor) -> Tensor:
        """Frozen text embeddings (P, D_text) -> unit vectors (P, E)."""
        return F.normalize(self.text_project(phrases), dim=-1)

    @property
    def scale(self) -> Tensor:
        """The logit scale 1/tau, at most 100."""
        return self.log_scale.clamp(max=MAX_SCALE).exp()

    def logits(self, visual: Tensor, text: Tensor) -> Tensor:
        """visual (..., E), text (P, E) unit vectors -> logits (..., P + 1), the last for 'no object'."""
        return self.scale * F.normalize(visual, dim=-1) @ self._targets(text).T

    def maps(self, pixels: Tensor, text: Tensor) -> Tensor:
        """pixels (h, w, E), text (P, E) -> logits (P + 1, h, w): `logits` laid out as a map for each phrase.

        What reads them goes from map to map, and moving them there would take longer than the product.
        """
        visual = F.normalize(pixels, dim=-1).flatten(0, 1)
        return (self.scale * self._targets(text) @ visual.T).unflatten(1, pixels.shape[:2])

    def _targets(self, text: Tensor) -> Tensor:
        return torch.cat([text, F.normalize(self.no_object, dim=-1)[None]])
