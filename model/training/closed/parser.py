"""The closed-set network behind the protocol that the evaluation knows: photos and queries in, parsings out.

What it cannot do is what it is there to show. A prompt that names none of its classes is unmatched. It has
no idea of a person, so every connected piece of foreground is one: two people who touch are one person, a
foot that a pole cuts off is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

from model.evaluation.vocabularies import CCP19, CCP19_SYNONYMS
from model.parsing import Parsing, Person, Query, Segment
from model.reading.enlarge import Frame, winners
from model.reading.thresholds import Thresholds
from model.training.closed import network as closed
from model.vocabulary import AskedTerm, exact, resolve

Picture = NDArray[np.uint8]


class ClosedParser:
    """A closed-set network that answers queries in the words of its classes. Stateless."""

    name = "closed"

    def __init__(
        self, network: closed.ClosedNetwork, *, revision: str = "unsaved", device: str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config = network.config
        self.revision = revision
        self.thresholds = Thresholds()

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto", threads: int | None = None) -> ClosedParser:
        """Load a folder that the training wrote. CheckpointError (a ValueError) when it cannot be had."""
        if threads is not None:
            torch.set_num_threads(threads)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        folder = Path(path)
        return cls(closed.load(folder), revision=closed.revision(folder), device=device)

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """(height, width) at which a picture enters the network, by the rule of `model.parser.Parser`."""
        c = self.config
        scale = min(c.short_side / min(width, height), c.max_long_side / max(width, height))
        tall, wide = (
            max(c.multiple, round(side * scale / c.multiple) * c.multiple) for side in (height, width)
        )
        return tall, wide

    def parse(self, images: Sequence[Picture], queries: Sequence[Query]) -> list[Parsing]:
        """One parsing for each picture (H, W, 3) RGB, at the picture's own size.

        ValueError for a picture of another shape or type, and for lists of different lengths.
        """
        if len(images) != len(queries):
            raise ValueError(f"{len(images)} pictures and {len(queries)} queries")
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
                raise ValueError(f"a picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        return [self._parse(image, query) for image, query in zip(images, queries, strict=True)]

    @torch.inference_mode()
    def _parse(self, image: Picture, query: Query) -> Parsing:
        asked = Question.of(query, self.config.classes)
        pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)[None]
        size = self.input_size(image.shape[1], image.shape[0])
        small = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
        entered = (small.float() / 255).to(self.device).contiguous(memory_format=torch.channels_last)
        likely = self.network(entered)[0].softmax(0).cpu().numpy()  # (C, h, w)
        frame = Frame.within((image.shape[0], image.shape[1]), self.thresholds.working_pixels)
        classes, probability = winners(likely, frame.inner)
        return answer(classes, probability, frame, asked, query.min_score, self.thresholds.person_area)


@dataclass(frozen=True, slots=True)
class Question:
    """terms: what was asked and has a class; term_of_class (C,): its place in `terms` + 1, 0 for none."""

    terms: tuple[AskedTerm, ...]
    term_of_class: NDArray[np.uint16]
    phrases: tuple[str, ...]
    persons: tuple[str, ...]

    @classmethod
    def of(cls, query: Query, classes: Sequence[str]) -> Question:
        """Where two prompts mean one class, the first one has it. Default vocabularies have no phrases."""
        resolved = resolve(query, gloss=False)
        known = _words(classes)
        terms: list[AskedTerm] = []
        term_of_class = np.zeros(len(classes), np.uint16)
        for term in resolved.terms[:-1]:
            found = exact(term.phrase)
            place = known.get(term.phrase, known.get(found.name, 0) if found else 0)
            if term.asked and place and not term_of_class[place]:
                terms.append(term)
                term_of_class[place] = len(terms)
        own = query.prompts is not None or query.caption is not None
        return cls(tuple(terms), term_of_class, resolved.phrases if own else (), resolved.persons)


def _words(classes: Sequence[str]) -> dict[str, int]:
    """Words that name a class: its own, and the rewordings of the evaluation."""
    words = {name: place for place, name in enumerate(classes) if place}
    for name, other in zip(CCP19.prompts, CCP19_SYNONYMS.prompts, strict=True):
        if name in words:
            words.setdefault(other, words[name])
    return words


def answer(
    classes: NDArray[np.uint16],
    probability: NDArray[np.float32],
    frame: Frame,
    asked: Question,
    min_score: float = 0.0,
    least: float = 0.0005,
) -> Parsing:
    """classes, probability (inner): the likeliest class of each pixel and how likely -> the parsing.

    Every connected piece of foreground (corners connect) is a person, by falling size; pieces under the share
    `least` of the picture are nobody. Scores are mean probabilities.
    """
    pieces, count = ndimage.label(classes > 0, np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    scores = np.bincount(pieces.ravel(), weights=probability.ravel(), minlength=count + 1) / sizes.clip(1)
    stay = [k for k in range(1, count + 1) if sizes[k] >= least * pieces.size and scores[k] >= min_score]
    stay.sort(key=lambda k: -sizes[k])
    person_map = _renumbered(pieces, stay, count)
    segments, segment_map = _segments(classes, probability, person_map, frame, asked, min_score)
    boxes, areas = frame.boxes(person_map, len(stay)), frame.count(person_map, len(stay))
    persons = tuple(
        Person(
            id=i,
            score=float(min(1.0, scores[old])),
            bbox=boxes[i - 1],
            area=int(areas[i]),
            segments=tuple(s.id for s in segments if s.person_id == i),
        )
        for i, old in enumerate(stay, 1)
    )
    found = {s.label for s in segments} | (set(asked.persons) if persons else set())
    unmatched = tuple(phrase for phrase in asked.phrases if phrase not in found)
    return Parsing(frame.full(segment_map), frame.full(person_map), persons, segments, unmatched)


def _segments(
    classes: NDArray[np.uint16],
    probability: NDArray[np.float32],
    person_map: NDArray[np.uint16],
    frame: Frame,
    asked: Question,
    min_score: float,
) -> tuple[tuple[Segment, ...], NDArray[np.uint16]]:
    """Each asked class of each person is a segment: those of one person stand together, the largest first."""
    terms = len(asked.terms) + 1
    term = np.where(person_map > 0, asked.term_of_class[classes], 0).astype(np.int64)
    key = np.where(term > 0, person_map.astype(np.int64) * terms + term, 0)
    keys, flat = np.unique(key.ravel(), return_inverse=True)
    area = frame.count(flat.reshape(key.shape), len(keys) - 1)
    score = np.bincount(flat, weights=probability.ravel()) / np.bincount(flat)
    stay = [k for k in range(len(keys)) if keys[k] and score[k] >= min_score]
    stay.sort(key=lambda k: (keys[k] // terms, -area[k], keys[k]))
    segment_map = _renumbered(flat.reshape(key.shape), stay, len(keys) - 1)
    boxes = frame.boxes(segment_map, len(stay))
    segments = []
    for id_, k in enumerate(stay, 1):
        said = asked.terms[int(keys[k] % terms) - 1]
        segments.append(
            Segment(
                id=id_,
                label=said.phrase,
                kind=said.kind,
                person_id=int(keys[k] // terms),
                score=float(min(1.0, score[k])),
                bbox=boxes[id_ - 1],
                area=int(area[k]),
                taxonomy=said.path,
            )
        )
    return tuple(segments), segment_map


def _renumbered(ids: NDArray[np.integer], stay: Sequence[int], top: int) -> NDArray[np.uint16]:
    """ids 0..top -> 1.. in the order of `stay`, 0 for those that do not stay."""
    table = np.zeros(top + 1, np.uint16)
    table[list(stay)] = np.arange(1, len(stay) + 1)
    return table[ids]
