"""Query masks -> the persons of a picture, none over another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.reading.enlarge import Floats, Size, winners
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds

Ids = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class People:
    """Persons 1..n by falling score.

    scores (n,): 'person' probability x mean mask probability inside the mask.
    nearest (H, W): the person whose mask is strongest at the pixel, inside it or not.
    inside (H, W): the same where it is inside that mask, else 0.
    """

    scores: NDArray[np.float64]
    nearest: Ids
    inside: Ids

    def __len__(self) -> int:
        return len(self.scores)


def find_people(readout: Readout, size: Size, thresholds: Thresholds) -> People | None:
    """The persons of one picture at `size`, or None where there is nobody.

    Suppression happens on the network's own cells, where a mask says all that it knows; only the
    masks that stay are enlarged (as logits, since training samples logits between cells).
    """
    likely = readout.labels[:, readout.person]
    chosen = (likely >= thresholds.person) & (readout.masks > 0).flatten(1).any(1)
    if not bool(chosen.any()):
        return None
    logits, likely = readout.masks[chosen], likely[chosen]
    scores = _scores(logits, likely)
    order = torch.argsort(scores, descending=True, stable=True)
    logits, scores = logits[order], scores[order]
    unlike = _unlike(logits > 0, thresholds)
    cells, certain = logits[unlike].float().cpu().numpy(), scores[unlike].double().cpu().numpy()
    stay = _visible(cells, thresholds)
    if not stay.any():
        return None
    index, value = winners(cells[stay], size, extent=readout.extent)
    nearest = index + np.uint16(1)
    inside = np.where(value > 0, nearest, np.uint16(0))
    return People(certain[stay], nearest, inside)


def _scores(logits: Tensor, likely: Tensor) -> Tensor:
    """logits (n, h, w), each above zero somewhere; likely (n,) -> (n,)."""
    inside = logits > 0
    mass = (logits.sigmoid() * inside).flatten(1).sum(1)
    return likely * mass / inside.flatten(1).sum(1)


def _unlike(masks: Tensor, thresholds: Thresholds) -> list[int]:
    """masks (n, h, w), best first -> those that no better one repeats, contains or lies within."""
    flat = masks.flatten(1).float()
    common = (flat @ flat.T).cpu().numpy()
    area = common.diagonal()
    iou = common / (area[:, None] + area[None, :] - common)
    contained = common / np.minimum(area[:, None], area[None, :])
    alike = (iou > thresholds.person_iou) | (contained > thresholds.person_containment)
    stay: list[int] = []
    for number in range(len(area)):
        if not alike[number, stay].any():
            stay.append(number)
    return stay


def _visible(logits: Floats, thresholds: Thresholds) -> NDArray[np.bool_]:
    """logits (n, h, w) -> (n,) whether enough of each mask is not a better person's."""
    inside = logits > 0
    strongest = logits.argmax(axis=0)
    own = inside & (strongest == np.arange(len(logits))[:, None, None])
    seen, area = own.sum(axis=(1, 2)), inside.sum(axis=(1, 2))
    visible = (seen > 0) & (seen >= thresholds.person_area * strongest.size)
    return visible & (seen >= thresholds.person_visible * area)
