"""Instances as COCO judges them: mAP over IoU .50 to .95 and AR with up to a hundred found a picture."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model.evaluation.metrics.pixels import Mask

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One mask (H, W) of one class; score 0..1 where it was found."""

    class_: int
    mask: Mask
    score: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class InstanceScores:
    """By class (C,), nan where truth never has it.

    precision: AP, mean over IoU .50, .55 ... .95; at_half: AP at .50; recall: AR of up to a hundred
    instances a picture, mean over the same IoUs.
    """

    precision: Floats
    at_half: Floats
    recall: Floats


class Instances:
    """Collects the instances of picture after picture and has pycocotools compare them.

    Letters: C classes, of which 0 is background and no instance.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.sizes: list[tuple[int, int]] = []
        self.truth: list[dict[str, Any]] = []
        self.found: list[dict[str, Any]] = []

    def add(self, truth: Iterable[Instance], found: Iterable[Instance], ignore: Mask) -> None:
        """One picture. ignore (H, W): where nobody knows; what was found mostly there counts neither way."""
        self.sizes.append((ignore.shape[0], ignore.shape[1]))
        for notes, instances in ((self.truth, truth), (self.found, found)):
            for instance in instances:
                self._note(notes, instance.class_, _encoded(instance.mask), score=instance.score)
        if ignore.any():
            unknown = _encoded(ignore)
            for class_ in range(1, self.classes):
                self._note(self.truth, class_, unknown, iscrowd=1)

    def _note(
        self,
        notes: list[dict[str, Any]],
        class_: int,
        mask: dict[str, Any],
        *,
        iscrowd: int = 0,
        score: float = 1.0,
    ) -> None:
        if not 0 < class_ < self.classes:
            raise ValueError(f"an instance's class must lie in 1..{self.classes - 1}, not {class_}")
        notes.append(
            {
                "id": len(notes) + 1,
                "image_id": len(self.sizes),
                "category_id": class_,
                "segmentation": mask,
                "area": int(rle.area(mask)),
                "iscrowd": iscrowd,
                "score": score,
            }
        )

    def scores(self) -> InstanceScores:
        """What COCO's evaluation makes of all pictures so far."""
        with redirect_stdout(io.StringIO()):  # it tells of its progress
            judge = COCOeval(self._coco(self.truth), self._coco(self.found), "segm")
            judge.params.imgIds = list(range(1, len(self.sizes) + 1))
            judge.params.catIds = list(range(1, self.classes))
            judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
            judge.params.maxDets = [100]
            judge.evaluate()
            judge.accumulate()
        precision = _defined(judge.eval["precision"][..., 0, 0])  # (thresholds, recalls, C - 1)
        recall = _defined(judge.eval["recall"][..., 0, 0])  # (thresholds, C - 1)
        return InstanceScores(
            precision=_with_background(precision.mean(axis=(0, 1))),
            at_half=_with_background(precision[0].mean(axis=0)),
            recall=_with_background(recall.mean(axis=0)),
        )

    def _coco(self, notes: list[dict[str, Any]]) -> COCO:
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i, "height": h, "width": w} for i, (h, w) in enumerate(self.sizes, 1)],
            "categories": [{"id": i} for i in range(1, self.classes)],
            "annotations": [dict(note) for note in notes],  # COCOeval writes into them
        }
        coco.createIndex()
        return coco


def _encoded(mask: Mask) -> dict[str, Any]:
    return rle.encode(np.asfortranarray(mask, dtype=np.uint8))


def _defined(values: Floats) -> Floats:
    """nan where COCO says -1: a class that truth never has."""
    return np.where(values < 0, np.nan, values)


def _with_background(values: Floats) -> Floats:
    return np.concatenate([[np.nan], values])
