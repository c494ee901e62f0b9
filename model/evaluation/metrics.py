"""What is counted, and how. Arrays in, numbers out; each definition stands in its docstring.

Letters: H, W picture, C classes. A pixel whose truth is IGNORE counts nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from model.data.ccp import IGNORE

Matrix = NDArray[np.int64]
Mask = NDArray[np.bool_]


def confusion(truth: NDArray[np.uint8], predicted: NDArray[np.integer], classes: int) -> Matrix:
    """Pixels (C, C) by true class (row) and predicted class (column); pixels of truth IGNORE left out.

    truth, predicted (H, W). Matrices of several pictures add up. ValueError for a class outside 0..C-1.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {predicted.shape}")
    valid = truth != IGNORE
    rows, columns = truth[valid].astype(np.int64), predicted[valid].astype(np.int64)
    if rows.size and not (max(rows.max(), columns.max()) < classes and columns.min() >= 0):
        raise ValueError(f"a class lies outside 0..{classes - 1}")
    return np.bincount(rows * classes + columns, minlength=classes * classes).reshape(classes, classes)


def class_iou(matrix: Matrix) -> NDArray[np.float64]:
    """IoU (C,) of each class over all counted pixels: both / either; nan where neither has the class."""
    hits = np.diag(matrix)
    return _ratio(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def class_accuracy(matrix: Matrix) -> NDArray[np.float64]:
    """Share (C,) of each class's true pixels that were predicted as it; nan where truth never has it."""
    return _ratio(np.diag(matrix), matrix.sum(axis=1))


def mean(values: NDArray[np.float64] | list[float]) -> float:
    """Mean of the values that are defined; nan when none is. Of class_iou: mIoU; of class_accuracy: mAcc."""
    array = np.asarray(values, dtype=np.float64)
    defined = array[~np.isnan(array)]
    return float(defined.mean()) if defined.size else float("nan")


def mask_iou(first: Mask, second: Mask, valid: Mask | None = None) -> float:
    """IoU of two masks (H, W) over the valid pixels; nan when both are empty there."""
    if valid is not None:
        first, second = first & valid, second & valid
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else float("nan")


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


@dataclass(frozen=True, slots=True)
class PartCount:
    """True parts, those of them that were found, and those of these that hang on the right person."""

    parts: int = 0
    found: int = 0
    right: int = 0

    def __add__(self, other: PartCount) -> PartCount:
        return PartCount(self.parts + other.parts, self.found + other.found, self.right + other.right)

    @property
    def right_of_found(self) -> float:
        """Share of the found parts that hang on the right person: grouping alone."""
        return self.right / self.found if self.found else float("nan")

    @property
    def right_of_all(self) -> float:
        """Share of all true parts that were found and hang on the right person."""
        return self.right / self.parts if self.parts else float("nan")


@dataclass(frozen=True, slots=True)
class PartRule:
    """When a true part counts (pixels), and when it counts as found (share of it that one segment covers)."""

    min_area: int = 100
    min_cover: float = 0.1


def count_parts(
    classes: NDArray[np.uint8],
    owner: NDArray[np.uint8],
    segment_map: NDArray[np.uint16],
    segments: Mapping[int, tuple[int, int]],
    rule: PartRule | None = None,
) -> dict[int, PartCount]:
    """Whose are the parts? Over one picture, by class.

    A true part is (true person, class other than background) of at least `min_area` pixels. Among the
    segments of that class, the one that covers most of the part speaks for it; the part is found if that is
    at least `min_cover` of it, and right if that segment hangs on the true person.

    classes, owner (H, W); segment_map (H, W) segment ids; segments: id -> (class, true person to whom the
    person that it hangs on was matched, 0 for none).
    """
    rule = rule or PartRule()
    counts: dict[int, PartCount] = {}
    for person in (int(i) for i in np.unique(owner) if i):
        for class_ in (int(c) for c in np.unique(classes[owner == person]) if c not in (0, IGNORE)):
            part = (owner == person) & (classes == class_)
            if np.count_nonzero(part) >= rule.min_area:
                count = _count_part(segment_map[part], class_, person, segments, rule)
                counts[class_] = counts.get(class_, PartCount()) + count
    return counts


def _count_part(
    covered: NDArray[np.uint16],
    class_: int,
    person: int,
    segments: Mapping[int, tuple[int, int]],
    rule: PartRule,
) -> PartCount:
    """Count one true part of class `class_` and true person `person`; covered (pixels of it,) segment ids."""
    ids, pixels = np.unique(covered, return_counts=True)
    candidates = [
        (int(n), int(i)) for i, n in zip(ids, pixels, strict=True) if i and segments[int(i)][0] == class_
    ]
    most, segment = max(candidates, default=(0, 0))
    if not segment or most < rule.min_cover * covered.size:
        return PartCount(parts=1)
    return PartCount(parts=1, found=1, right=int(segments[segment][1] == person))


def _ratio(above: Matrix, below: Matrix) -> NDArray[np.float64]:
    out = np.full(above.shape, np.nan)
    return np.divide(above, below, out=out, where=below > 0)
