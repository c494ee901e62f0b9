"""Part -> person: which person wears or owns each connected piece of a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components  # named, so that no first picture waits for it

from model.reading.people import People
from model.reading.thresholds import Thresholds

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Groups:
    """The label map of one picture and what the rules need to know of it.

    labels (H, W): label of each pixel, 0 for none; accessory (L + 1,): which labels are accessories;
    cell: pixels that one cell of the network's maps covers.
    """

    labels: NDArray[np.integer]
    accessory: NDArray[np.bool_]
    cell: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """Segments 1..n, one for each label of each person that owns some of it.

    segments (H, W): segment of each pixel, 0 for none; people (H, W): its person, 0 for none;
    label, person (n + 1,): of each segment, entry 0 unused. A segment's pixels are its person's.
    """

    segments: NDArray[np.int32]
    people: NDArray[np.uint16]
    label: Ints
    person: Ints


def group(groups: Groups, people: People, thresholds: Thresholds) -> Grouping:
    """Give each part to a person, split it between several, or leave it out.

    Source of the rule: design notes, 'Part -> person'; `docs/decisions/0003-reading.md` for the rest.
    """
    persons = len(people) + 1
    parts, label_of = components(groups.labels)
    shape = (len(label_of), persons)
    overlap = _table(parts, people.inside, shape)
    owner = _owners(overlap, thresholds)
    _touching(owner, overlap, parts, groups, label_of, people.inside, thresholds)

    piece = parts * persons + owner.ravel()[parts * persons + people.nearest]
    area = np.bincount(piece.ravel(), minlength=owner.size).reshape(shape)
    least = np.maximum(thresholds.speck_cells * groups.cell, thresholds.speck_share * overlap.sum(axis=0))
    kept = (area > 0) & (area >= least)
    kept[0] = kept[:, 0] = False

    part, person = np.nonzero(kept)
    keys, number = np.unique(person * len(groups.accessory) + label_of[part], return_inverse=True)
    segment_of = np.zeros(shape, np.int32)
    segment_of[part, person] = number + 1
    segments = segment_of.ravel()[piece]
    owned = (piece % persons).astype(np.uint16)
    whole = np.where(segments > 0, owned, people.inside)
    who, label = np.divmod(np.concatenate(([0], keys)), len(groups.accessory))
    return Grouping(segments, whole, label.astype(np.int64), who.astype(np.int64))


def components(labels: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Connected pieces (4 neighbours) of every label at once.

    labels (H, W) -> parts (H, W) 0 for none, and label_of (parts + 1,). The pieces are those that
    scipy.ndimage.label finds label by label; here the runs of a row are joined with those of the row
    above as a graph, so the cost does not grow with the number of labels.
    """
    start = np.ones(labels.shape, bool)
    start[:, 1:] = labels[:, 1:] != labels[:, :-1]
    run = (np.cumsum(start.ravel()) - 1).reshape(labels.shape)
    label_of_run = labels[start]
    joined = (labels[1:] == labels[:-1]) & (start[1:] | start[:-1]) & (labels[1:] > 0)
    above, below = run[:-1][joined], run[1:][joined]
    runs = len(label_of_run)
    graph = sparse.coo_matrix((np.ones(len(above), np.int8), (above, below)), shape=(runs, runs))
    _, piece = connected_components(graph, directed=False)
    solid = label_of_run > 0
    _, first, order = np.unique(piece[solid], return_index=True, return_inverse=True)
    number = np.zeros(runs, np.int64)
    number[solid] = order + 1
    label_of = np.concatenate(([0], label_of_run[solid][first])).astype(np.int64)
    return number[run], label_of


def _table(parts: Ints, persons: NDArray[np.uint16], shape: tuple[int, int]) -> Ints:
    """Pixels that each part shares with each person: (parts + 1, persons + 1)."""
    pairs = (parts * shape[1] + persons).ravel()
    return np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)


def _owners(overlap: Ints, thresholds: Thresholds) -> Ints:
    """Owner of a part's pixel by the person nearest to it: (parts + 1, persons + 1), 0 for nobody.

    A part of which several persons hold a substantial share goes to each where that one is nearest,
    and to the one who holds most where the nearest is none of them.
    """
    area = np.maximum(overlap.sum(axis=1, keepdims=True), 1)
    held = overlap[:, 1:]
    person_area = overlap[:, 1:].sum(axis=0)
    worn = held.sum(axis=1) >= thresholds.part_share * area[:, 0]
    substantial = (held >= thresholds.split_share * area) | (held >= thresholds.split_person * person_area)
    substantial &= held > 0
    most = held.argmax(axis=1) + 1
    owner = np.repeat(most[:, None], overlap.shape[1], axis=1)
    everyone = np.arange(1, overlap.shape[1])
    owner[:, 1:] = np.where(substantial, everyone, owner[:, 1:])
    owner[~worn | (held.sum(axis=1) == 0)] = 0
    owner[0] = 0
    return owner


def _touching(
    owner: Ints,
    overlap: Ints,
    parts: Ints,
    groups: Groups,
    label_of: Ints,
    inside: NDArray[np.uint16],
    thresholds: Thresholds,
) -> None:
    """Give to a person, in `owner`, the free accessories and small pieces that touch that person."""
    area, person_area = overlap.sum(axis=1), overlap.sum(axis=0)
    most = np.where(groups.accessory[label_of], thresholds.touch_accessory, thresholds.touch_small)
    free = (owner[:, 0] == 0) & (area >= thresholds.speck_cells * groups.cell)
    free &= area <= most * person_area[1:].max()
    free[0] = False
    if not free.any():
        return
    reach = max(1, round(thresholds.touch_reach * groups.cell**0.5))
    places = ndimage.find_objects(parts)
    for part in np.flatnonzero(free):
        rows, columns = (slice(max(0, s.start - reach), s.stop + reach) for s in places[part - 1])
        grown = ndimage.maximum_filter(parts[rows, columns] == part, size=2 * reach + 1)
        contact = np.bincount(inside[rows, columns][grown], minlength=len(person_area))
        contact[0] = 0
        contact[area[part] > most[part] * person_area] = 0
        if contact.max() >= max(1.0, thresholds.touch_contact * area[part]):
            owner[part] = contact.argmax()
