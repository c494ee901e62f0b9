"""People against people: whether a labelled person was found, and who was found for whom.

Letters: H, W picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from model.evaluation.metrics.pixels import Mask, mask_iou


@dataclass(frozen=True, slots=True)
class PersonOverlap:
    """How the persons found agree with one labelled person.

    best: IoU of the person that matches best (0 when none was found); union: IoU of all matching persons
    together, a person matching when at least half of it lies on the labelled one, so that a body
    found in two pieces is told from a body not found; matching: how many did.
    """

    best: float
    union: float
    matching: int


def person_overlap(person_map: NDArray[np.uint16], truth: Mask, valid: Mask) -> PersonOverlap:
    """person_map (H, W) ids, truth (H, W) the labelled person; pixels outside `valid` never count.

    A person who stands on ignored pixels only is somebody whom the dataset did not label: no match, no loss.
    """
    masks = [(person_map == id_) & valid for id_ in np.unique(person_map) if id_]
    inside = [m for m in masks if m.any() and np.count_nonzero(m & truth) >= 0.5 * np.count_nonzero(m)]
    best = max((mask_iou(m, truth, valid) for m in masks), default=0.0)
    together = np.logical_or.reduce(inside) if inside else np.zeros_like(truth)
    return PersonOverlap(best=best, union=mask_iou(together, truth, valid), matching=len(inside))


def match_persons(owner: NDArray[np.uint8], person_map: NDArray[np.uint16]) -> dict[int, int]:
    """True person -> person found, one to one, so that the sum of their IoUs is greatest.

    owner (H, W) 1..n for the true persons, 0 for none. A true person that overlaps nobody is left out.
    """
    true_ids = [int(i) for i in np.unique(owner) if i]
    found_ids = [int(i) for i in np.unique(person_map) if i]
    ious = np.array([[mask_iou(owner == t, person_map == f) for f in found_ids] for t in true_ids])
    if not ious.size:
        return {}
    pairs = zip(*linear_sum_assignment(ious, maximize=True), strict=True)
    return {true_ids[t]: found_ids[f] for t, f in pairs if ious[t, f] > 0}
