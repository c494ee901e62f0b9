"""The wordings that training asks for, embedded once by the frozen text encoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from model.network.towers import TextTower
from model.vocabulary import find, wording
from model.vocabulary.words import fold

HELD_OUT = frozenset({"trousers", "handbag", "spectacles", "pullover", "blouse and shirt"})
"""Synonyms that training never sees: the evaluation asks for them."""

COLORS: dict[str, tuple[int, int, int]] = {
    "black": (25, 25, 28),
    "white": (235, 235, 232),
    "grey": (128, 128, 128),
    "red": (180, 40, 45),
    "blue": (50, 80, 160),
    "navy": (30, 38, 70),
    "green": (60, 110, 65),
    "brown": (105, 70, 45),
    "beige": (205, 180, 145),
    "pink": (225, 150, 170),
    "yellow": (225, 195, 60),
    "purple": (110, 60, 130),
}


class Phrases:
    """Embeddings of every class under several wordings, and of every class in every colour.

    classes: names in the order of the class ids, the last one 'person'.
    """

    def __init__(self, classes: list[str], tower: TextTower, *, gloss: bool) -> None:
        self.classes = classes
        self.variants: list[Tensor] = []
        for name in classes:
            words = [name, *synonyms(name)]
            sentences = [wording(w, gloss=gloss) for w in words] + [wording(name, gloss=False)]
            self.variants.append(tower(sentences))
        colored = [wording(f"{color} {name}", gloss=gloss) for name in classes for color in COLORS]
        self.colored = tower(colored).view(len(classes), len(COLORS), -1)
        self._colors = np.array(list(COLORS.values()), np.float32)

    def draw(self, rng: np.random.Generator) -> Tensor:
        """One wording per class, the plain name half of the time: (P, D_text)."""
        picks = [0 if rng.random() < 0.5 else int(rng.integers(len(v))) for v in self.variants]
        return torch.stack([v[k] for v, k in zip(self.variants, picks, strict=True)])

    def plain(self) -> Tensor:
        """Every class by its own name: (P, D_text)."""
        return torch.stack([v[0] for v in self.variants])

    def color_of(self, pixels: np.ndarray) -> int:
        """The nearest basic colour of the median of pixels (N, 3)."""
        return int(((np.median(pixels, axis=0) - self._colors) ** 2).sum(1).argmin())


def synonyms(name: str) -> list[str]:
    """A term's synonyms that training may use: none that holds a held-out word in any form."""
    term = find(name)
    return [s for s in (term.synonyms if term else ()) if not holds_out(s)]


def holds_out(phrase: str) -> bool:
    """Whether a phrase is a held-out synonym, its singular ('trouser'), or contains one ('hand bag')."""
    joined = fold(phrase).replace(" ", "")
    return any(fold(word).replace(" ", "").removesuffix("s") in joined for word in HELD_OUT)
