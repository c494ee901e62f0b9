"""Tiny prepared datasets, and a parser that knows their truth: what the evaluation is tested with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import IGNORE, LABELS, PARTS, CcpDataset, CcpItem, class_map
from model.evaluation.composites import Composite
from model.evaluation.distant import Distant
from model.evaluation.tasks.body import PartTask
from model.evaluation.vocabularies import VOCABULARIES
from model.parsing import Parsing, Person, Query, Segment

REAL = Path(__file__).parent.parent / "data" / "ccp"
"""Two real photos with their labels."""

Plane = NDArray[np.uint8]


def label(name: str) -> int:
    return LABELS.index(name)


def part(name: str) -> int:
    return PARTS.index(name)


def figure(
    height: int = 80, width: int = 60, *, top: str = "shirt", bottom: str = "pants"
) -> tuple[Plane, Plane]:
    """Labels and parts of one standing figure: hair, face, top, bottom, shoes, one under the other."""
    labels, parts = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    rows = np.linspace(height // 10, height - height // 10, 6).astype(int)
    names = ("hair", "skin", top, bottom, "shoes")
    body = ("none", "left_face", "torso_front", "left_upper_leg_front", "left_foot")
    for name, body_part, (start, stop) in zip(names, body, pairwise(rows), strict=True):
        labels[start:stop, width // 3 : width - width // 3] = label(name)
        parts[start:stop, width // 3 : width - width // 3] = part(body_part)
    return labels, parts


def write_root(root: Path, split: dict[str, list[tuple[Plane, Plane]]], tagged: Sequence[int] = ()) -> Path:
    """Write a prepared dataset: ids count up over the splits, photos are noise; one tagged photo if asked."""
    rng = np.random.default_rng(0)
    for folder in ("images", "labels", "parts", "images_tagged"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    ids: dict[str, list[str]] = {name: [] for name in split}
    pictures = [(name, *planes) for name, figures in split.items() for planes in figures]
    for number, (name, labels, parts) in enumerate(pictures, 1):
        id_ = f"{number:04d}"
        ids[name].append(id_)
        photo = rng.integers(0, 256, (*labels.shape, 3), np.uint8)
        Image.fromarray(photo).save(root / "images" / f"{id_}.jpg")
        Image.fromarray(labels).save(root / "labels" / f"{id_}.png")
        Image.fromarray(parts).save(root / "parts" / f"{id_}.png")
    index = {"labels": LABELS, "parts": PARTS, "ignore": IGNORE, "split": ids}
    index["tagged"] = {"1005": list(tagged)} if tagged else {}
    (root / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return root


def nothing(image: NDArray[np.uint8]) -> Parsing:
    empty = np.zeros(image.shape[:2], np.uint16)
    return Parsing(segment_map=empty, person_map=empty.copy())


class TruthfulParser:
    """Answers with the truth for the pictures it was told of, and with nothing for any other.

    `deaf_to` are prompts it never finds; `swapped` hangs every segment on the other person of two.
    """

    name = "truth"
    revision = "0" * 12

    def __init__(
        self,
        known: Iterable[CcpItem | Composite | Distant],
        deaf_to: Sequence[str] = (),
        *,
        swapped: bool = False,
    ) -> None:
        self.known = {truth.image.tobytes(): truth for truth in known}
        self.deaf_to = set(deaf_to)
        self.swapped = swapped
        self.asked: list[Query] = []

    def parse(self, images: Sequence[NDArray[np.uint8]], queries: Sequence[Query]) -> list[Parsing]:
        self.asked += queries
        return [self._answer(image, query) for image, query in zip(images, queries, strict=True)]

    def _answer(self, image: NDArray[np.uint8], query: Query) -> Parsing:
        truth = self.known.get(image.tobytes())
        if truth is None or query.prompts is None:
            return nothing(image)
        worn = (truth.labels > 0) & (truth.labels != IGNORE)
        owner = truth.owner if isinstance(truth, Composite) else worn.astype(np.uint8)
        segment_map = np.zeros(owner.shape, np.uint16)
        segments: list[Segment] = []
        people = [int(i) for i in np.unique(owner) if i]
        for person in people:
            wearer = 3 - person if self.swapped else person
            for prompt, mask in _masks(truth, query.prompts).items():
                mine = mask & (owner == person)
                if prompt not in self.deaf_to and mine.any():
                    segment_map[mine] = len(segments) + 1
                    segments.append(
                        Segment(
                            len(segments) + 1, prompt, "clothing", wearer, 1.0, (0, 0, 1, 1), int(mine.sum())
                        )
                    )
        persons = tuple(Person(i, 1.0, (0, 0, 1, 1), int((owner == i).sum())) for i in people)
        return Parsing(segment_map, owner.astype(np.uint16), persons, tuple(segments))


def _masks(truth: CcpItem | Composite | Distant, prompts: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    if prompts == PartTask.classes[1:]:
        assert isinstance(truth, CcpItem)
        classes, names = class_map(truth)
        return {prompt: classes == names.index(prompt) for prompt in prompts}
    vocabulary = next(v for v in VOCABULARIES.values() if set(prompts) <= set(v.prompts))
    classes = vocabulary.truth(truth.labels)
    return {prompt: classes == vocabulary.class_of_prompt(prompt) for prompt in prompts}


def val(root: Path) -> CcpDataset:
    return CcpDataset(root, "val")
