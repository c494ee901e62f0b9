"""A person drawn as a parsing: boxes in the proportions of a standing figure, dressed as a test wants."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.parsing import Color, Parsing, Person, Segment
from model.vocabulary import kind_of, path_of

HEIGHT, WIDTH = 400, 200
NAVY = (Color("#2b3c55", "navy", 0.9),)
Picture = NDArray[np.uint8]


@dataclass
class Doll:
    """Rows count from the top of the head, 0, to the soles, 400; a sleeve ends at a row, 0 for none."""

    top: str = "t-shirt"
    sleeve: int = 0
    bottom: str = "skirt"
    hem: int = 250
    shoes: bool = True
    number: int = 1  # of the person
    first: int = 1  # the first segment's id
    parts: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._draw("hair", 0, 25, 80, 120)
        self._draw("face", 25, 60, 85, 115)
        self._draw("leg", 160, 385, 75, 125)
        self._draw("arm", 75, 205, 40, 60)
        self._draw("arm", 75, 205, 140, 160)
        self._draw("hand", 205, 225, 40, 60)
        self._draw("hand", 205, 225, 140, 160)
        self._draw(self.bottom, 160, self.hem, 65, 135)
        self._draw(self.top, 70, 180, 60, 140)
        if self.sleeve:
            self._draw(self.top, 75, self.sleeve, 40, 60)
            self._draw(self.top, 75, self.sleeve, 140, 160)
        if self.shoes:
            self._draw("shoes", 385, 400, 70, 130)

    def _draw(self, name: str, top: int, bottom: int, left: int, right: int) -> None:
        """A box over whatever is there."""
        box = np.zeros((HEIGHT, WIDTH), dtype=bool)
        box[top:bottom, left:right] = True
        for other in self.parts.values():
            other &= ~box
        self.parts[name] = self.parts.get(name, np.zeros_like(box)) | box

    def over(self, name: str, top: int, bottom: int, left: int = 40, right: int = 160) -> Doll:
        """With one thing more on top."""
        self._draw(name, top, bottom, left, right)
        return self

    def without(self, *names: str) -> Doll:
        """As if nobody had looked for these."""
        for name in names:
            self.parts.pop(name, None)
        return self

    def parsing(self, scale: int = 1) -> Parsing:
        """As the model would tell it, so many times larger."""
        return parsing_of([self], scale)


def parsing_of(dolls: list[Doll], scale: int = 1) -> Parsing:
    """Dolls side by side, ids as each of them says."""
    ids = np.zeros((HEIGHT * scale, WIDTH * scale * len(dolls)), dtype=np.uint16)
    people = np.zeros_like(ids)
    segments = []
    for place, doll in enumerate(dolls):
        left = place * WIDTH * scale
        for number, (name, inside) in enumerate(doll.parts.items(), start=doll.first):
            mask = inside.repeat(scale, 0).repeat(scale, 1)
            if not mask.any():
                continue
            ids[:, left : left + WIDTH * scale][mask] = number
            people[:, left : left + WIDTH * scale][mask] = doll.number
            segments.append(_segment(number, name, doll.number, mask, left))
    persons = tuple(Person(doll.number, 0.9, (0, 0, 1, 1), 1) for doll in dolls)
    return Parsing(ids, people, persons, tuple(segments))


def _segment(number: int, name: str, person: int, mask: NDArray[np.bool_], left: int) -> Segment:
    rows, columns = np.nonzero(mask)
    x, y = int(columns.min()), int(rows.min())
    box = (x + left, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1)
    kind = kind_of(name)
    colors = NAVY if kind != "body" else ()
    return Segment(number, name, kind, person, 0.8, box, int(mask.sum()), path_of(name), colors)


def plain(parsing: Parsing) -> Picture:
    """A picture of one colour."""
    return np.full((*parsing.size, 3), (43, 60, 85), dtype=np.uint8)


def striped(parsing: Parsing, period: int = 8) -> Picture:
    """A picture of stripes across."""
    picture = plain(parsing)
    picture[np.arange(len(picture)) % period < period // 2] = (235, 235, 230)
    return picture
