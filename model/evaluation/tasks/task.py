"""What every task is, and how answers become classes.

Tasks that ask the same question share one answer; see `model.evaluation.feeding`.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.evaluation.metrics.pixels import class_accuracy, class_iou, mean
from model.evaluation.result import Result
from model.evaluation.vocabularies import EvaluationVocabulary
from model.parsing import Parsing, Query

Truth = TypeVar("Truth", contravariant=True)


class Task(Protocol[Truth]):
    """One measurement over pictures with truth of one sort."""

    name: str

    def ask(self, truth: Truth, /) -> Query:
        """The question to put to the picture of this truth."""

    def add(self, truth: Truth, parsing: Parsing) -> None:
        """Count the answer to that question."""

    def result(self) -> Result:
        """What the answers so far come to."""


class OneQuestion:
    """What tasks share that ask every picture the same."""

    query: Query

    def ask(self, _truth: object, /) -> Query:
        """`query`, whatever the picture shows."""
        return self.query


def painted(parsing: Parsing, vocabulary: EvaluationVocabulary) -> NDArray[np.uint8]:
    """Classes (H, W): every segment's pixels in the class of its label, background elsewhere."""
    table = np.zeros(int(parsing.segment_map.max(initial=0)) + 1, np.uint8)
    for segment in parsing.segments:
        if segment.id < len(table):
            table[segment.id] = vocabulary.class_of_prompt(segment.label)
    return table[parsing.segment_map]


def part_owners(parsing: Parsing) -> NDArray[np.uint16]:
    """(H, W) id of the person that the segment of each pixel hangs on, 0 where there is no segment."""
    table = np.zeros(int(parsing.segment_map.max(initial=0)) + 1, np.uint16)
    for segment in parsing.segments:
        if segment.id < len(table):
            table[segment.id] = segment.person_id
    return table[parsing.segment_map]


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
        matrix,
    )
