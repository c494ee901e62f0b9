"""Several people in one picture: are they told apart, and does each own what they wear?"""

from __future__ import annotations

from model.evaluation.composites import Composite
from model.evaluation.metrics.owners import PartCount, PartRule, count_parts
from model.evaluation.metrics.people import match_persons
from model.evaluation.metrics.pixels import mean
from model.evaluation.result import Result
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query


class CompositeTask:
    """Two people side by side: are they two, and does each own what they wear? See `count_parts`."""

    name = "composites"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19, rule: PartRule | None = None) -> None:
        self.vocabulary = vocabulary
        self.query = Query(prompts=vocabulary.prompts)
        self.rule = rule or PartRule()
        self.persons: list[int] = []
        self.counts: dict[int, PartCount] = {}

    def add(self, truth: Composite, parsing: Parsing) -> None:
        matched = {f: t for t, f in match_persons(truth.owner, parsing.person_map).items()}
        segments = {
            s.id: (self.vocabulary.class_of_prompt(s.label), matched.get(s.person_id, 0))
            for s in parsing.segments
        }
        classes = self.vocabulary.truth(truth.labels)
        counts = count_parts(classes, truth.owner, parsing.segment_map, segments, self.rule)
        for class_, count in counts.items():
            self.counts[class_] = self.counts.get(class_, PartCount()) + count
        self.persons.append(len(parsing.persons))

    def result(self) -> Result:
        total = sum(self.counts.values(), PartCount())
        return Result(
            self.name,
            {
                "composites": len(self.persons),
                "two persons found": mean([float(n == 2) for n in self.persons]),
                "mean persons found": mean([float(n) for n in self.persons]),
                "right person, of parts found": total.right_of_found,
                "right person, of all parts": total.right_of_all,
            },
            ("parts", "found", "right person", "right of found"),
            tuple(
                (self.vocabulary.names[i], (c.parts, c.found, c.right, c.right_of_found))
                for i, c in sorted(self.counts.items())
            ),
        )
