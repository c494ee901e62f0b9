"""Generated scenes for measuring: what they offer, which are drawn, and how their truth maps to words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import BODY, IGNORE, LABELS, CcpDataset
from model.data.synthetic.scene import SYNTHETIC_CLASSES
from model.evaluation.vocabularies import EvaluationVocabulary

WORDS: tuple[str, ...] = SYNTHETIC_CLASSES
"""Name of each class id of a generated scene."""

SEEDS = 9_000_000_000
"""Where the evaluation's seeds begin; training draws from below."""

SIZE = (384, 512)
"""Height and width of scenes with several people."""

UPRIGHT = (512, 384)
"""Height and width of scenes of one or two people."""


class LabelledScene(Protocol):
    """A picture with exact truth.

    image (H, W, 3) RGB; classes (H, W) ids of `WORDS`; persons (H, W) 1.., 0 nobody; loose (H, W) garments
    that nobody wears, whose class and person are 0.
    """

    @property
    def image(self) -> NDArray[np.uint8]: ...
    @property
    def classes(self) -> NDArray[np.uint8]: ...
    @property
    def persons(self) -> NDArray[np.uint8]: ...
    @property
    def loose(self) -> NDArray[np.bool_]: ...


class MakesScenes(Protocol):
    """Draws scenes, each a pure function of its seed."""

    def make(
        self, seed: int, size: tuple[int, int], *, people: int | None = None, portrait: bool = False
    ) -> LabelledScene: ...
    def make_standalone(self, seed: int, size: tuple[int, int]) -> LabelledScene: ...


@dataclass(frozen=True, slots=True)
class Shot:
    """One scene to draw: seed, size (H, W), and how many people; None for one beside loose garments."""

    seed: int
    size: tuple[int, int]
    people: int | None

    def taken(self, maker: MakesScenes) -> LabelledScene:
        """The scene."""
        if self.people is None:
            return maker.make_standalone(self.seed, self.size)
        return maker.make(self.seed, self.size, people=self.people)


def groups(count: int) -> list[Shot]:
    """Two to six people, in turn."""
    return [Shot(SEEDS + i, SIZE, 2 + i % 5) for i in range(count)]


def unseen(count: int) -> list[Shot]:
    """One or two people, in turn."""
    return [Shot(SEEDS + 100_000 + i, UPRIGHT, 1 + i % 2) for i in range(count)]


def standalone(count: int) -> list[Shot]:
    """One person beside garments that nobody wears."""
    return [Shot(SEEDS + 200_000 + i, SIZE, None) for i in range(count)]


def places(dataset: CcpDataset, count: int = 24) -> list[NDArray[np.uint8]]:
    """Parts of photos without people, as backgrounds: full height, as wide as nobody stands there.

    Of the first fully labelled photos that have such a part of at least a quarter of their width; a margin of
    a twentieth of the width is left beside people.
    """
    found: list[NDArray[np.uint8]] = []
    for id_ in dataset.ids:
        labels = dataset.labels(id_)
        left, right = _empty_columns(labels)
        if right - left >= labels.shape[1] // 4 and not (labels == IGNORE).any():
            found.append(dataset.load(id_).image[:, left:right])
        if len(found) == count:
            break
    return found


def _empty_columns(labels: NDArray[np.uint8]) -> tuple[int, int]:
    """The wider side (first column, column after the last) beside all that is labelled, less the margin."""
    used = np.flatnonzero((labels > 0).any(axis=0))
    width, margin = labels.shape[1], labels.shape[1] // 20
    if not used.size:
        return 0, width
    sides = (0, int(used[0]) - margin), (int(used[-1]) + 1 + margin, width)
    return max(sides, key=lambda side: side[1] - side[0])


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
