"""Does the parser find garments by words that no training stage has seen?"""

from __future__ import annotations

import numpy as np

from model.data.ccp import BODY, CLASSES
from model.data.held_out import HELD_OUT_GARMENTS
from model.evaluation.metrics.pixels import class_accuracy, class_iou, confusion, mean
from model.evaluation.result import Result
from model.evaluation.scenes import WORDS, LabelledScene
from model.parsing import Parsing, Query
from model.vocabulary.taxonomy import kind_of

BARE = ("background", "hair", *BODY)
"""What is no garment."""

HELD_OUT_IDS = tuple(range(len(CLASSES), len(WORDS)))
SEEN_IDS = tuple(i for i, word in enumerate(WORDS) if word not in (*HELD_OUT_GARMENTS, *BARE))


class UnseenTask:
    """mIoU of words that training never saw, beside those it saw, in the same pictures.

    Protocol: generated scenes of one or two people who wear held-out garments among others. Each picture
    is asked as a caller asks: the garment words of its own people, seen and unseen alike, and the body
    parts. All pixels of all pictures go into one confusion matrix over all words; IoU is taken per word
    over it, and the mean over the held-out words, over the seen garment words, and their ratio are
    reported. A word that no picture shows does not count. A word is never asked where it is not, so the
    figures are higher than those of a vocabulary asked whole: they compare words with each other. All
    held-out words are clothing, and small accessories are hard whatever the word, so the seen clothing
    stands by itself too.
    """

    name = "unseen"

    def __init__(self) -> None:
        self.matrix = np.zeros((len(WORDS),) * 2, np.int64)
        self.pictures = 0

    def ask(self, truth: LabelledScene, /) -> Query:
        """The garments that can be seen in the picture, in the order of `WORDS`, and the body parts."""
        return Query(prompts=garments_in(truth), body_parts=True)

    def add(self, truth: LabelledScene, parsing: Parsing) -> None:
        self.pictures += 1
        predicted = np.zeros(int(parsing.segment_map.max(initial=0)) + 1, np.uint8)
        for segment in parsing.segments:
            if segment.id < len(predicted):
                predicted[segment.id] = WORDS.index(segment.label)
        self.matrix += confusion(truth.classes, predicted[parsing.segment_map], len(WORDS))

    def result(self) -> Result:
        iou, accuracy = class_iou(self.matrix), class_accuracy(self.matrix)
        shown = [i for i in (*HELD_OUT_IDS, *SEEN_IDS) if self.matrix[i].any()]
        held_out = mean(iou[[i for i in shown if i in HELD_OUT_IDS]])
        seen = mean(iou[[i for i in shown if i in SEEN_IDS]])
        clothing = mean(iou[[i for i in shown if i in SEEN_IDS and kind_of(WORDS[i]) == "clothing"]])
        kinds = {i: "unseen" if i in HELD_OUT_IDS else "seen" for i in shown}
        return Result(
            self.name,
            {
                "pictures": self.pictures,
                "mIoU of unseen words": held_out,
                "mIoU of seen words": seen,
                "mIoU of seen clothing": clothing,
                "unseen / seen": held_out / seen if seen > 0 else float("nan"),
                "unseen / seen clothing": held_out / clothing if clothing > 0 else float("nan"),
                "unseen words": sum(i in HELD_OUT_IDS for i in shown),
                "seen words": sum(i in SEEN_IDS for i in shown),
            },
            ("IoU", "accuracy", "pixels"),
            tuple(
                (
                    f"{WORDS[i]} ({kinds[i]})",
                    (float(iou[i]), float(accuracy[i]), int(self.matrix[i].sum())),
                )
                for i in shown
            ),
        )


def garments_in(scene: LabelledScene) -> tuple[str, ...]:
    """Names of the garments that the people of a scene visibly wear."""
    worn = np.unique(scene.classes[scene.persons > 0])
    return tuple(WORDS[i] for i in worn.tolist() if i < len(WORDS) and WORDS[i] not in BARE)
