"""What is measured, task by task: each asks the parser one question and counts the answers.

Tasks that ask the same question share one answer; see `model.evaluation.run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import BODY, CLASSES, IGNORE, CcpItem, class_map
from model.evaluation.composites import Composite
from model.evaluation.metrics import (
    PartCount,
    PartRule,
    PersonOverlap,
    class_accuracy,
    class_iou,
    confusion,
    count_parts,
    match_persons,
    mean,
    person_overlap,
)
from model.evaluation.vocabularies import CCP19, CCP19_SYNONYMS, SYNONYMS, EvaluationVocabulary
from model.parsing import Parsing, Query

Truth = TypeVar("Truth", contravariant=True)


@dataclass(frozen=True, slots=True)
class Result:
    """What a task found: a few numbers by name, and a table of named rows.

    Shares lie in 0..1 as float, nan where undefined; counts are int.
    """

    task: str
    summary: dict[str, float]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[float, ...]], ...] = ()


class Task(Protocol[Truth]):
    """One measurement over pictures with truth of one sort."""

    name: str
    query: Query

    def add(self, truth: Truth, parsing: Parsing) -> None:
        """Count the answer to `query` on the picture of this truth."""

    def result(self) -> Result:
        """What the answers so far come to."""


def painted(parsing: Parsing, vocabulary: EvaluationVocabulary) -> NDArray[np.uint8]:
    """Classes (H, W): every segment's pixels in the class of its label, background elsewhere."""
    table = np.zeros(int(parsing.segment_map.max(initial=0)) + 1, np.uint8)
    for segment in parsing.segments:
        if segment.id < len(table):
            table[segment.id] = vocabulary.class_of_prompt(segment.label)
    return table[parsing.segment_map]


class SemanticTask:
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


def matrix_result(task: str, matrix: NDArray[np.int64], names: tuple[str, ...]) -> Result:
    """mIoU and mAcc, and for each class its IoU, accuracy, and share of the counted pixels."""
    iou, accuracy = class_iou(matrix), class_accuracy(matrix)
    share = matrix.sum(axis=1) / max(1, matrix.sum())
    rows = zip(names, zip(iou.tolist(), accuracy.tolist(), share.tolist(), strict=True), strict=True)
    return Result(
        task,
        {"mIoU": mean(iou), "mAcc": mean(accuracy), "classes": int(np.count_nonzero(~np.isnan(iou)))},
        ("IoU", "accuracy", "share of pixels"),
        tuple(rows),
    )


class SynonymTask:
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


class PersonTask:
    """Is the labelled person's mask right? Means over pictures, see `PersonOverlap`."""

    name = "persons"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19) -> None:
        self.query = Query(prompts=vocabulary.prompts)
        self.overlaps: list[PersonOverlap] = []

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        mask, valid = truth.labels > 0, truth.labels != IGNORE
        self.overlaps.append(person_overlap(parsing.person_map, mask & valid, valid))

    def result(self) -> Result:
        return Result(
            self.name,
            {
                "IoU of the best person": mean([o.best for o in self.overlaps]),
                "IoU of the matching persons together": mean([o.union for o in self.overlaps]),
                "pictures with one matching person": mean([float(o.matching == 1) for o in self.overlaps]),
                "pictures with none": mean([float(o.matching == 0) for o in self.overlaps]),
                "lowest IoU of the best person": min((o.best for o in self.overlaps), default=float("nan")),
            },
        )


class PartTask:
    """Are the body's parts right? IoU of face, arm, hand, torso, leg, foot (skin with a part) and hair.

    The parts' truth is a pseudo-label within true skin. All else is 'other'; skin of no part is ignored.
    The means leave 'other' out: it is nearly the whole picture.
    """

    name = "parts"
    classes = ("other", *BODY, "hair")

    def __init__(self) -> None:
        self.query = Query(prompts=self.classes[1:])
        self.matrix = np.zeros((len(self.classes),) * 2, np.int64)
        self._table = np.array([self._class(name) for name in CLASSES] + [0] * (256 - len(CLASSES)), np.uint8)
        self._table[IGNORE] = IGNORE

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        predicted = np.zeros(parsing.segment_map.shape, np.uint8)
        for segment in parsing.segments:
            predicted[parsing.segment_map == segment.id] = self._class(segment.label)
        self.matrix += confusion(self._table[class_map(truth)[0]], predicted, len(self.classes))

    def result(self) -> Result:
        full = matrix_result(self.name, self.matrix, self.classes)
        iou, accuracy = class_iou(self.matrix)[1:], class_accuracy(self.matrix)[1:]
        summary: dict[str, float] = {"mIoU of the parts": mean(iou), "mAcc of the parts": mean(accuracy)}
        return Result(self.name, summary, full.columns, full.rows)

    def _class(self, name: str) -> int:
        return self.classes.index(name) if name in self.classes else 0


class CompositeTask:
    """Two people side by side: are they two, and does each own what they wear? See `count_parts`."""

    name = "composites"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19, rule: PartRule | None = None) -> None:
        self.vocabulary = vocabulary
        self.query = Query(prompts=vocabulary.prompts)
        self.rule = rule or PartRule()
        self.persons: list[int] = []
        self.counts: dict[int, PartCount] = {}

    def add(self, truth: Composite, parsing: Parsing) -> None:
        matched = {f: t for t, f in match_persons(truth.owner, parsing.person_map).items()}
        segments = {
            s.id: (self.vocabulary.class_of_prompt(s.label), matched.get(s.person_id, 0))
            for s in parsing.segments
        }
        classes = self.vocabulary.truth(truth.labels)
        counts = count_parts(classes, truth.owner, parsing.segment_map, segments, self.rule)
        for class_, count in counts.items():
            self.counts[class_] = self.counts.get(class_, PartCount()) + count
        self.persons.append(len(parsing.persons))

    def result(self) -> Result:
        total = sum(self.counts.values(), PartCount())
        return Result(
            self.name,
            {
                "composites": len(self.persons),
                "two persons found": mean([float(n == 2) for n in self.persons]),
                "mean persons found": mean([float(n) for n in self.persons]),
                "right person, of parts found": total.right_of_found,
                "right person, of all parts": total.right_of_all,
            },
            ("parts", "found", "right person", "right of found"),
            tuple(
                (self.vocabulary.names[i], (c.parts, c.found, c.right, c.right_of_found))
                for i, c in sorted(self.counts.items())
            ),
        )


class EmptyTask:
    """Pictures without people: every person or segment is one too many. The truth is the picture's name."""

    name = "empty"

    def __init__(self, query: Query | None = None) -> None:
        self.query = query or Query()
        self.answers: list[tuple[str, tuple[int, int]]] = []

    def add(self, truth: str, parsing: Parsing) -> None:
        self.answers.append((truth, (len(parsing.persons), len(parsing.segments))))

    def result(self) -> Result:
        clean = sum(counts == (0, 0) for _, counts in self.answers)
        summary: dict[str, float] = {"pictures": len(self.answers), "with no person and no segment": clean}
        return Result(self.name, summary, ("persons", "segments"), tuple(self.answers))
