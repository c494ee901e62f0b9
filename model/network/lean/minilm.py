"""MiniLM-L6, a small BERT: sentences to vectors.

Source: Devlin et al., 'BERT'; Wang et al., 'MiniLM'; the mean of the token states, as its model card says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from model.network.lean.blocks import Table

LENGTH = 128  # tokens of a phrase


class Embeddings(nn.Module):
    """Words, their places, and one kind of sentence."""

    def __init__(self, words: int, places: int, kinds: int, width: int, eps: float) -> None:
        super().__init__()
        self.word_embeddings = Table(words, width)
        self.position_embeddings = Table(places, width)
        self.token_type_embeddings = Table(kinds, width)
        self.LayerNorm = nn.LayerNorm(width, eps)

    def forward(self, ids: Tensor) -> Tensor:
        """(N, L) -> (N, L, D)."""
        places = self.position_embeddings.weight[: ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings.weight[0] + places)


class Joined(nn.Module):
    """A linear layer whose output is added to what came before, and normed."""

    def __init__(self, inside: int, outside: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inside, outside)
        self.LayerNorm = nn.LayerNorm(outside, eps)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """(N, L, D_in), (N, L, D) -> (N, L, D)."""
        return self.LayerNorm(self.dense(x) + before)


class Layer(nn.Module):
    """Attention and a feed-forward layer, under BERT's names."""

    def __init__(self, width: int, heads: int, feedforward: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        own = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.attention = nn.ModuleDict({"self": own, "output": Joined(width, width, eps)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, feedforward)})
        self.output = Joined(feedforward, width, eps)

    def forward(self, x: Tensor, reads: Tensor) -> Tensor:
        """x (N, L, D), reads (N, 1, 1, L) -> (N, L, D)."""
        own: nn.ModuleDict = self.attention["self"]  # type: ignore[assignment]
        q, k, v = (
            own[name](x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=reads)
        x = self.attention["output"](mixed.transpose(1, 2).flatten(2), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """Token ids to token states."""

    def __init__(self, config: dict[str, int | float]) -> None:
        super().__init__()
        width, eps = int(config["hidden_size"]), float(config["layer_norm_eps"])
        self.width = width
        self.embeddings = Embeddings(
            int(config["vocab_size"]),
            int(config["max_position_embeddings"]),
            int(config["type_vocab_size"]),
            width,
            eps,
        )
        self.encoder = nn.ModuleDict(
            {
                "layer": nn.ModuleList(
                    Layer(width, int(config["num_attention_heads"]), int(config["intermediate_size"]), eps)
                    for _ in range(int(config["num_hidden_layers"]))
                )
            }
        )

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids (N, L), mask (N, L) of what is a token -> (N, L, D)."""
        x, reads = self.embeddings(ids), mask[:, None, None, :].bool()
        layers: nn.ModuleList = self.encoder["layer"]  # type: ignore[assignment]
        for layer in layers:
            x = layer(x, reads)
        return x


def load_minilm(folder: Path) -> tuple[Callable[[list[str]], Tensor], int]:
    """Phrases -> vectors (N, D) from a folder of BERT weights with a tokenizer, and D."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding()
    with torch.device("meta"):
        bert = Bert(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    weights = load_file(folder / "model.safetensors")
    own = bert.state_dict()
    bert.load_state_dict({name: weights[name].float() for name in own}, assign=True)
    bert.eval()

    def encode(phrases: list[str]) -> Tensor:
        batch = tokenizer.encode_batch(phrases)
        ids = torch.tensor([one.ids for one in batch])
        mask = torch.tensor([one.attention_mask for one in batch])
        kept = mask[..., None].float()
        return (bert(ids, mask) * kept).sum(1) / kept.sum(1)

    return encode, bert.width
