"""People seen from afar: photos' people cut out, made small and laid over a place where nobody is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import CcpDataset, CcpItem
from model.data.pictures import fitted

SHARES: tuple[float, ...] = (1 / 2, 1 / 3, 1 / 4)
"""Height of the person as a share of the picture's."""

SIZE = (600, 900)
"""Height and width of the pictures."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Distant:
    """One person, small: image (H, W, 3) RGB; labels (H, W) as in the dataset; share: the person's height."""

    id: str
    share: float
    image: Plane
    labels: Plane


def distant(
    dataset: CcpDataset, ids: Sequence[str], places: Sequence[Plane], seed: int = 0
) -> Iterator[Distant]:
    """The person of each of these photos at every share, made when asked for; who has none is left out.

    places: pictures without people; one flat grey where there are none.
    """
    grounds = [fitted(place, SIZE) for place in places] or [np.full((*SIZE, 3), 128, np.uint8)]
    for number, id_ in enumerate(ids):
        item = dataset.load(id_)
        if not (item.labels > 0).any():
            continue
        rng = np.random.default_rng([seed, number])
        for share in SHARES:
            yield _from_afar(item, grounds[number % len(grounds)], share, rng)


def _from_afar(item: CcpItem, ground: Plane, share: float, rng: np.random.Generator) -> Distant:
    """The labelled pixels alone, anywhere in the picture."""
    rows, columns = (np.flatnonzero((item.labels > 0).any(axis=axis)) for axis in (1, 0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    tall = round(SIZE[0] * share)
    wide = min(SIZE[1], max(1, round(tall * (box[2] - box[0]) / (box[3] - box[1]))))
    cut = Image.fromarray(item.image).crop(box).resize((wide, tall), Image.Resampling.LANCZOS)
    small = np.asarray(Image.fromarray(item.labels).crop(box).resize((wide, tall), Image.Resampling.NEAREST))
    top, left = int(rng.integers(0, SIZE[0] - tall + 1)), int(rng.integers(0, SIZE[1] - wide + 1))
    there = (slice(top, top + tall), slice(left, left + wide))
    image, labels = ground.copy(), np.zeros(SIZE, np.uint8)
    image[there] = np.where(small[..., None] > 0, np.asarray(cut), image[there])
    labels[there] = small
    return Distant(item.id, share, image, labels)
