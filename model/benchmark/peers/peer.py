"""A peer: what it is, what it answers, and one call of it on a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor, nn

WORDS = "open words"
CLASSES = "closed classes"
MAX_LONG_SIDE = 2560  # of a picture whose short side a peer enlarges
Built = tuple[nn.Module, Callable[["Task"], Any]]


@dataclass(frozen=True, slots=True)
class Task:
    """pixels (1, 3, H, W) in 0..1, as every model takes them once normalised; prompts to answer."""

    pixels: Tensor
    prompts: int

    @property
    def size(self) -> tuple[int, int]:
        """The picture's height and width."""
        return int(self.pixels.shape[-2]), int(self.pixels.shape[-1])

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

    published: millions of parameters as its authors say, None where they do not. outputs: what an answer
    holds. size: at which the picture enters, None for the picture's own; short_side: at which it enters in
    its own proportions. classes: those of transformers that it is made of. large: more than a CPU should
    hold unasked; there it is run only when it is named, and its operations are counted otherwise.
    """

    name: str
    outputs: str
    build: Callable[[], Built]
    published: float | None = None
    size: tuple[int, int] | None = None
    remark: str = ""
    classes: tuple[str, ...] = ()
    large: bool = False
    short_side: int | None = None

    def entered(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width at which a picture of this size enters."""
        return entered(size, self.short_side) if self.short_side else self.size or size

    def missing(self) -> list[str]:
        """Its classes that the installed transformers does not have."""
        return [name for name in self.classes if not hasattr(transformers, name)]

    def named(self, names: list[str]) -> bool:
        """Whether one of `names` is part of its own, whatever the case."""
        return any(name.strip().lower() in self.name.lower() for name in names)


def entered(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Height and width of a picture of `size` at this short side, its long one `MAX_LONG_SIDE` at most."""
    scale = min(short_side / min(size), MAX_LONG_SIDE / max(size))
    height, width = (round(length * scale) for length in size)
    return height, width
