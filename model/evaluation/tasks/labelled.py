"""Photos of any dataset, each asked for the words of its own label table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE
from model.data.formats.item import LabelledPhoto
from model.evaluation.metrics.humans import (
    PartOverlaps,
    average_precision,
    average_precision_volume,
    correct_parts,
    part_overlaps,
)
from model.evaluation.metrics.pixels import confusion, mean
from model.evaluation.result import Result
from model.evaluation.tasks.judging import Judge, Labelling, persons_found
from model.evaluation.tasks.task import matrix_result, painted, part_owners
from model.evaluation.vocabularies import BACKGROUND, EvaluationVocabulary
from model.parsing import Parsing, Query

Plane = NDArray[np.uint8]


def words_of(photo: LabelledPhoto) -> EvaluationVocabulary:
    """The words that a photo is asked with: those of its label table that a prompt can say."""
    words = photo.table.words
    if not words:
        raise ValueError(f"{photo.table.dataset}: no label of {photo.id!r} is a word that can be asked")
    return EvaluationVocabulary(photo.table.dataset, words, words, ((),) * len(words))


def truth_of(photo: LabelledPhoto) -> Plane:
    """(H, W) places in `words_of` + 1; IGNORE where it is unknown, and around what a partial label names."""
    table = photo.table.to_words()
    if photo.partial:
        table[0] = IGNORE
    return table[photo.classes]


class WordsTask:
    """Does each pixel carry the right word? Photos with tables of their own add up word by word."""

    name = "words"

    def __init__(self) -> None:
        self.names: dict[str, int] = {BACKGROUND: 0}
        self.matrix = np.zeros((1, 1), np.int64)

    def ask(self, truth: LabelledPhoto, /) -> Query:
        return Query(prompts=words_of(truth).prompts)

    def add(self, truth: LabelledPhoto, parsing: Parsing) -> None:
        words = words_of(truth)
        counted = confusion(truth_of(truth), painted(parsing, words), len(words.names))
        places = np.array([self.names.setdefault(word, len(self.names)) for word in words.names])
        grown = np.zeros((len(self.names),) * 2, np.int64)
        grown[: len(self.matrix), : len(self.matrix)] = self.matrix
        grown[np.ix_(places, places)] += counted
        self.matrix = grown

    def result(self) -> Result:
        return matrix_result(self.name, self.matrix, tuple(self.names))


class TogetherTask:
    """Are people told apart, and does each own what they wear? Counts photos whose persons are labelled."""

    name = "together"

    def __init__(self) -> None:
        self.masks = Judge(2)
        self.overlaps: list[PartOverlaps] = []
        self.persons: list[tuple[int, int]] = []  # there, found

    def ask(self, truth: LabelledPhoto, /) -> Query:
        return Query(prompts=words_of(truth).prompts)

    def add(self, truth: LabelledPhoto, parsing: Parsing) -> None:
        if truth.persons is None:
            return
        words, owner = words_of(truth), truth.persons
        self.masks.add(Labelling((owner > 0).astype(np.uint8), owner, {}), persons_found(parsing))
        self.persons.append((int(np.count_nonzero(np.bincount(owner.ravel())[1:])), len(parsing.persons)))
        found = (painted(parsing, words), part_owners(parsing))
        scores = {person.id: person.score for person in parsing.persons}
        self.overlaps.append(part_overlaps((truth_of(truth), owner), found, scores, len(words.names)))

    def result(self) -> Result:
        scores = self.masks.instances.scores()
        summary = {
            "pictures": len(self.persons),
            "right number of persons found": mean([float(t == f) for t, f in self.persons]),
            "person masks, mAP": float(scores.precision[1]),
            "person masks, AR@100": float(scores.recall[1]),
            "AP^p_50": average_precision(self.overlaps, 0.5),
            "AP^p_vol": average_precision_volume(self.overlaps),
            "PCP_50": correct_parts(self.overlaps, 0.5),
            "AP^p_50 with background averaged in": average_precision(self.overlaps, 0.5, background=True),
        }
        return Result(self.name, summary)
