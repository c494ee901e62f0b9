"""Training scenes made from labelled photos: crops, rows of photos, groups of cut-out people, empty places.

A scene is drawn from a seed alone, so that a training that was killed goes on with the pictures it would have
seen. Groups give exact truth for 'which garment is whose', which photos of one labelled person cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from model.data.ccp import CLASSES, IGNORE, CcpDataset, CcpItem, class_ids_of_labels, class_map
from model.data.dyes import recolored, redyed
from model.data.windows import window_box

Kind = Literal["photo", "row", "group", "empty", "synthetic", "window"]
Size = tuple[int, int]  # height, width
Array = NDArray[np.uint8]

NEAR, AFAR = (0.4, 1.0), (0.12, 0.4)
"""Heights of pasted people as shares of the scene's."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """image (H, W, 3); classes (H, W) ids of `CLASSES`, IGNORE unknown; persons (H, W) 1.., 0 none."""

    image: Array
    classes: Array
    persons: Array


def whole(item: CcpItem) -> Scene:
    """A photo as a scene: the labelled person is 1, upright unlabelled people follow, crowds are nobody's."""
    classes, _ = class_map(item)
    persons = ((item.labels > 0) & (item.labels != IGNORE)).astype(np.uint8)
    regions, _ = ndimage.label(item.labels == IGNORE)
    for i, box in enumerate(ndimage.find_objects(regions), start=1):
        height, width = (s.stop - s.start for s in box)
        inside = regions[box] == i
        # A crowd is wide and ragged; one person is upright and fills much of its box.
        if height >= 1.5 * width and inside.mean() > 0.4 and inside.sum() > 0.005 * regions.size:
            persons[box][inside] = persons.max() + 1
    return Scene(item.image, classes, persons)


