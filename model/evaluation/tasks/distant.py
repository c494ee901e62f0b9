"""People who are small in a picture: are they found, and what they wear?"""

from __future__ import annotations

import numpy as np

from model.evaluation.distant import SHARES, Distant
from model.evaluation.metrics.humans import average_precision
from model.evaluation.metrics.pixels import class_iou, mean
from model.evaluation.result import Result
from model.evaluation.tasks.groups import PeopleTask, Plane
from model.evaluation.tasks.task import OneQuestion
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query


class _AtOneShare(PeopleTask[Distant]):
    name = "distant"

    def people(self, truth: Distant) -> tuple[Plane, Plane]:
        return self.vocabulary.truth(truth.labels), (truth.labels > 0).astype(np.uint8)


class DistantTask(OneQuestion):
    """mIoU, AP^p_50 and the share of pictures with one person found, by the person's share of the height."""

    name = "distant"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19) -> None:
        self.query = Query(prompts=vocabulary.prompts)
        self.by_share = {share: _AtOneShare(vocabulary) for share in SHARES}

    def add(self, truth: Distant, parsing: Parsing) -> None:
        self.by_share[truth.share].add(truth, parsing)

    def result(self) -> Result:
        rows = []
        for share, task in self.by_share.items():
            found = mean([float(number == 1) for _, number in task.persons])
            miou = mean(class_iou(task.parts.matrix))
            rows.append((f"1/{round(1 / share)}", (found, miou, average_precision(task.overlaps, 0.5))))
        summary: dict[str, float] = {"pictures": sum(len(task.persons) for task in self.by_share.values())}
        summary |= {f"mIoU, person of {name} of the height": values[1] for name, values in rows}
        return Result(self.name, summary, ("one person found", "mIoU", "AP^p_50"), tuple(rows))
