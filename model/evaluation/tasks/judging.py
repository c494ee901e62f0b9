"""Two labellings of the same pictures against each other: as pixels, as instances, and as both at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE
from model.evaluation.metrics.instances import Instance, Instances
from model.evaluation.metrics.panoptic import PanopticCount, panoptic
from model.evaluation.metrics.pixels import class_accuracy, class_iou, confusion, mean
from model.evaluation.result import Result
from model.evaluation.tasks.task import painted, part_owners
from model.evaluation.vocabularies import EvaluationVocabulary
from model.parsing import Parsing

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Labelling:
    """One side of a comparison: class (H, W), whose it is (H, W), and the score of each (class, owner)."""

    classes: Plane
    owner: NDArray[np.integer]
    scores: dict[tuple[int, int], float]


class Judge:
    """Sums up comparisons over the same classes (0 is background); a class of a person is one instance."""

    def __init__(self, classes: int) -> None:
        self.matrix = np.zeros((classes, classes), np.int64)
        self.instances = Instances(classes)
        self.panoptic = PanopticCount.zero(classes)

    def add(self, truth: Labelling, found: Labelling) -> None:
        """Count one picture; pixels of truth IGNORE count nowhere."""
        classes = len(self.matrix)
        self.matrix += confusion(truth.classes, found.classes, classes)
        own = [np.where(side.classes > 0, side.owner, 0) for side in (truth, found)]
        self.panoptic += panoptic((truth.classes, own[0]), (found.classes, own[1]), classes)
        self.instances.add(_instances(truth), _instances(found), truth.classes == IGNORE)

    def result(self, task: str, names: tuple[str, ...], chosen: list[int]) -> Result:
        """Means over the chosen classes, and a row for each of them."""
        scores = self.instances.scores()
        by_class = {
            "IoU": class_iou(self.matrix),
            "accuracy": class_accuracy(self.matrix),
            "AP": scores.precision,
            "AP_50": scores.at_half,
            "AR@100": scores.recall,
            "PQ": self.panoptic.quality,
        }
        titles = ("mIoU", "mAcc", "mAP", "mAP_50", "AR@100", "PQ")
        return Result(
            task,
            {t: mean(values[chosen]) for t, values in zip(titles, by_class.values(), strict=True)},
            tuple(by_class),
            tuple((names[i], tuple(float(values[i]) for values in by_class.values())) for i in chosen),
        )


def persons_found(parsing: Parsing) -> Labelling:
    """Class 1 wherever there is a person."""
    return Labelling(
        (parsing.person_map > 0).astype(np.uint8),
        parsing.person_map,
        {(1, person.id): person.score for person in parsing.persons},
    )


def parts_found(parsing: Parsing, vocabulary: EvaluationVocabulary) -> Labelling:
    """The classes of a vocabulary wherever there is a segment.

    A class of a person in several segments is as sure as the surest of them.
    """
    scores: dict[tuple[int, int], float] = {}
    for segment in parsing.segments:
        key = (vocabulary.class_of_prompt(segment.label), segment.person_id)
        scores[key] = max(segment.score, scores.get(key, 0.0))
    return Labelling(painted(parsing, vocabulary), part_owners(parsing), scores)


def _instances(side: Labelling) -> list[Instance]:
    """Each class of each person; 1 is the score of what was not scored."""
    key = side.classes.astype(np.int64) + 256 * side.owner.astype(np.int64)
    key[(side.classes == 0) | (side.classes == IGNORE)] = 0
    return [
        Instance(int(k % 256), key == k, side.scores.get((int(k % 256), int(k // 256)), 1.0))
        for k in np.unique(key)
        if k
    ]
