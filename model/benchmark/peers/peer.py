"""A peer: what it is, what it answers, and one call of it on a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

WORDS = "open words"
CLASSES = "closed classes"


@dataclass(frozen=True, slots=True)
class Task:
    """pixels (1, 3, side, side) in 0..1, as every model takes them once normalised; prompts to answer."""

    pixels: Tensor
    prompts: int

    @property
    def side(self) -> int:
        """Pixels of the picture's side."""
        return int(self.pixels.shape[-1])

    def resized(self, height: int, width: int) -> Tensor:
        """The picture at a size that a model insists on."""
        return nn.functional.interpolate(self.pixels, size=(height, width), mode="bilinear")

    def words(self, each: int) -> Tensor:
        """Token ids (prompts, each): a tokenizer's output that says nothing."""
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(1000, 20_000, (self.prompts, each), generator=generator)
        return ids.to(self.pixels.device)


@dataclass(frozen=True, slots=True)
class Peer:
    """`build` makes the model at its published sizes with random weights and the call for a task.

    published: millions of parameters as its authors say, None where they do not; said: of what. outputs:
    what an answer holds. size: at which the picture enters, None for the picture's own. share: prompts
    answered by the call, None for all.
    """

    name: str
    outputs: str
    build: Callable[[], tuple[nn.Module, Callable[[Task], Any]]]
    published: float | None = None
    size: tuple[int, int] | None = None
    remark: str = ""
