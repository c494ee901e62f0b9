"""Batches of scenes with their targets, a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model.data.ccp import CLASSES, IGNORE
from model.data.scenes import Kind, Scene, SceneMaker
from model.training.phrases import Phrases

MAX_PHRASES = 9  # K of the paper
UPRIGHT = 0.42  # of the batches: photos of one person are upright, groups are wide
SMALLEST = 24  # pixels of the canvas under which a target is noise


@dataclass(frozen=True, slots=True)
class Batch:
    """pixels (B, 3, H, W) uint8; dense (B, H/4, W/4) prompt ids as `dense_of` gives them.

    masks: per picture (n, H/2, W/2) bool; labels: per picture (n,) ids into the prompts (person is the last).
    phrases: per picture (k, 2) of (prompt id, colour id), k <= 9; colour -1 for none.
    """

    pixels: Tensor
    dense: Tensor
    masks: list[Tensor]
    labels: list[Tensor]
    phrases: list[Tensor]

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return Batch(
            self.pixels.to(device),
            self.dense.to(device),
            [m.to(device) for m in self.masks],
            [n.to(device) for n in self.labels],
            self.phrases,
        )


PROMPTS: tuple[str, ...] = (*CLASSES[1:], "person")
PERSON = len(PROMPTS) - 1
NOTHING = len(PROMPTS)  # the last logit: no object, background


class SceneBatches(Dataset[Batch]):
    """Batch number `step` of a training: photo crops, rows and groups in turn, all of one size."""

    def __init__(
        self,
        maker: SceneMaker,
        phrases: Phrases,
        *,
        seed: int,
        batch: int,
        height: int,
        steps: int,
        empty_share: float = 0.07,
        synthetic_share: float = 0.0,
        window_share: float = 0.0,
        upright_share: float = UPRIGHT,
        most_phrases: int = MAX_PHRASES,
    ) -> None:
        """synthetic_share: of the scenes of groups; of photos of one person a third as many are made.
        window_share: of the upright scenes, those that show one of several people as a closer look does.
        upright_share: of the batches, those whose scenes are higher than wide.
        """
        shares = {"empty_share": empty_share, "synthetic_share": synthetic_share}
        shares |= {"window_share": window_share, "upright_share": upright_share}
        for name, share in shares.items():
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {share}")
        self.empty_share, self.synthetic_share, self.window_share = empty_share, synthetic_share, window_share
        self.upright_share = upright_share
        self.most_phrases = most_phrases
        self.maker, self.phrases = maker, phrases
        self.seed, self.batch, self.height, self.steps = seed, batch, height, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        upright = rng.random() < self.upright_share
        size = self._size(upright)
        scenes = []
        for _ in range(self.batch):
            kind = self._kind(rng, upright)
            scenes.append(self.maker.make(int(rng.integers(2**62)), kind, size))
        return collate(scenes, self.phrases, rng, self.most_phrases)

    def _size(self, upright: bool) -> tuple[int, int]:
        short = self.height * 2 // 3 // 32 * 32
        return (
            (self.height, short)
            if upright
            else (self.height * 7 // 9 // 32 * 32, self.height * 8 // 9 // 32 * 32)
        )

    def _kind(self, rng: np.random.Generator, upright: bool) -> Kind:
        if rng.random() < self.empty_share:
            return "empty"
        if upright and self.window_share and rng.random() < self.window_share:
            return "window"
        if self.synthetic_share and rng.random() < self.synthetic_share * (1 / 3 if upright else 1):
            return "synthetic"
        if upright:
            return "photo"
        return "row" if rng.random() < 1 / 3 else "group"


def collate(
    scenes: list[Scene], phrases: Phrases, rng: np.random.Generator, most_phrases: int = MAX_PHRASES
) -> Batch:
    """Scenes of one size -> a batch with its targets, each caption of at most `most_phrases` phrases."""
    masks, labels, said = zip(*(targets_of(s, phrases, rng) for s in scenes), strict=True)
    said = tuple(phrases_[:most_phrases] for phrases_ in said)
    return Batch(
        torch.from_numpy(np.stack([s.image for s in scenes])).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack([dense_of(s.classes) for s in scenes])),
        list(masks),
        list(labels),
        list(said),
    )


def dense_of(classes: np.ndarray) -> np.ndarray:
    """Class ids (H, W) -> prompt ids (H/4, W/4) int64: background becomes NOTHING, IGNORE stays -100."""
    small = classes[2::4, 2::4].astype(np.int64)
    return np.where(small == IGNORE, -100, np.where(small == 0, NOTHING, small - 1))


def targets_of(scene: Scene, phrases: Phrases, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Masks, labels and spoken phrases of one scene."""
    classes, persons = scene.classes[::2, ::2], scene.persons[::2, ::2]
    masks, labels = [], []
    said: dict[tuple[int, int], int] = {}
    for person in np.unique(persons[persons > 0]):
        body = persons == person
        if body.sum() < SMALLEST:
            continue
        masks.append(body)
        labels.append(PERSON)
        for value in np.unique(classes[body]):
            if value in (0, IGNORE):
                continue
            part = body & (classes == value)
            if (area := int(part.sum())) < SMALLEST // 2:
                continue
            masks.append(part)
            labels.append(int(value) - 1)
            color = phrases.color_of(scene.image[::2, ::2][part]) if rng.random() < 0.7 else -1
            said[(int(value) - 1, color)] = max(area, said.get((int(value) - 1, color), 0))
    largest = sorted(said, key=lambda k: -said[k])[:MAX_PHRASES]
    shape = classes.shape
    return (
        torch.from_numpy(np.stack(masks)) if masks else torch.zeros((0, *shape), dtype=torch.bool),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(largest, dtype=torch.int64).view(-1, 2),
    )
