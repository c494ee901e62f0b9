"""Two photos side by side, with exact truth for each person: what grouping is measured on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import IGNORE, CcpDataset, CcpItem


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """Two whole photos at one height, left and right.

    image (H, W, 3) RGB; labels (H, W) as in the dataset; owner (H, W) 1 on the left photo's person, 2 on the
    right one's, 0 elsewhere.
    """

    ids: tuple[str, str]
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    owner: NDArray[np.uint8]


def whole_ids(dataset: CcpDataset) -> list[str]:
    """Photos in which everybody is labelled (no IGNORE pixel): only there is 'two persons' the truth."""
    return [id_ for id_ in dataset.ids if not (dataset.labels(id_) == IGNORE).any()]


def pairs(ids: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """`count` different pairs of different photos, or all there are; the same for the same seed.

    Photos are dealt out like cards, so that each is used about as often as the others. ValueError when there
    are fewer than two.
    """
    if len(ids) < 2:
        raise ValueError(f"composites need two fully labelled photos, there are {len(ids)}")
    rng = np.random.default_rng(seed)
    chosen: dict[frozenset[str], tuple[str, str]] = {}
    while len(chosen) < min(count, math.comb(len(ids), 2)):
        order = [ids[i] for i in rng.permutation(len(ids))]
        for pair in zip(order[0::2], order[1::2], strict=False):
            chosen.setdefault(frozenset(pair), pair)
    return list(chosen.values())[:count]


def composites(dataset: CcpDataset, count: int, seed: int = 0) -> Iterator[Composite]:
    """`count` composites of the dataset's fully labelled photos, made when asked for."""
    for left, right in pairs(whole_ids(dataset), count, seed):
        yield side_by_side(dataset.load(left), dataset.load(right))


def side_by_side(left: CcpItem, right: CcpItem) -> Composite:
    """Both whole photos, the taller one scaled down to the other's height."""
    height = min(len(left.labels), len(right.labels))
    photos = [_scaled(item, height) for item in (left, right)]
    owners = [np.where(labels > 0, side, 0).astype(np.uint8) for side, (_, labels) in enumerate(photos, 1)]
    return Composite(
        ids=(left.id, right.id),
        image=np.concatenate([image for image, _ in photos], axis=1),
        labels=np.concatenate([labels for _, labels in photos], axis=1),
        owner=np.concatenate(owners, axis=1),
    )


def _scaled(item: CcpItem, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Photo and labels at this height; labels by nearest neighbour, since a mean of labels is no label."""
    if height == len(item.labels):
        return item.image, item.labels
    size = (max(1, round(item.labels.shape[1] * height / len(item.labels))), height)
    image = Image.fromarray(item.image).resize(size, Image.Resampling.LANCZOS)
    labels = Image.fromarray(item.labels).resize(size, Image.Resampling.NEAREST)
    return np.asarray(image), np.asarray(labels)
