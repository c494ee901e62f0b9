"""The method's tasks by their names: FPP, BHP, CCP and COP, as pixels and as instances.

FPP, full-person parsing: one mask a person. BHP, body parts. CCP, accessories; COP, clothing: which is which
is said by the vocabulary's kinds. Source: Spectrum, arXiv 2508.06032, 'Tasks'; its classes are other ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE, CcpItem
from model.evaluation.result import Result
from model.evaluation.tasks.body import PartTask
from model.evaluation.tasks.judging import Judge, Labelling, parts_found, persons_found
from model.evaluation.tasks.task import OneQuestion, part_owners
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query
from model.vocabulary.taxonomy import kind_of

Plane = NDArray[np.uint8]


class PersonMasks(OneQuestion):
    """FPP: is each person one mask? On photos where somebody nobody labelled counts neither way."""

    name = "fpp"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19) -> None:
        self.query = Query(prompts=vocabulary.prompts)
        self.judge = Judge(2)

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        known = np.where(truth.labels == IGNORE, IGNORE, truth.labels > 0).astype(np.uint8)
        self.judge.add(Labelling(known, _labelled(known), {}), persons_found(parsing))

    def result(self) -> Result:
        return self.judge.result(self.name, ("background", "person"), [1])


class BodyParts(OneQuestion):
    """BHP: face, arm, hand, torso, leg, foot and hair, asked by these words."""

    name = "bhp"

    def __init__(self) -> None:
        self.parts = PartTask()
        self.query = self.parts.query
        self.judge = Judge(len(self.parts.classes))

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        classes = self.parts.truth(truth)
        found = Labelling(self.parts.painted(parsing), part_owners(parsing), {})
        for segment in parsing.segments:
            found.scores[self.parts.class_of(segment.label), segment.person_id] = segment.score
        self.judge.add(Labelling(classes, _labelled(classes), {}), found)

    def result(self) -> Result:
        return self.judge.result(self.name, self.parts.classes, list(range(1, len(self.parts.classes))))


class WornThings(OneQuestion):
    """CCP and COP: the accessories, or the clothing, of a vocabulary that is asked whole."""

    def __init__(self, name: str, kind: str, vocabulary: EvaluationVocabulary = CCP19) -> None:
        self.name = name
        self.vocabulary = vocabulary
        self.query = Query(prompts=vocabulary.prompts)
        self.judge = Judge(len(vocabulary.names))
        self.chosen = [i for i, n in enumerate(vocabulary.classes, 1) if kind_of(n) == kind]

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        classes = self.vocabulary.truth(truth.labels)
        self.judge.add(Labelling(classes, _labelled(classes), {}), parts_found(parsing, self.vocabulary))

    def result(self) -> Result:
        return self.judge.result(self.name, self.vocabulary.names, self.chosen)


def _labelled(classes: Plane) -> Plane:
    """Owners (H, W): the labelled person is number 1."""
    return ((classes > 0) & (classes != IGNORE)).astype(np.uint8)
