"""Query masks -> the persons of a picture, none over another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from model.reading.enlarge import Floats, Size, winners
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds

Ids = NDArray[np.uint16]
Mask = NDArray[np.bool_]
Zones = NDArray[np.int64]
HEAD = frozenset({"face", "hair"})


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


@dataclass(frozen=True, slots=True)
class Bodies:
    """The persons' masks on the network's own cells, best first: logits (n, h, w), scores (n,)."""

    logits: Floats
    scores: NDArray[np.float64]


def find_people(readout: Readout, size: Size, thresholds: Thresholds) -> People | None:
    """The persons of one picture at `size`, or None where there is nobody.

    Suppression happens on the network's own cells, where a mask says all that it knows; only the
    masks that stay are enlarged (as logits, since training samples logits between cells).
    """
    bodies = find_bodies(readout, thresholds)
    if bodies is None:
        return None
    index, value = winners(bodies.logits, size, extent=readout.extent)
    nearest = index + np.uint16(1)
    inside = np.where(value > 0, nearest, np.uint16(0))
    return People(bodies.scores, nearest, inside)


def find_bodies(readout: Readout, thresholds: Thresholds) -> Bodies | None:
    """The persons of one picture as the network's cells show them, or None where there is nobody."""
    likely = readout.labels[:, readout.person]
    chosen = (likely >= thresholds.person) & (readout.masks > 0).flatten(1).any(1)
    if not bool(chosen.any()):
        return None
    scene = Scene.of(readout, thresholds)
    logits, likely = split(readout.masks[chosen], likely[chosen], scene, thresholds)
    scores = _scores(logits, likely)
    order = torch.argsort(scores, descending=True, stable=True)
    logits, scores = logits[order], scores[order]
    unlike = _unlike(logits > 0, thresholds)
    cells, certain = logits[unlike].float().cpu().numpy(), scores[unlike].double().cpu().numpy()
    whole = compact(cells, thresholds)
    cells, certain = cells[whole], certain[whole]
    if not len(cells):
        return None
    stay = _visible(cells, thresholds)
    return Bodies(cells[stay], certain[stay]) if stay.any() else None


@dataclass(frozen=True, slots=True)
class Head:
    """One head: its cells (h, w), how many, and the column of their middle."""

    cells: Mask
    area: int
    column: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Where somebody is and where heads are, by the dense map: pieces (h, w) 0.., heads (h, w).

    several: heads beside each other, the largest first.
    """

    pieces: NDArray[np.int32]
    heads: Mask
    several: tuple[Head, ...] = ()

    @classmethod
    def of(cls, readout: Readout, thresholds: Thresholds) -> Scene:
        """Pieces are the connected parts of what is not background; heads are likely faces and hair."""
        terms = [i for i, term in enumerate(readout.terms) if HEAD & {term.phrase, *term.path}]
        heads: Mask = (readout.dense[terms].sum(0) > thresholds.head).cpu().numpy()
        pieces, _ = ndimage.label((readout.dense[-1] < 0.5).cpu().numpy(), np.ones((3, 3)))
        return cls(pieces, heads, _beside_each_other(heads, thresholds))

    def zones(self, mask: Mask, thresholds: Thresholds) -> Zones | None:
        """(h, w) -> the number 1.. of the person nearest to each cell, or None for a mask of one piece."""
        count = int(self.pieces.max()) + 1
        area = np.bincount(self.pieces[mask], minlength=count)
        crowns = np.bincount(self.pieces[self.heads], minlength=count)
        area[0] = 0
        people = (area >= thresholds.piece_share * area.max()) & (crowns >= thresholds.head_cells)
        if people[1:].sum() < 2:
            return None
        people[0] = False
        number = np.where(people, np.cumsum(people), 0)[self.pieces]
        nearest = ndimage.distance_transform_edt(number == 0, return_distances=False, return_indices=True)
        zones: Zones = number[tuple(nearest)]
        return zones

    def columns(self, mask: Mask, thresholds: Thresholds) -> Zones | None:
        """(h, w) -> the number 1.. of the head nearest to each column, or None for a mask of one head.

        In head sizes: who stands nearer to the camera is wider.
        """
        held = [
            head
            for head in self.several
            if (head.cells & mask).sum() >= max(thresholds.head_inside * head.area, 1)
        ]
        held = [head for head in held if head.area >= thresholds.head_share * held[0].area]
        if len(held) < 2:
            return None
        away = [np.abs(np.arange(mask.shape[1]) - head.column) / head.area**0.5 for head in held]
        return np.broadcast_to(np.argmin(away, axis=0) + 1, mask.shape)


def _beside_each_other(heads: Mask, thresholds: Thresholds) -> tuple[Head, ...]:
    """The heads of a scene by falling size, without those that are over or below a larger one."""
    pieces, _ = ndimage.label(heads, np.ones((3, 3)))
    found = []
    for number, (_, columns) in enumerate(ndimage.find_objects(pieces), 1):
        cells = pieces == number
        area = int(cells.sum())
        if area >= thresholds.head_cells:
            middle = float(np.nonzero(cells)[1].mean())
            found.append((Head(cells, area, middle), columns.stop - columns.start))
    found.sort(key=lambda head: -head[0].area)
    kept: list[tuple[Head, int]] = []
    for head, width in found:
        if all(
            abs(head.column - other.column) >= thresholds.head_apart * max(width, wide)
            for other, wide in kept
        ):
            kept.append((head, width))
    return tuple(head for head, _ in kept)


def split(logits: Tensor, likely: Tensor, scene: Scene, thresholds: Thresholds) -> tuple[Tensor, Tensor]:
    """Masks that cover several people, cut into one mask for each.

    A piece of the foreground is somebody when a large share of the mask lies in it and it has a head; what
    lies between goes to the nearest. Legs below a table have no head and stay with whom they belong to. Where
    people touch, a mask that holds several heads is cut between them, from top to bottom. A young network
    learns to tell people from places long before it learns to tell people from each other.
    logits (n, h, w), likely (n,) -> the same with more rows.
    """
    masks, chances = [], []
    for mask, chance in zip(logits, likely, strict=True):
        for apart in _cut(mask, scene.zones((mask > 0).cpu().numpy(), thresholds)):
            whose = _cut(apart, scene.columns((apart > 0).cpu().numpy(), thresholds))
            masks += whose
            chances += [chance] * len(whose)
    return torch.stack(masks), torch.stack(chances)


def _cut(mask: Tensor, zones: Zones | None) -> list[Tensor]:
    """A mask (h, w) for each of the zones 1..; the mask itself without any."""
    if zones is None:
        return [mask]
    where = torch.from_numpy(np.ascontiguousarray(zones)).to(mask.device)
    # Outside its zone the mask is as sure of nothing as it was of something.
    return [torch.where(where == zone, mask, -mask.abs() - 1) for zone in range(1, int(zones.max()) + 1)]


def compact(logits: Floats, thresholds: Thresholds) -> Mask:
    """(n, h, w) -> (n,) whether a mask is one body: its largest piece holds enough of it."""
    return np.array([_largest_share(mask) >= thresholds.person_compact for mask in logits > 0], bool)


def _largest_share(mask: Mask) -> float:
    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return 0.0
    return float(np.bincount(pieces.ravel())[1:].max() / mask.sum())


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
    # A mask that was cut in two may have an empty half, which is like nothing.
    iou = common / np.maximum(area[:, None] + area[None, :] - common, 1)
    contained = common / np.maximum(np.minimum(area[:, None], area[None, :]), 1)
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
