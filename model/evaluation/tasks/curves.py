"""How the pixels' score falls in the dark, and with words left out."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import CcpItem
from model.evaluation.metrics.pixels import class_accuracy, class_iou, confusion, mean
from model.evaluation.result import Result
from model.evaluation.tasks.semantic import SemanticTask
from model.evaluation.tasks.task import painted
from model.evaluation.vocabularies import EvaluationVocabulary
from model.parsing import Parsing, Query

Plane = NDArray[np.uint8]

GAMMAS: tuple[float, ...] = (0.75, 0.5, 0.25)
"""Those of the method's paper; 1 changes nothing."""

DROPPED = 0.3
"""Share of a picture's phrases that is left out, as in the method's paper."""


def darkened(image: Plane, gamma: float) -> Plane:
    """The picture (H, W, 3) with values v in 0..1 raised to 1 / gamma: under-exposed for a gamma below 1."""
    if not gamma > 0:
        raise ValueError(f"gamma must be above 0, not {gamma}")
    table = np.round(255 * (np.arange(256) / 255) ** (1 / gamma)).astype(np.uint8)
    return table[image]


def exposure_result(by_gamma: dict[float, SemanticTask]) -> Result:
    """mIoU and mAcc at each gamma, and the share of the brightest one's mIoU that is left."""
    scores = {g: class_iou(task.matrix) for g, task in sorted(by_gamma.items(), reverse=True)}
    best = mean(next(iter(scores.values())))
    rows = tuple(
        (f"gamma {g:g}", (mean(iou), mean(class_accuracy(by_gamma[g].matrix)), mean(iou) / best))
        for g, iou in scores.items()
    )
    summary = {f"mIoU at gamma {g:g}": mean(iou) for g, iou in scores.items()}
    return Result("exposure", summary, ("mIoU", "mAcc", "of the first"), rows)


class PhraseTask:
    """One side of prompt dropping: the picture's own phrases are asked, all of them or all but the dropped.

    Either way the score is that of the phrases that remain: a pixel of a dropped one is background in truth,
    and in the answer too where it was asked. So the two sides differ by what the missing words do
    to the others, not by what they were.
    """

    def __init__(self, vocabulary: EvaluationVocabulary, *, drop: bool, seed: int = 0) -> None:
        self.name = "phrases left out" if drop else "all phrases"
        self.vocabulary = vocabulary
        self.drop = drop
        self.seed = seed
        self.matrix = np.zeros((len(vocabulary.names),) * 2, np.int64)

    def split(self, item: CcpItem) -> tuple[list[int], list[int]]:
        """Classes of the picture that remain, and those left out: the same for the same seed and id."""
        there = np.unique(self.vocabulary.truth(item.labels))
        classes = [int(c) for c in there if 0 < c < len(self.vocabulary.names)]
        count = min(round(DROPPED * len(classes)), len(classes) - 1)
        rng = np.random.default_rng([self.seed, crc32(item.id.encode())])
        out = set(rng.permutation(classes)[:count].tolist()) if count > 0 else set()
        return [c for c in classes if c not in out], sorted(out)

    def ask(self, truth: CcpItem, /) -> Query:
        remaining, dropped = self.split(truth)
        asked = remaining if self.drop else sorted(remaining + dropped)
        # A picture without any class of the vocabulary is asked all of it.
        prompts = tuple(self.vocabulary.prompts[c - 1] for c in asked)
        return Query(prompts=prompts or self.vocabulary.prompts)

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        _, dropped = self.split(truth)
        classes, predicted = self.vocabulary.truth(truth.labels), painted(parsing, self.vocabulary)
        for plane in (classes, predicted):
            plane[np.isin(plane, dropped)] = 0
        self.matrix += confusion(classes, predicted, len(self.matrix))

    def result(self) -> Result:
        return Result(self.name, {"mIoU": mean(class_iou(self.matrix))})


def dropping_result(whole: PhraseTask, dropped: PhraseTask) -> Result:
    """mIoU of the remaining phrases with all asked, with 30 % left out, and the difference in points."""
    before, after = (mean(class_iou(task.matrix)) for task in (whole, dropped))
    rows = tuple(
        (task.name, (score, mean(class_accuracy(task.matrix))))
        for task, score in ((whole, before), (dropped, after))
    )
    summary = {
        "mIoU, all phrases asked": before,
        "mIoU, 30 % left out": after,
        "loss in points": 100 * (before - after),
    }
    return Result("dropping", summary, ("mIoU", "mAcc"), rows)
