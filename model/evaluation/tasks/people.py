"""Is everybody found who is there, and nobody where nobody is?"""

from __future__ import annotations

from model.data.ccp import IGNORE, CcpItem
from model.evaluation.metrics.people import PersonOverlap, person_overlap
from model.evaluation.metrics.pixels import mean
from model.evaluation.result import Result
from model.evaluation.tasks.task import OneQuestion
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query


class PersonTask(OneQuestion):
    """Is the labelled person's mask right? Means over pictures, see `PersonOverlap`."""

    name = "persons"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19) -> None:
        self.query = Query(prompts=vocabulary.prompts)
        self.overlaps: list[PersonOverlap] = []

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        mask, valid = truth.labels > 0, truth.labels != IGNORE
        self.overlaps.append(person_overlap(parsing.person_map, mask & valid, valid))

    def result(self) -> Result:
        return Result(
            self.name,
            {
                "IoU of the best person": mean([o.best for o in self.overlaps]),
                "IoU of the matching persons together": mean([o.union for o in self.overlaps]),
                "pictures with one matching person": mean([float(o.matching == 1) for o in self.overlaps]),
                "pictures with none": mean([float(o.matching == 0) for o in self.overlaps]),
                "lowest IoU of the best person": min((o.best for o in self.overlaps), default=float("nan")),
            },
        )


class EmptyTask(OneQuestion):
    """Pictures without people: every person or segment is one too many. The truth is the picture's name."""

    name = "empty"

    def __init__(self, query: Query | None = None) -> None:
        self.query = query or Query()
        self.answers: list[tuple[str, tuple[int, int]]] = []

    def add(self, truth: str, parsing: Parsing) -> None:
        self.answers.append((truth, (len(parsing.persons), len(parsing.segments))))

    def result(self) -> Result:
        clean = sum(counts == (0, 0) for _, counts in self.answers)
        summary: dict[str, float] = {"pictures": len(self.answers), "with no person and no segment": clean}
        return Result(self.name, summary, ("persons", "segments"), tuple(self.answers))
