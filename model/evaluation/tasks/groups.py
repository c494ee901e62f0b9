"""Several people in one picture: are they told apart, and does each own what they wear?"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.evaluation.composites import Composite
from model.evaluation.metrics.humans import (
    PartOverlaps,
    average_precision,
    average_precision_volume,
    correct_parts,
    part_overlaps,
)
from model.evaluation.metrics.owners import PartCount, PartRule, count_parts
from model.evaluation.metrics.people import match_persons
from model.evaluation.metrics.pixels import class_iou, mean
from model.evaluation.result import Result
from model.evaluation.scenes import LabelledScene, scene_table
from model.evaluation.tasks.judging import Judge, Labelling, parts_found, persons_found
from model.evaluation.tasks.task import OneQuestion
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query

Truth = TypeVar("Truth")
Plane = NDArray[np.uint8]


class PeopleTask(OneQuestion, Generic[Truth]):
    """AP^p, PCP, person masks, and the share of parts on the right person, where everybody is labelled.

    See `model.evaluation.metrics.humans` and `count_parts`. A person's score is the parser's own.
    """

    name: str

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19, rule: PartRule | None = None) -> None:
        self.vocabulary = vocabulary
        self.query = Query(prompts=vocabulary.prompts)
        self.rule = rule or PartRule()
        self.persons: list[tuple[int, int]] = []  # there, found
        self.counts: dict[int, PartCount] = {}
        self.overlaps: list[PartOverlaps] = []
        self.masks = Judge(2)
        self.parts = Judge(len(vocabulary.names))

    def people(self, truth: Truth) -> tuple[Plane, Plane]:
        """Classes (H, W) of the vocabulary, and whose each pixel is (H, W), 0 nobody's."""
        raise NotImplementedError

    def add(self, truth: Truth, parsing: Parsing) -> None:
        classes, owner = self.people(truth)
        found = parts_found(parsing, self.vocabulary)
        self.parts.add(Labelling(classes, owner, {}), found)
        self.masks.add(Labelling((owner > 0).astype(np.uint8), owner, {}), persons_found(parsing))
        self.persons.append((int(np.count_nonzero(np.bincount(owner.ravel())[1:])), len(parsing.persons)))
        scores = {person.id: person.score for person in parsing.persons}
        pair = (found.classes, found.owner.astype(np.uint16))
        self.overlaps.append(part_overlaps((classes, owner), pair, scores, len(self.vocabulary.names)))
        self._count(classes, owner, parsing)

    def _count(self, classes: Plane, owner: Plane, parsing: Parsing) -> None:
        matched = {f: t for t, f in match_persons(owner, parsing.person_map).items()}
        segments = {
            s.id: (self.vocabulary.class_of_prompt(s.label), matched.get(s.person_id, 0))
            for s in parsing.segments
        }
        for class_, count in count_parts(classes, owner, parsing.segment_map, segments, self.rule).items():
            self.counts[class_] = self.counts.get(class_, PartCount()) + count

    def result(self) -> Result:
        total = sum(self.counts.values(), PartCount())
        masks, parts = self.masks.instances.scores(), self.parts.instances.scores()
        return Result(
            self.name,
            {
                **self._numbers(),
                "AP^p_50": average_precision(self.overlaps, 0.5),
                "AP^p_vol": average_precision_volume(self.overlaps),
                "PCP_50": correct_parts(self.overlaps, 0.5),
                "AP^p_50 with background averaged in": average_precision(self.overlaps, 0.5, background=True),
                "right person, of parts found": total.right_of_found,
                "right person, of all parts": total.right_of_all,
                "person masks, mAP": float(masks.precision[1]),
                "person masks, AR@100": float(masks.recall[1]),
                "parts as instances, mAP": mean(parts.precision),
                "parts as instances, AP_50": mean(parts.at_half),
                "PQ of the parts": mean(self.parts.panoptic.quality[1:]),
                "mIoU": mean(class_iou(self.parts.matrix)),
                **self._by_size(),
            },
            ("parts", "found", "right person", "right of found"),
            tuple(
                (self.vocabulary.names[i], (c.parts, c.found, c.right, c.right_of_found))
                for i, c in sorted(self.counts.items())
            ),
        )

    def _numbers(self) -> dict[str, float]:
        return {
            "pictures": len(self.persons),
            "right number of persons found": mean([float(t == f) for t, f in self.persons]),
            "mean persons there": mean([float(t) for t, _ in self.persons]),
            "mean persons found": mean([float(f) for _, f in self.persons]),
        }

    def _by_size(self) -> dict[str, float]:
        """AP^p_50 of the pictures with so many people, where these numbers differ."""
        sizes = sorted({there for there, _ in self.persons})
        if len(sizes) < 2:
            return {}
        both = list(zip(self.persons, self.overlaps, strict=True))
        return {
            f"AP^p_50, {size} people": average_precision([o for (there, _), o in both if there == size], 0.5)
            for size in sizes
        }


class CompositeTask(PeopleTask[Composite]):
    """Two photos side by side: real people, in the vocabulary's own labels."""

    name = "composites"

    def people(self, truth: Composite) -> tuple[Plane, Plane]:
        return self.vocabulary.truth(truth.labels), truth.owner

    def _numbers(self) -> dict[str, float]:
        return {
            "composites": len(self.persons),
            "two persons found": mean([float(found == 2) for _, found in self.persons]),
            "mean persons found": mean([float(found) for _, found in self.persons]),
        }


class GroupTask(PeopleTask[LabelledScene]):
    """Generated scenes of several people who occlude each other; body parts count as skin."""

    name = "groups"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19, rule: PartRule | None = None) -> None:
        super().__init__(vocabulary, rule)
        self._table = scene_table(vocabulary)

    def people(self, truth: LabelledScene) -> tuple[Plane, Plane]:
        return self._table[truth.classes], truth.persons
