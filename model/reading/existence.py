"""How likely it is that a person wears what a segment says at all, by all that the looks say of its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.reading.closer import Window
from model.reading.readout import Readout

Reals = NDArray[np.float64]
FEATURES = (
    "constant",
    "share",
    "dense",
    "queries",
    "closer_dense",
    "closer_queries",
    "accessory",
    "body",
    "size",
    "size_dense",
    "size_closer_dense",
    "size_closer_queries",
)
CELLS = 1000  # of the first look, that a person has whose 'size' is 0
SAMPLES = 8  # of the segments' pixels, along each side of a cell of the first look


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The grouped segments of one picture.

    map (H, W): the segment 1..n of each pixel, 0 for none; label (n + 1,): its label; share (n + 1,): of its
    person's pixels; terms (L + 1, P + 1): which terms are behind which label; accessory, body (L + 1,): of
    which kind a label is. Entries 0 are unused.
    """

    map: NDArray[np.integer]
    label: NDArray[np.int64]
    share: Reals
    terms: NDArray[np.bool_]
    accessory: NDArray[np.bool_]
    body: NDArray[np.bool_]


def likelihood(features: Reals, weights: Mapping[str, float]) -> Reals:
    """(n + 1, F) as of `features_of` -> (n + 1,): logistic regression, a weight by each feature's name."""
    known = np.array([weights.get(name, 0.0) for name in FEATURES])
    chances: Reals = 1 / (1 + np.exp(-(features @ known).clip(-50, 50)))
    return chances


def features_of(pieces: Pieces, readout: Readout, closer: Sequence[tuple[Window, Readout]] = ()) -> Reals:
    """(n + 1, F) what speaks for each segment, by `FEATURES`; probabilities are logits, shares logarithms.

    'dense' is the mean over the segment of what the dense map of the first look gives its label, 'queries'
    the most that one query does: its label's probability times its mean mask inside. Neither knows of
    calibration, or of what a finer term takes from a coarser one. 'closer_' is by how much the closer look
    at its person says more; 0 without one. 'size' is the logarithm of the first look's cells that its person
    has, over `CELLS`, and 'size_' that times another: of who is small the first look knows little.
    """
    step = _step(readout, pieces.map.shape)
    small = pieces.map[::step, ::step]
    dense, queries, weights = _said(pieces, small, readout)
    closer_dense, closer_queries = dense.copy(), queries.copy()
    most = np.zeros(len(pieces.label))
    for window, look in closer:
        mine = 1.0 if window.whose is None else weights @ window.whose.ravel()
        seen_dense, seen_queries, seen = _said(
            pieces, small[window.within((small.shape[0], small.shape[1]))], look
        )
        better = (mine > most) & seen.any(1)
        closer_dense[better], closer_queries[better] = seen_dense[better], seen_queries[better]
        most = np.where(better, mine, most)
    more_dense, more_queries = _logit(closer_dense) - _logit(dense), _logit(closer_queries) - _logit(queries)
    size = np.log(_cells(pieces, readout).clip(1) / CELLS)
    return np.stack(
        [
            np.ones(len(most)),
            np.log(pieces.share.clip(1e-5)),
            _logit(dense),
            _logit(queries),
            more_dense,
            more_queries,
            pieces.accessory[pieces.label],
            pieces.body[pieces.label],
            size,
            size * _logit(dense),
            size * more_dense,
            size * more_queries,
        ],
        axis=1,
    ).astype(np.float64)


def _cells(pieces: Pieces, readout: Readout) -> Reals:
    """(n + 1,) how many cells of the first look each segment's person has."""
    down, across = readout.extent or readout.masks.shape[1:]
    pixels = np.bincount(pieces.map.ravel(), minlength=len(pieces.label)) / pieces.share.clip(1e-5)
    cells: Reals = pixels * (down * across / pieces.map.size)
    return cells


def _step(readout: Readout, size: tuple[int, ...]) -> int:
    """Every so manieth pixel is enough to say which cells a segment lies on."""
    down, across = readout.extent or readout.masks.shape[1:]
    return max(1, int(min(size[0] / down, size[1] / across) / SAMPLES))


def _said(pieces: Pieces, there: NDArray[np.integer], look: Readout) -> tuple[Reals, Reals, Reals]:
    """What one look says of the segments `there` (h', w'), the pixels it covers: dense, queries (n + 1,).

    And (n + 1, h w) the share of each of the look's cells in each segment.
    """
    weights = _weights(there, len(pieces.label), look)
    cells = torch.from_numpy(weights).to(look.dense)
    behind = torch.from_numpy(pieces.terms).to(look.dense)
    label = torch.from_numpy(pieces.label).to(look.dense.device)
    dense = (cells * (behind @ look.dense.flatten(1))[label]).sum(1)
    inside = cells @ look.masks.sigmoid().flatten(1).T
    queries = (inside * (behind @ look.labels.T)[label]).amax(1)
    return _reals(dense), _reals(queries), weights


def _weights(there: NDArray[np.integer], count: int, look: Readout) -> Reals:
    down, across = look.masks.shape[1:]
    covered = look.extent or (down, across)
    row, column = (
        np.minimum((np.arange(length) + 0.5) * (many / length), of - 1).astype(np.int64)
        for length, many, of in zip(there.shape, covered, (down, across), strict=True)
    )
    key = (there.astype(np.int64) * down + row[:, None]) * across + column
    found = np.bincount(key.ravel(), minlength=count * down * across).reshape(count, down * across)
    weights: Reals = found / np.maximum(found.sum(1, keepdims=True), 1)
    return weights


def _logit(chance: Reals) -> Reals:
    held = chance.clip(1e-3, 1 - 1e-3)
    logits: Reals = np.log(held / (1 - held))
    return logits


def _reals(values: Tensor) -> Reals:
    numbers: Reals = values.double().cpu().numpy()
    return numbers
