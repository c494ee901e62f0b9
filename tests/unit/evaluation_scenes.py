"""A small honest maker of scenes with exact truth, and a parser that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import BODY
from model.evaluation.scenes import WORDS, LabelledScene
from model.parsing import Parsing, Person, Query, Segment
from model.vocabulary.taxonomy import DEFAULT, kind_of

Plane = NDArray[np.uint8]
TOPS = ("shirt", "sweater", "coat", "vest")
UNSEEN_TOPS = ("poncho", "tunic", "kimono")


@dataclass(frozen=True, slots=True, eq=False)
class FakeScene:
    image: Plane
    classes: Plane
    persons: Plane
    loose: NDArray[np.bool_]


class FakeMaker:
    """Figures of five stripes (hair, face, top, pants, shoes) side by side on noise."""

    def __init__(self, *, held_out: bool = False, backgrounds: Sequence[Plane] = ()) -> None:
        self.tops = UNSEEN_TOPS if held_out else TOPS
        self.backgrounds = backgrounds

    def make(
        self, seed: int, size: tuple[int, int], *, people: int | None = None, portrait: bool = False
    ) -> FakeScene:
        assert not portrait and people is not None
        rng = np.random.default_rng(seed)
        height, width = size[0] // 8, size[1] // 8  # small, so that tests are fast
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        classes, persons = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
        wide = width // people
        for person in range(people):
            body = slice(person * wide + 1, (person + 1) * wide - 1)
            garments = ("hair", "face", str(rng.choice(self.tops)), "pants", "shoes")
            for i, name in enumerate(garments):
                rows = slice(height * i // 5, height * (i + 1) // 5)
                classes[rows, body] = WORDS.index(name)
            persons[:, body] = person + 1
        return FakeScene(image, classes, persons, np.zeros_like(classes, np.bool_))

    def make_standalone(self, seed: int, size: tuple[int, int]) -> FakeScene:
        scene = self.make(seed, size, people=2)
        loose = scene.persons == 2
        return FakeScene(
            scene.image, np.where(loose, 0, scene.classes), np.where(loose, 0, scene.persons), loose
        )


class SceneParser:
    """Answers with the truth of the scenes of these makers; draws them anew to know it.

    deaf_to: words it never finds; labels_loose: whether it gives loose garments a label.
    """

    name = "truth"
    revision = "0" * 12

    def __init__(
        self, scenes: Sequence[LabelledScene], deaf_to: Sequence[str] = (), *, labels_loose: bool = False
    ) -> None:
        self.known = {scene.image.tobytes(): scene for scene in scenes}
        self.deaf_to = set(deaf_to)
        self.labels_loose = labels_loose
        self.asked: list[Query] = []

    def parse(self, images: Sequence[Plane], queries: Sequence[Query]) -> list[Parsing]:
        self.asked += queries
        return [
            self._answer(self.known[image.tobytes()], query)
            for image, query in zip(images, queries, strict=True)
        ]

    def _answer(self, scene: LabelledScene, query: Query) -> Parsing:
        words = set(DEFAULT if query.prompts is None else query.prompts)
        if query.body_parts:
            words |= {"hair", *BODY}
        segment_map = np.zeros(scene.classes.shape, np.uint16)
        segments: list[Segment] = []
        for person in range(1, int(scene.persons.max()) + 1):
            for id_ in np.unique(scene.classes[scene.persons == person]).tolist():
                label = self._label(WORDS[id_], words)
                if label is not None and WORDS[id_] not in self.deaf_to:
                    mask = (scene.persons == person) & (scene.classes == id_)
                    segment_map[mask] = len(segments) + 1
                    segments.append(_segment(len(segments) + 1, label, person, int(mask.sum())))
        if self.labels_loose and isinstance(scene, FakeScene):
            segment_map[scene.loose] = len(segments) + 1
            segments.append(_segment(len(segments) + 1, "coat", 1, int(scene.loose.sum())))
        persons = tuple(
            Person(i, 1.0, (0, 0, 1, 1), int((scene.persons == i).sum()))
            for i in range(1, int(scene.persons.max()) + 1)
        )
        return Parsing(segment_map, scene.persons.astype(np.uint16), persons, tuple(segments))

    @staticmethod
    def _label(word: str, words: set[str]) -> str | None:
        """The word asked that names this one; ccp19 asks 'top' for a shirt and 'skin' for a face."""
        wider = {"shirt": "top", "face": "skin"}.get(word, word)
        return word if word in words else wider if wider in words else None


def _segment(id_: int, label: str, person: int, area: int) -> Segment:
    return Segment(id_, label, kind_of(label), person, 1.0, (0, 0, 1, 1), area)
