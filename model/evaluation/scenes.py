"""Generated scenes for measuring: what they offer, which are drawn, and how their truth maps to words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import BODY, CLASSES, IGNORE, LABELS
from model.data.held_out import HELD_OUT_GARMENTS
from model.evaluation.vocabularies import EvaluationVocabulary

WORDS: tuple[str, ...] = (*CLASSES, *HELD_OUT_GARMENTS)
"""Name of each class id of a generated scene."""

SEEDS = 9_000_000_000
"""Where the evaluation's seeds begin; training draws from below."""

SIZE = (384, 512)
"""Height and width of scenes with several people."""

UPRIGHT = (512, 384)
"""Height and width of scenes of one or two people."""


class LabelledScene(Protocol):
    """A picture with exact truth: image (H, W, 3) RGB, classes (H, W) ids of `WORDS`, persons (H, W) 1.. ."""

    @property
    def image(self) -> NDArray[np.uint8]: ...
    @property
    def classes(self) -> NDArray[np.uint8]: ...
    @property
    def persons(self) -> NDArray[np.uint8]: ...


class LooseScene(LabelledScene, Protocol):
    """One person, and garments that nobody wears: loose (H, W) is True on these."""

    @property
    def loose(self) -> NDArray[np.bool_]: ...


class MakesScenes(Protocol):
    """Draws scenes, each a pure function of its seed."""

    def make(
        self, seed: int, size: tuple[int, int], *, people: int | None = None, portrait: bool = False
    ) -> LabelledScene: ...
    def make_standalone(self, seed: int, size: tuple[int, int]) -> LooseScene: ...


@dataclass(frozen=True, slots=True)
class Draw:
    """Which scenes: how many, from which seed on, with how many people each, at which size (H, W)."""

    count: int
    first: int
    people: tuple[int, ...]
    size: tuple[int, int]

    def scenes(self, maker: MakesScenes) -> Iterator[LabelledScene]:
        """Scene after scene; the numbers of people take turns."""
        for i in range(self.count):
            yield maker.make(self.first + i, self.size, people=self.people[i % len(self.people)])


def groups(count: int) -> Draw:
    """Two to six people, in turn."""
    return Draw(count, SEEDS, (2, 3, 4, 5, 6), SIZE)


def unseen(count: int) -> Draw:
    """One or two people, in turn."""
    return Draw(count, SEEDS + 100_000, (1, 2), UPRIGHT)


def standalone(maker: MakesScenes, count: int) -> Iterator[LooseScene]:
    """One person beside garments that nobody wears."""
    for i in range(count):
        yield maker.make_standalone(SEEDS + 200_000 + i, SIZE)


def scene_table(vocabulary: EvaluationVocabulary) -> NDArray[np.uint8]:
    """(256,) class of the vocabulary for each id of `WORDS`; IGNORE where no prompt stands for it.

    Body parts are 'skin' where the vocabulary asks that.
    """
    table = np.full(256, IGNORE, np.uint8)
    for i, word in enumerate(WORDS):
        if word in BODY and word not in vocabulary.prompts:
            word = "skin"
        table[i] = 0 if i == 0 else vocabulary.class_of_label(word) if word in LABELS else IGNORE
    return table
