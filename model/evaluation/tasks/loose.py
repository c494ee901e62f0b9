"""Are garments that nobody wears left alone?"""

from __future__ import annotations

import numpy as np

from model.evaluation.result import Result
from model.evaluation.scenes import LabelledScene
from model.evaluation.tasks.task import OneQuestion
from model.parsing import Parsing, Query


class StandaloneTask(OneQuestion):
    """One person beside garments that lie or hang about: the share of the garments' pixels with any label.

    The default vocabulary is asked. What the person wears is counted too, since a parser that labels nothing
    would label no loose garment either. Shares are of all pixels of all pictures.
    """

    name = "standalone"

    def __init__(self, query: Query | None = None) -> None:
        self.query = query or Query()
        self.pixels = np.zeros((2, 3), np.int64)  # loose, worn; all, labelled, of a person
        self.clean: list[bool] = []
        self.alone: list[bool] = []

    def add(self, truth: LabelledScene, parsing: Parsing) -> None:
        labelled, person = parsing.segment_map > 0, parsing.person_map > 0
        for row, mask in enumerate((truth.loose, (truth.persons > 0) & (truth.classes > 0))):
            self.pixels[row] += [np.count_nonzero(m) for m in (mask, mask & labelled, mask & person)]
        self.clean.append(not (truth.loose & labelled).any())
        self.alone.append(len(parsing.persons) == 1)

    def result(self) -> Result:
        loose, worn = (
            row[1:] / row[0] if row[0] else np.full(2, np.nan) for row in self.pixels.astype(np.float64)
        )
        return Result(
            self.name,
            {
                "pictures": len(self.clean),
                "loose pixels labelled": float(loose[0]),
                "loose pixels taken for a person": float(loose[1]),
                "the person's pixels labelled": float(worn[0]),
                "pictures with no loose pixel labelled": sum(self.clean),
                "pictures with one person": sum(self.alone),
            },
        )
