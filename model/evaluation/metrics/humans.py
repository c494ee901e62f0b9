"""Multi-human parsing: AP^p and PCP, which judge a person by the parts that hang on them.

Source: Li et al., 'Multiple-Human Parsing in the Wild', arXiv 1705.07206. A person's IoU is the mean over the
part classes that either side has, so that an invented garment costs as much as a missed one. Background is no
part. Published figures come from code that averages it in as one more class, which lifts every score, so that
figure is there too.

Letters: H, W picture, C classes (0 background), T true people, F found people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from model.data.ccp import IGNORE

VOLUME: tuple[float, ...] = tuple(i / 10 for i in range(1, 10))
"""The thresholds over which AP^p_vol is the mean."""


@dataclass(frozen=True, slots=True, eq=False)
class PartOverlaps:
    """How the people found in one picture agree with the true ones, part by part.

    iou (T, F, C): of the pixels of that class, nan where neither person has it and for background; around
    (T, F): of the pixels that are no part of the person; there (T, C): which classes the true person has;
    scores (F,) of the people found.
    """

    iou: NDArray[np.float64]
    around: NDArray[np.float64]
    there: NDArray[np.bool_]
    scores: NDArray[np.float64]

    def person(self, *, background: bool = False) -> NDArray[np.float64]:
        """(T, F) mean IoU over the classes that either of the two has: what AP^p takes for a person's IoU."""
        known = ~np.isnan(self.iou)
        total, count = np.where(known, self.iou, 0.0).sum(axis=2), known.sum(axis=2)
        if background:
            total, count = total + self.around, count + 1
        return total / np.maximum(1, count)


def part_overlaps(
    truth: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    found: tuple[NDArray[np.uint8], NDArray[np.uint16]],
    scores: dict[int, float],
    classes: int,
) -> PartOverlaps:
    """truth, found: classes (H, W) and whose they are (H, W), 0 nobody's; scores: found person -> 0..1.

    Pixels of truth IGNORE count nowhere. A true person without a part, and a found one who stands on ignored
    pixels only, are left out. `found` holds for each pixel the person that its *part* hangs on.
    """
    valid = truth[0] != IGNORE
    true_ids = [int(i) for i in np.unique(truth[1][valid & (truth[0] > 0)]) if i]
    everywhere = {int(i) for i in np.unique(found[1][~valid])} - {int(i) for i in np.unique(found[1][valid])}
    found_ids = [i for i in sorted(scores) if i not in everywhere]
    rows = _codes(truth[0][valid], truth[1][valid], true_ids, classes)
    columns = _codes(found[0][valid], found[1][valid], found_ids, classes)
    shape = (len(true_ids) + 1, classes, len(found_ids) + 1, classes)
    wide = shape[2] * classes
    joint = np.bincount(rows * wide + columns, minlength=shape[0] * classes * wide).reshape(shape)
    both = np.einsum("tcfc->tfc", joint)[1:, 1:].astype(np.float64)
    true_area, found_area = joint.sum(axis=(2, 3))[1:], joint.sum(axis=(0, 1))[1:]
    union = true_area[:, None] + found_area[None] - both
    iou = np.divide(both, union, out=np.full(both.shape, np.nan), where=union > 0)
    iou[:, :, 0] = np.nan
    shared = joint[1:, 1:, 1:, 1:].sum(axis=(1, 3))
    either = true_area[:, None, 1:].sum(axis=2) + found_area[None, :, 1:].sum(axis=2) - shared
    around = (rows.size - either) / np.maximum(1, rows.size - shared)
    there = true_area > 0
    there[:, 0] = False
    return PartOverlaps(iou, around, there, np.array([scores[i] for i in found_ids], np.float64))


def average_precision(
    pictures: Sequence[PartOverlaps], threshold: float, *, background: bool = False
) -> float:
    """AP^p: people found, by falling score over all pictures, are right if their IoU exceeds the threshold.

    Each is held against the true person of the picture with whom their IoU is greatest; a second one for the
    same person is wrong. The area lies under the precision that never falls with falling recall (every
    recall step counted, as PASCAL VOC does since 2010). `background` averages it in as one more class, as
    published figures do. nan without a true person.
    """
    people = sum(len(p.iou) for p in pictures)
    if not people:
        return float("nan")
    found = [(-s, i, j) for i, p in enumerate(pictures) for j, s in enumerate(p.scores.tolist())]
    person = [p.person(background=background) for p in pictures]
    taken: set[tuple[int, int]] = set()
    right = np.zeros(len(found), np.bool_)
    for place, (_, picture, j) in enumerate(sorted(found)):
        ious = person[picture][:, j]
        best = int(ious.argmax()) if ious.size else -1
        if best >= 0 and ious[best] > threshold and (picture, best) not in taken:
            taken.add((picture, best))
            right[place] = True
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[right].sum() / people)


def average_precision_volume(pictures: Sequence[PartOverlaps]) -> float:
    """AP^p_vol: mean of AP^p over the thresholds .1 to .9."""
    return float(np.mean([average_precision(pictures, t) for t in VOLUME]))


def correct_parts(pictures: Sequence[PartOverlaps], threshold: float) -> float:
    """PCP: share of a person's true parts whose IoU exceeds the threshold, mean over all true people.

    True and found people are matched one to one so that the sum of their IoUs is greatest; all parts of a
    person without a match are missed. nan without a true person.
    """
    shares: list[float] = []
    for picture in pictures:
        person, right = picture.person(), np.zeros(picture.there.shape, np.bool_)
        for t, f in zip(*linear_sum_assignment(person, maximize=True), strict=True):
            right[t] = picture.there[t] & (np.nan_to_num(picture.iou[t, f]) > threshold)
        shares += (right.sum(axis=1) / picture.there.sum(axis=1)).tolist()
    return float(np.mean(shares)) if shares else float("nan")


def _codes(
    classes: NDArray[np.uint8], owner: NDArray[np.integer], ids: Sequence[int], count: int
) -> NDArray[np.int64]:
    """One number a pixel for (place of its owner in ids, from 1, 0 for none; its class)."""
    place = np.zeros(max(1, int(owner.max(initial=0)) + 1), np.int64)
    for i, id_ in enumerate(ids, 1):
        if id_ < len(place):
            place[id_] = i
    return place[owner] * count + classes
