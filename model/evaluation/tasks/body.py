"""Are the body's parts right?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import BODY, CLASSES, IGNORE, CcpItem, class_map
from model.evaluation.metrics.pixels import class_accuracy, class_iou, confusion, mean
from model.evaluation.result import Result
from model.evaluation.tasks.task import OneQuestion, matrix_result
from model.parsing import Parsing, Query


class PartTask(OneQuestion):
    """Are the body's parts right? IoU of face, arm, hand, torso, leg, foot (skin with a part) and hair.

    The parts' truth is a pseudo-label within true skin. All else is 'other'; skin of no part is ignored.
    The means leave 'other' out: it is nearly the whole picture.
    """

    name = "parts"
    classes = ("other", *BODY, "hair")

    def __init__(self) -> None:
        self.query = Query(prompts=self.classes[1:])
        self.matrix = np.zeros((len(self.classes),) * 2, np.int64)
        self._table = np.array(
            [self.class_of(name) for name in CLASSES] + [0] * (256 - len(CLASSES)), np.uint8
        )
        self._table[IGNORE] = IGNORE

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        self.matrix += confusion(self.truth(truth), self.painted(parsing), len(self.classes))

    def truth(self, item: CcpItem) -> NDArray[np.uint8]:
        """`classes` (H, W) of a photo, IGNORE where it is unknown."""
        return self._table[class_map(item)[0]]

    def painted(self, parsing: Parsing) -> NDArray[np.uint8]:
        """`classes` (H, W) of an answer."""
        table = np.zeros(int(parsing.segment_map.max(initial=0)) + 1, np.uint8)
        for segment in parsing.segments:
            if segment.id < len(table):
                table[segment.id] = self.class_of(segment.label)
        return table[parsing.segment_map]

    def result(self) -> Result:
        full = matrix_result(self.name, self.matrix, self.classes)
        iou, accuracy = class_iou(self.matrix)[1:], class_accuracy(self.matrix)[1:]
        summary: dict[str, float] = {"mIoU of the parts": mean(iou), "mAcc of the parts": mean(accuracy)}
        return Result(self.name, summary, full.columns, full.rows)

    def class_of(self, name: str) -> int:
        """Place of a name in `classes`; 0 for any other."""
        return self.classes.index(name) if name in self.classes else 0
