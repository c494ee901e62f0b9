"""Are the body's parts right?"""

from __future__ import annotations

import numpy as np

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
