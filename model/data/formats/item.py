"""The one shape in which every dataset comes: a photo, its labels, whose they are, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.data.ccp import CLASSES, IGNORE
from model.data.formats.unify import BASE, Row, row_of_word, rows_of
from model.data.scenes import Scene
from model.vocabulary import kind_of

Ids = NDArray[np.uint8]
MOST = 254
"""Most labels, and most persons, of one photo: 255 means unknown."""
_LEAST_PERSON = 0.0005  # of a picture: smaller pieces of foreground are nobody, as in the reading


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The labels of a dataset (or of one photo, where each has its own), the background first; id = place.

    rows: what the labels mean, None for the background and for labels of things that nobody wears.
    """

    dataset: str
    labels: tuple[str, ...]
    rows: tuple[Row | None, ...]

    def __post_init__(self) -> None:
        if not self.labels or len(self.labels) != len(self.rows) or len(self.labels) > MOST + 1:
            raise ValueError(f"{self.dataset}: {len(self.labels)} labels and {len(self.rows)} rows")

    @classmethod
    def of_dataset(cls, dataset: str, labels: Sequence[str]) -> LabelTable:
        """A dataset of `unify.TABLES`, its labels without the background."""
        return cls(dataset, ("background", *labels), (None, *rows_of(dataset, labels)))

    @classmethod
    def of_words(cls, dataset: str, words: Sequence[str]) -> LabelTable:
        """Labels that are free words."""
        return cls(dataset, ("background", *words), (None, *map(row_of_word, words)))

    @property
    def words(self) -> tuple[str, ...]:
        """The different words to ask with, left and right once, no whole persons: an evaluation's prompts."""
        words = dict.fromkeys(row.word for row in self.rows if row and row.word)
        return tuple(word for word in words if kind_of(word) != "person")

    def to_words(self) -> Ids:
        """(256,) id -> place in `words` + 1; 0 background, IGNORE where no word is known."""
        places = {word: place for place, word in enumerate(self.words, 1)}
        return self._lookup(lambda row: places.get(row.word, IGNORE))

    def to_base(self) -> Ids:
        """(256,) id -> place in `unify.BASE` + 1; 0 background, IGNORE where no base class holds it."""
        return self._lookup(lambda row: BASE.index(row.base) + 1 if row.base else IGNORE)

    def to_classes(self, *, wide: bool = True) -> Ids:
        """(256,) id -> id of `CLASSES`; IGNORE without a counterpart, and without `wide` for a wide label."""

        def class_of(row: Row) -> int:
            return CLASSES.index(row.class_) if row.class_ and (wide or not row.wide) else IGNORE

        return self._lookup(class_of)

    def _lookup(self, value_of: Callable[[Row], int]) -> Ids:
        table = np.full(256, IGNORE, np.uint8)
        table[: len(self.rows)] = [0 if row is None else value_of(row) for row in self.rows]
        return table


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPhoto:
    """One photo with what its dataset says of it, all at the photo's own size.

    image (H, W, 3) RGB; classes (H, W) ids of `table`, IGNORE unknown; persons (H, W) 1.., 0 nobody, None
    where the dataset does not tell persons apart; caption None where there is none. partial: only some things
    were labelled, so that a pixel of id 0 may show anything. worn_only: what is nobody's is worn by nobody (a
    jacket on a chair), and so background to the training.
    """

    id: str
    image: Ids
    classes: Ids
    table: LabelTable
    persons: Ids | None = None
    caption: str | None = None
    partial: bool = False
    worn_only: bool = False

    def __post_init__(self) -> None:
        shapes = [self.image.shape[:2], self.classes.shape]
        shapes += [self.persons.shape] if self.persons is not None else []
        if self.image.ndim != 3 or len(set(shapes)) != 1:
            raise ValueError(f"photo, labels and persons of {self.id!r} differ in size: {shapes}")
        known = self.classes[self.classes != IGNORE]
        if known.size and int(known.max()) >= len(self.table.labels):
            strange = sorted({int(v) for v in np.unique(known)} - set(range(len(self.table.labels))))
            raise ValueError(f"labels of {self.id!r} hold {strange}: {self.table.dataset} has no such label")

    def to_scene(self, *, wide: bool = True) -> Scene:
        """What the training eats: ids of `CLASSES`, IGNORE where a label has no counterpart.

        wide=False leaves out the labels that cover more than their class, too. Where the dataset does not
        tell persons apart, each connected piece of foreground counts as one: right for single people.
        """
        table = self.table.to_classes(wide=wide)
        if self.partial:
            table[0] = IGNORE
        classes = table[self.classes]
        persons = pieces(self.classes) if self.persons is None else self.persons
        if self.worn_only:
            classes[(persons == 0) & (classes != IGNORE)] = 0
        return Scene(self.image, classes, persons)


def pieces(classes: Ids) -> Ids:
    """Connected foreground of (H, W) labels as persons 1.., specks left out."""
    found, count = ndimage.label((classes > 0) & (classes != IGNORE), np.ones((3, 3)))
    sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
    large = [k + 1 for k in np.argsort(-sizes, kind="stable") if sizes[k] >= _LEAST_PERSON * classes.size]
    number = np.zeros(count + 1, np.uint8)
    number[large[:MOST]] = np.arange(1, min(len(large), MOST) + 1)
    return number[found]


class Photos(Sequence[LabelledPhoto]):
    """The photos of one split, read from disk when asked for.

    Subclasses give `load`, which raises ValueError, naming the photo, for what is wrong with it.
    """

    def __init__(self, name: str, ids: Sequence[str]) -> None:
        if not ids:
            raise ValueError(f"{name}: the split names no photo")
        if len(set(ids)) != len(ids):
            raise ValueError(f"{name}: {next(i for i in ids if ids.count(i) > 1)!r} is listed twice")
        self.name = name
        self.ids = tuple(ids)

    def load(self, id_: str) -> LabelledPhoto:
        """The photo `id_`."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> LabelledPhoto: ...
    @overload
    def __getitem__(self, index: slice) -> list[LabelledPhoto]: ...
    def __getitem__(self, index: int | slice) -> LabelledPhoto | list[LabelledPhoto]:
        if isinstance(index, slice):
            return [self.load(id_) for id_ in self.ids[index]]
        return self.load(self.ids[index])

    def __iter__(self) -> Iterator[LabelledPhoto]:
        return (self.load(id_) for id_ in self.ids)
