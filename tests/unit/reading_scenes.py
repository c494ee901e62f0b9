"""Small scenes whose right reading is known: rectangles of people and what they wear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from model.parsing import Kind
from model.reading.readout import Readout

Rect = tuple[int, int, int, int]  # top, left, bottom, right in cells


@dataclass(frozen=True, slots=True)
class Asked:
    """A term as the vocabulary would put it to the network."""

    phrase: str
    kind: Kind
    path: tuple[str, ...]
    asked: bool = True
    answers: str | None = None


def asked(phrase: str, kind: Kind = "clothing", *path: str, answers: str | None = "") -> Asked:
    """A term that answers its own phrase unless told otherwise."""
    answer = phrase if answers == "" else answers
    return Asked(phrase, kind, path or (phrase,), answer is not None, answer)


PERSON = Asked("person", "person", ("person",), asked=False)


@dataclass(frozen=True, slots=True)
class Someone:
    """A person mask: a rectangle and the network's certainty."""

    rect: Rect
    probability: float = 0.9


def scene(
    size: tuple[int, int],
    people: Sequence[Someone],
    worn: Sequence[tuple[int, Rect]],
    terms: Sequence[Asked],
    *,
    probability: float = 0.8,
) -> Readout:
    """A readout of `size` cells: a query for each person and each thing worn, and the same in `dense`.

    `worn` names the term by its index; later rectangles lie over earlier ones. The person term is added.
    """
    height, width = size
    dense = torch.zeros(len(terms) + 2, height, width)
    dense[-1] = 1.0
    masks = torch.full((len(people) + len(worn) + 1, height, width), -9.0)
    labels = torch.zeros(len(masks), len(terms) + 2)
    labels[:, -1] = 1.0
    claims = [(len(terms), someone.rect, someone.probability) for someone in people]
    claims += [(index, rect, probability) for index, rect in worn]
    for query, (index, (top, left, bottom, right), certainty) in enumerate(claims):
        if index < len(terms):
            dense[:, top:bottom, left:right] = 0.0
            dense[index, top:bottom, left:right] = certainty
            dense[-1, top:bottom, left:right] = 1 - certainty
            masks[len(people) : query, top:bottom, left:right] = -9.0
        masks[query, top:bottom, left:right] = 9.0
        labels[query, index] = certainty
        labels[query, -1] = 1 - certainty
    return Readout(masks, labels, dense, (*terms, PERSON), person=len(terms))