def resized(scene: Scene, size: Size, box: tuple[float, float, float, float] | None = None) -> Scene:
    """The part `box` (left, top, right, bottom; pixels) of a scene at a new size (height, width)."""
    target = (size[1], size[0])
    image = Image.fromarray(scene.image).resize(target, Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    classes, persons = (
        np.asarray(Image.fromarray(a).resize(target, Image.Resampling.NEAREST, box=box))
        for a in (scene.classes, scene.persons)
    )
    return Scene(np.asarray(image), classes.copy(), persons.copy())


def mirrored(scene: Scene) -> Scene:
    """Left and right exchanged; the classes know no side."""
    return Scene(*(np.ascontiguousarray(a[:, ::-1]) for a in (scene.image, scene.classes, scene.persons)))


class SceneMaker:
    """Draws scenes from a dataset.

    extra_empty: further RGB pictures without people, as backgrounds. also: more labelled pictures of one
    person each, drawn like the dataset's own (see `model.data.tagged`). synthetic: scenes whose whole truth
    is known, of any number of people. dyed: share of the photos' garments that get another colour, so that
    none is known by its own. afar: share of the groups that stand far away.
    """

    def __init__(
        self,
        dataset: CcpDataset,
        *,
        extra_empty: Sequence[Array] = (),
        also: Sequence[Scene] = (),
        synthetic: Sequence[Scene] = (),
        dyed: float = 0.0,
        afar: float = 0.0,
    ) -> None:
        for name, share in {"dyed": dyed, "afar": afar}.items():
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {share}")
        self.dyed, self.afar = dyed, afar
        self.dataset = dataset
        self.synthetic = synthetic
        self.extra_empty = extra_empty
        self.also = also
        self.presence = np.concatenate([presence_of(dataset), presence_in(also)])
        self.weights = repeat_weights(self.presence)

    def make(self, seed: int, kind: Kind, size: Size) -> Scene:
        """One scene of a kind at a size (height, width); the same for the same seed."""
        rng = np.random.default_rng(seed)
        scene = getattr(self, f"_{kind}")(rng, size)
        if rng.random() < 0.5:
            scene = mirrored(scene)
        image = scene.image
        # Made people come in every colour; what a window holds may be theirs.
        if self.dyed and kind not in ("synthetic", "window"):
            image = redyed(image, scene.classes, scene.persons, rng, self.dyed)
        return Scene(recolored(image, rng), scene.classes, scene.persons)

    def _draw(self, rng: np.random.Generator) -> Scene:
        index = int(rng.choice(len(self.weights), p=self.weights))
        own = len(self.dataset)
        return whole(self.dataset[index]) if index < own else self.also[index - own]

    def _photo(self, rng: np.random.Generator, size: Size) -> Scene:
        """A crop of one photo: from a little more than the whole frame's height to a close-up."""
        scene = self._draw(rng)
        height, width = scene.classes.shape
        zoom = float(np.exp(rng.uniform(np.log(1.0), np.log(2.0)))) if rng.random() < 0.6 else 1.0
        stretch = float(np.exp(rng.uniform(-0.12, 0.12)))
        tall = min(height / zoom, width / zoom * size[0] / size[1] * stretch)
        wide = min(tall * size[1] / size[0] / stretch, width)
        ys, xs = np.nonzero(scene.persons == 1)
        # A close-up is centred on some pixel of the person, so that it is not one of a wall.
        k = int(rng.integers(len(ys))) if len(ys) else 0
        cy, cx = (ys[k], xs[k]) if len(ys) else (height / 2, width / 2)
        top = float(np.clip(cy - tall * rng.uniform(0.3, 0.7), 0, height - tall))
        left = float(np.clip(cx - wide * rng.uniform(0.3, 0.7), 0, width - wide))
        return resized(scene, size, (left, top, left + wide, top + tall))

    def _row(self, rng: np.random.Generator, size: Size) -> Scene:
        """Two or three whole photos side by side."""
        count = int(rng.integers(2, 4))
        edges = np.linspace(0, size[1], count + 1).astype(int)
        parts = []
        first = 1
        for left, right in pairwise(edges):
            scene = self._draw(rng)
            height, width = scene.classes.shape
            wide = min(width, height * (right - left) / size[0])
            tall = min(height, wide * size[0] / (right - left))
            x, y = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
            part = resized(scene, (size[0], int(right - left)), (x, y, x + wide, y + tall))
            persons = np.where(part.persons > 0, part.persons + (first - 1), 0).astype(np.uint8)
            first = max(first, int(persons.max()) + 1)
            parts.append(Scene(part.image, part.classes, persons))
        return Scene(
            np.concatenate([p.image for p in parts], axis=1),
            np.concatenate([p.classes for p in parts], axis=1),
            np.concatenate([p.persons for p in parts], axis=1),
        )

    def _group(self, rng: np.random.Generator, size: Size) -> Scene:
        """One to four people cut out and pasted over a place without people, the nearer over the farther."""
        scene = self._empty(rng, size)
        image, classes, persons = scene.image.copy(), scene.classes.copy(), scene.persons.copy()
        count = int(rng.integers(1, 5))
        afar = self.afar > 0 and rng.random() < self.afar
        heights = np.sort(rng.uniform(*(AFAR if afar else NEAR), count))
        for i, height in enumerate(heights, start=1):
            self._paste_person(rng, image, classes, persons, i, float(height))
        return Scene(image, classes, persons)

    def _paste_person(
        self, rng: np.random.Generator, image: Array, classes: Array, persons: Array, id_: int, height: float
    ) -> None:
        scene = self._draw(rng)
        box = ndimage.find_objects((scene.persons == 1).astype(np.int8))
        if not box:
            return
        (rows, columns), canvas = box[0], classes.shape
        tall = max(16, int(canvas[0] * height))
        wide = max(8, int(tall * (columns.stop - columns.start) / (rows.stop - rows.start)))
        cut = resized(scene, (tall, wide), (columns.start, rows.start, columns.stop, rows.stop))
        left = int(rng.integers(-wide // 4, max(1, canvas[1] - wide * 3 // 4)))
        # Who is near stands at the lower edge; who is far may stand anywhere, on a hill or a stage.
        lift = canvas[0] // 10 if height >= NEAR[0] else canvas[0] - tall
        top = int(np.clip(canvas[0] - tall - rng.integers(0, max(1, lift)), 0, canvas[0]))
        paste(image, classes, persons, cut, top, left, id_)

    def _synthetic(self, rng: np.random.Generator, size: Size) -> Scene:
        """A made scene, or a part of it that has the wanted proportions and most of its height."""
        if not self.synthetic:
            return self._group(rng, size)
        scene = self.synthetic[int(rng.integers(len(self.synthetic)))]
        height, width = scene.classes.shape
        zoom = float(np.exp(rng.uniform(0, np.log(1.6)))) if rng.random() < 0.5 else 1.0
        tall = min(height, width * size[0] / size[1]) / zoom
        wide = tall * size[1] / size[0]
        top, left = rng.uniform(0, height - tall), rng.uniform(0, width - wide)
        return resized(scene, size, (left, top, left + wide, top + tall))

    def _window(self, rng: np.random.Generator, size: Size) -> Scene:
        """One of several people and what is seen of their neighbours: of a made scene, or of a group."""
        if self.synthetic and rng.random() < 0.6:
            scene = self.synthetic[int(rng.integers(len(self.synthetic)))]
        else:
            canvas = (size[0] * 3 // 2, size[1] * 3)
            scene = self._group(rng, canvas)
            if self.dyed:
                image = redyed(scene.image, scene.classes, scene.persons, rng, self.dyed)
                scene = Scene(image, scene.classes, scene.persons)
        box = window_box(scene.persons, size, rng)
        return self._photo(rng, size) if box is None else resized(scene, size, box)

    def _empty(self, rng: np.random.Generator, size: Size) -> Scene:
        """A place without people, sometimes with a garment lying about that nobody wears."""
        image = self._place(rng, size).copy()
        if rng.random() < 0.4:  # fur, leaves and walls in every hue, that of skin and cloth among them
            image = np.clip(image * rng.uniform(0.5, 1.5, 3), 0, 255).astype(np.uint8)
        classes = np.zeros(size, np.uint8)
        persons = np.zeros(size, np.uint8)
        if rng.random() < 0.4:
            self._lay_garment(rng, image, classes, persons)
        return Scene(image, classes, persons)

    def _place(self, rng: np.random.Generator, size: Size) -> Array:
        if self.extra_empty and rng.random() < 0.6:
            picture = self.extra_empty[int(rng.integers(len(self.extra_empty)))]
            height, width = picture.shape[:2]
            share = rng.uniform(0.5, 1.0)
            x, y = rng.uniform(0, width * (1 - share)), rng.uniform(0, height * (1 - share))
            return _resize(picture, size, (x, y, x + width * share, y + height * share))
        for _ in range(8):
            scene = self._draw(rng)
            strip = widest_free_strip(scene)
            if strip is not None:
                left, right = strip
                tall = scene.image.shape[0] * rng.uniform(0.5, 1.0)
                top = rng.uniform(0, scene.image.shape[0] - tall)
                return _resize(scene.image, size, (left, top, right, top + tall))
        start, end = rng.uniform(0, 255, (2, 3))
        ramp = np.linspace(start, end, num=size[0])[:, None]
        noisy = ramp + rng.normal(0, rng.uniform(0, 25), (*size, 3))
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def _lay_garment(self, rng: np.random.Generator, image: Array, classes: Array, persons: Array) -> None:
        scene = self._draw(rng)
        worn = [c for c in np.unique(scene.classes) if c not in NOT_LAID and (scene.classes == c).sum() > 400]
        if not worn:
            return
        chosen = scene.classes == rng.choice(worn)
        rows, columns = ndimage.find_objects(chosen.astype(np.int8))[0]
        # Truth says 'nobody, nothing': zero classes and zero persons under the garment's mask.
        only = Scene(scene.image, chosen.astype(np.uint8), chosen.astype(np.uint8))
        tall = int(image.shape[0] * rng.uniform(0.15, 0.6))
        wide = max(4, int(tall * (columns.stop - columns.start) / (rows.stop - rows.start)))
        cut = resized(only, (tall, wide), (columns.start, rows.start, columns.stop, rows.stop))
        turns = int(rng.integers(4))
        cut = Scene(
            *(np.ascontiguousarray(np.rot90(a, turns)) for a in (cut.image, cut.classes, cut.persons))
        )
        top, left = (int(rng.integers(0, max(1, image.shape[i] - 8))) for i in (0, 1))
        mask = Scene(cut.image, np.zeros_like(cut.classes), cut.persons)
        paste(image, classes, persons, mask, top, left, 0)


NOT_LAID = frozenset(
    {0, IGNORE, *(CLASSES.index(n) for n in ("hair", "face", "arm", "hand", "torso", "leg", "foot"))}
)


def paste(image: Array, classes: Array, persons: Array, cut: Scene, top: int, left: int, id_: int) -> None:
    """Lay the person 1 of `cut` over the canvas in place, with a soft edge; what hangs over is cut off."""
    height, width = classes.shape
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + cut.classes.shape[0], height), min(left + cut.classes.shape[1], width)
    if y1 <= y0 or x1 <= x0:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    there = (slice(y0, y1), slice(x0, x1))
    inside = cut.persons[part] == 1
    soft = Image.fromarray((cut.persons == 1).astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(0.8))
    alpha = np.asarray(soft)[part][..., None].astype(np.float32) / 255
    image[there] = (cut.image[part] * alpha + image[there] * (1 - alpha)).astype(np.uint8)
    classes[there][inside] = cut.classes[part][inside]
    persons[there][inside] = id_


def widest_free_strip(scene: Scene) -> tuple[int, int] | None:
    """Columns (left, right) of the widest band without a person; None when under a tenth of the width."""
    taken = ((scene.classes != 0) | (scene.persons != 0)).any(axis=0)
    free, count = ndimage.label(~taken)
    if not count:
        return None
    columns = max((s[0] for s in ndimage.find_objects(free)), key=lambda s: s.stop - s.start)
    return (columns.start, columns.stop) if columns.stop - columns.start >= 0.1 * len(taken) else None


def presence_of(dataset: CcpDataset) -> NDArray[np.bool_]:
    """(N, 256) which photo has which class of `CLASSES`, or rather of the labels they come from."""
    present = np.zeros((len(dataset), 256), bool)
    for row, id_ in zip(present, dataset.ids, strict=True):
        row[class_ids_of_labels(np.unique(dataset.labels(id_)))] = True
    return present


def presence_in(scenes: Sequence[Scene]) -> NDArray[np.bool_]:
    """(N, 256) which scene has which class. A source that knows without decoding says so by `presence`."""
    known: NDArray[np.bool_] | None = getattr(scenes, "presence", None)
    if known is not None:
        return known
    present = np.zeros((len(scenes), 256), bool)
    for row, scene in zip(present, scenes, strict=True):
        row[np.unique(scene.classes)] = True
    return present


def repeat_weights(
    present: NDArray[np.bool_], threshold: float = 0.4, most: float = 4.0
) -> NDArray[np.float64]:
    """Chance of each picture: those with rare classes are drawn more often.

    present (N, 256). Source: LVIS's repeat factor, the largest over a picture's classes of
    sqrt(threshold / frequency), in 1..most.
    """
    frequency = present.mean(0).clip(1e-9)
    factor = np.sqrt(threshold / frequency).clip(1.0, most)
    factor[[0, IGNORE]] = 1.0
    weights: NDArray[np.float64] = np.where(present, factor, 1.0).max(1)
    return weights / weights.sum()


def _resize(picture: Array, size: Size, box: tuple[float, float, float, float]) -> Array:
    resized_ = Image.fromarray(picture).resize(
        (size[1], size[0]), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0
    )
    return np.asarray(resized_)
