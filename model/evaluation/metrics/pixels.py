"""Pixels against pixels: confusion, IoU, accuracy.

Letters: H, W picture, C classes. A pixel whose truth is IGNORE counts nowhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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


def _ratio(above: Matrix, below: Matrix) -> NDArray[np.float64]:
    out = np.full(above.shape, np.nan)
    return np.divide(above, below, out=out, where=below > 0)
