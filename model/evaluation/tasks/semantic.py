"""Does each pixel carry the right class, in the trained wording and in others?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import CcpItem
from model.evaluation.metrics.pixels import class_iou, confusion, mean
from model.evaluation.result import Result
from model.evaluation.tasks.task import OneQuestion, matrix_result, painted
from model.evaluation.vocabularies import CCP19_SYNONYMS, SYNONYMS, EvaluationVocabulary
from model.parsing import Parsing, Query


class SemanticTask(OneQuestion):
    """Does each pixel carry the right class? Confusion over all pictures; mIoU, mAcc, IoU of each class."""

    def __init__(self, vocabulary: EvaluationVocabulary, name: str = "semantic") -> None:
        self.name = name
        self.vocabulary = vocabulary
        self.query = Query(prompts=vocabulary.prompts)
        self.matrix = np.zeros((len(vocabulary.names),) * 2, np.int64)

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        classes = self.vocabulary.truth(truth.labels)
        self.matrix += confusion(classes, painted(parsing, self.vocabulary), len(self.matrix))

    def iou(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """IoU of the classes of these names."""
        return class_iou(self.matrix)[[self.vocabulary.names.index(name) for name in names]]

    def result(self) -> Result:
        return matrix_result(self.name, self.matrix, self.vocabulary.names)


class SynonymTask(OneQuestion):
    """What do words cost that training never showed? The vocabulary's synonyms against its own wording.

    `trained` is the semantic task in the trained wording, which somebody else feeds.
    """

    name = "synonyms"

    def __init__(self, trained: SemanticTask, vocabulary: EvaluationVocabulary = CCP19_SYNONYMS) -> None:
        if trained.vocabulary.classes != vocabulary.classes:
            raise ValueError(f"{vocabulary.name} has other classes than {trained.vocabulary.name}")
        self.trained = trained
        self.reworded = SemanticTask(vocabulary)
        self.query = self.reworded.query

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        self.reworded.add(truth, parsing)

    def result(self) -> Result:
        changed = tuple(SYNONYMS)
        trained, reworded = self.trained.iou(changed), self.reworded.iou(changed)
        before, after = mean(trained), mean(reworded)
        rows = zip(SYNONYMS.items(), zip(trained.tolist(), reworded.tolist(), strict=True), strict=True)
        return Result(
            self.name,
            {
                "mIoU, trained wording": before,
                "mIoU, synonyms": after,
                "loss in percent": 100 * (before - after) / before if before > 0 else float("nan"),
                "mIoU of all classes, synonyms": mean(class_iou(self.reworded.matrix)),
            },
            ("IoU, trained wording", "IoU, synonym"),
            tuple((f"{name} -> {synonym}", values) for (name, synonym), values in rows),
        )
