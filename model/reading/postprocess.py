"""Readout -> Parsing: the way through the reading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.parsing import Kind, Parsing, Person, Segment
from model.reading.closer import Window
from model.reading.colors import colors_of
from model.reading.competition import compete
from model.reading.enlarge import Floats, Frame, winners
from model.reading.existence import Pieces, features_of, likelihood
from model.reading.grouping import Grouping, Groups, group
from model.reading.people import People, find_people
from model.reading.readout import AskedTerm, Readout
from model.reading.thresholds import Thresholds


def read(
    readout: Readout,
    image: NDArray[np.uint8],
    *,
    thresholds: Thresholds | None = None,
    min_score: float = 0.0,
    phrases: Sequence[str] = (),
    closer: Sequence[tuple[Window, Readout]] = (),
    existence: Mapping[str, float] | None = None,
) -> Parsing:
    """The parse of `image` (H, W, 3) RGB, at its own size.

    `closer` are further looks at parts of it, which say more of what is worn; who is there `readout` says.
    `existence` are weights by which a label's likelihood on its person is told (`model.reading.existence`).

    `phrases` are the caller's own prompts: those that nothing answers come back in their order as
    `unmatched_prompts`; one that no other term answers names whole persons, if the term 'person' was
    asked. Persons and segments under `min_score` are left out. Memory: the two answer
    maps (4 bytes a pixel) and about 100 bytes for each of at most `working_pixels` pixels.
    Raises ValueError when the network's numbers are not finite.
    """
    limits = thresholds or Thresholds()
    frame = Frame.within((image.shape[0], image.shape[1]), limits.working_pixels)
    answer = answered(readout, frame, limits, closer=closer, existence=existence, min_score=min_score)
    if answer is None:
        nothing = np.zeros(frame.size, np.uint16)
        return Parsing(nothing, nothing.copy(), unmatched_prompts=tuple(phrases))
    return answer.parsing(frame.shrink(image), phrases, limits)


@torch.inference_mode()
def answered(
    readout: Readout,
    frame: Frame,
    limits: Thresholds,
    *,
    closer: Sequence[tuple[Window, Readout]] = (),
    existence: Mapping[str, float] | None = None,
    min_score: float = 0.0,
) -> Answer | None:
    """Who is in a picture and what they wear, before anything is left out; None where there is nobody."""
    for look in (readout, *(seen for _, seen in closer)):
        _check(look)
    people = find_people(readout, frame.inner, limits)
    if people is None:
        return None
    rivals = compete(readout, limits, closer)
    legend = Legend.of(readout)
    extent = _extent(readout, rivals.maps)
    index, probability = winners(rivals.maps, frame.inner, extent=extent)
    cell = frame.inner[0] * frame.inner[1] / (extent[0] * extent[1])
    groups = Groups(legend.label_of_term[rivals.terms][index], legend.accessory, cell)
    grouping = group(groups, people, limits)
    return Answer(
        legend, people, grouping, frame, min_score, probability, (readout, tuple(closer)), existence or {}
    )


@dataclass(frozen=True, slots=True)
class Legend:
    """Labels 1..L of one readout: the terms that answer one phrase share a label.

    label_of_term (P + 1,): terms without the person term map to 0 at their end ('none of them').
    accessory (L + 1,); terms: for each label 0..L the terms behind it.
    """

    label_of_term: NDArray[np.uint16]
    accessory: NDArray[np.bool_]
    terms: tuple[tuple[AskedTerm, ...], ...]
    person_asked: bool

    @classmethod
    def of(cls, readout: Readout) -> Legend:
        """Terms that only compete get labels of their own: they help to shape persons."""
        labels: dict[str | int, int] = {}
        members: list[list[AskedTerm]] = [[]]
        label_of_term = np.zeros(len(readout.terms) + 1, np.uint16)
        for index, term in enumerate(readout.terms):
            if index == readout.person:
                continue
            label = labels.setdefault(index if term.answers is None else term.answers, len(members))
            if label == len(members):
                members.append([])
            members[label].append(term)
            label_of_term[index] = label
        accessory = [bool(m) and all(t.kind == "accessory" for t in m) for m in members]
        person = readout.terms[readout.person]
        return cls(label_of_term, np.array(accessory), tuple(map(tuple, members)), person.asked)

    def phrase(self, label: int) -> str | None:
        """The caller's phrase of a label; None where it only competed."""
        return self.terms[label][0].answers if self.terms[label] else None

    def kind(self, label: int) -> Kind:
        """Kind of a label: that of the first term behind it."""
        return self.terms[label][0].kind

    def taxonomy(self, label: int) -> tuple[str, ...]:
        """What the paths of a label's terms have in common, from the root."""
        first, *others = (term.path for term in self.terms[label])
        same = 0
        while same < len(first) and all(path[: same + 1] == first[: same + 1] for path in others):
            same += 1
        return first[:same]

    def colored(self, label: int) -> bool:
        """Whether colours say something of it: garments, accessories and hair."""
        if self.phrase(label) is None:
            return False
        words = (
            word
            for term in self.terms[label]
            for text in (*term.path, term.phrase)
            for word in re.findall(r"[a-z]+", text.lower())
        )
        return self.kind(label) != "body" or "hair" in words


def _check(readout: Readout) -> None:
    """Half precision overflows quietly: an answer made of such numbers would look like an empty picture."""
    for name in ("masks", "labels", "dense"):
        if not bool(getattr(readout, name).sum().isfinite()):
            raise ValueError(f"the network's {name} are not finite")


def _extent(readout: Readout, maps: Floats) -> tuple[float, float]:
    """How many cells of `maps` (K, h, w) the picture covers: those of the readout, or finer ones."""
    down, across = readout.extent or (readout.masks.shape[1], readout.masks.shape[2])
    finer = maps.shape[1] / readout.masks.shape[1]
    return down * finer, across * finer


@dataclass(frozen=True, slots=True)
class Answer:
    """Grouped segments on their way to numbered ones.

    probability (inner) of the winning term; looks: the first one, and closer ones; existence: weights.
    """

    legend: Legend
    people: People
    grouping: Grouping
    frame: Frame
    min_score: float
    probability: Floats
    looks: tuple[Readout, tuple[tuple[Window, Readout], ...]]
    existence: Mapping[str, float]

    def parsing(self, image: NDArray[np.uint8], phrases: Sequence[str], limits: Thresholds) -> Parsing:
        """Score, drop, number and measure. image (inner, 3)."""
        area = self.frame.count(self.grouping.segments, len(self.grouping.label) - 1)
        certain = self._certain()
        scores = np.clip(self._owners_scores() * certain, 0, 1)
        person_number = self._number_persons(limits)
        kept = self._kept(scores, person_number, self._doubted(certain, limits))
        kept.sort(key=lambda k: (person_number[self.grouping.person[k]], -area[k], self.grouping.label[k]))
        number = np.zeros(len(area), np.uint16)
        number[kept] = np.arange(1, len(kept) + 1)
        segment_map, person_map = number[self.grouping.segments], person_number[self.grouping.people]

        labels = [int(self.grouping.label[k]) for k in kept]
        owners = [int(person_number[self.grouping.person[k]]) for k in kept]
        wanted = np.array([False, *(self.legend.colored(label) for label in labels)])
        palettes = colors_of(segment_map, image, wanted, limits)
        segments = tuple(
            Segment(
                id=place,
                label=str(self.legend.phrase(label)),
                kind=self.legend.kind(label),
                person_id=owner,
                score=float(scores[old]),
                bbox=box,
                area=int(area[old]),
                taxonomy=self.legend.taxonomy(label),
                colors=palettes[place],
            )
            for place, (old, label, owner, box) in enumerate(
                zip(kept, labels, owners, self.frame.boxes(segment_map, len(kept)), strict=True), start=1
            )
        )
        persons = self._persons(person_map, person_number, segments)
        return Parsing(
            self.frame.full(segment_map),
            self.frame.full(person_map),
            persons,
            segments,
            self._unmatched(phrases, persons, segments),
        )

    def _certain(self) -> NDArray[np.float64]:
        """Mean probability of the label, of each grouped segment."""
        flat = self.grouping.segments.ravel()
        size = np.bincount(flat, minlength=len(self.grouping.label))
        mass = np.bincount(flat, weights=self.probability.ravel(), minlength=len(size))
        return mass / np.maximum(size, 1)

    def _owners_scores(self) -> NDArray[np.float64]:
        return np.concatenate(([0.0], self.people.scores))[self.grouping.person]

    def _doubted(self, certain: NDArray[np.float64], limits: Thresholds) -> NDArray[np.bool_]:
        """Which grouped segments are both unlikely and small: most such are no garment of their own.

        `docs/decisions/0025-is-it-there.md` has what it is measured by.
        """
        share = self._shares()
        doubted = (share < limits.doubtful_share) & (certain < limits.doubt)
        if self.existence:
            there = likelihood(self.evidence(), self.existence)
            doubted |= (share < limits.existence_share) & (there < limits.existence)
        return doubted

    def _shares(self) -> NDArray[np.float64]:
        """Of each grouped segment, the share of its person's pixels."""
        size = np.bincount(self.grouping.segments.ravel(), minlength=len(self.grouping.label))
        person = np.bincount(self.grouping.people.ravel(), minlength=len(self.people) + 1)
        return size / np.maximum(person[self.grouping.person], 1)

    @torch.inference_mode()
    def evidence(self) -> NDArray[np.float64]:
        """What speaks for each grouped segment; see `features_of`."""
        labels = range(len(self.legend.terms))
        first, closer = self.looks
        pieces = Pieces(
            self.grouping.segments,
            self.grouping.label,
            self._shares(),
            self.legend.label_of_term[None] == np.array(labels)[:, None],
            self.legend.accessory,
            np.array([label > 0 and self.legend.kind(label) == "body" for label in labels]),
        )
        return features_of(pieces, first, closer)

    def _number_persons(self, limits: Thresholds) -> NDArray[np.uint16]:
        """New ids of the persons that come back, by old id; 0 for the others.

        Whoever has a body and clothes has parts: a person's shape with hardly a pixel of one is nobody.
        """
        flat, count = self.grouping.people.ravel(), len(self.people) + 1
        seen = np.bincount(flat, minlength=count)[1:]
        named = np.bincount(flat, weights=self.grouping.segments.ravel() > 0, minlength=count)[1:]
        parts = named >= limits.person_named * seen
        stays = (seen > 0) & parts & (self.people.scores >= self.min_score)
        return np.concatenate(([0], np.where(stays, np.cumsum(stays), 0))).astype(np.uint16)

    def _kept(
        self, scores: NDArray[np.float64], person_number: NDArray[np.uint16], doubted: NDArray[np.bool_]
    ) -> list[int]:
        """The grouped segments that come back."""
        return [
            k
            for k in range(1, len(scores))
            if person_number[self.grouping.person[k]]
            and scores[k] >= self.min_score
            and not doubted[k]
            and self.legend.phrase(int(self.grouping.label[k])) is not None
        ]

    def _persons(
        self, person_map: NDArray[np.uint16], number: NDArray[np.uint16], segments: tuple[Segment, ...]
    ) -> tuple[Person, ...]:
        top = int(number.max())
        area, boxes = self.frame.count(person_map, top), self.frame.boxes(person_map, top)
        scores = self.people.scores[np.flatnonzero(number) - 1]
        return tuple(
            Person(
                id=i,
                score=float(np.clip(scores[i - 1], 0, 1)),
                bbox=boxes[i - 1],
                area=int(area[i]),
                segments=tuple(s.id for s in segments if s.person_id == i),
            )
            for i in range(1, top + 1)
        )

    def _unmatched(
        self, phrases: Sequence[str], persons: tuple[Person, ...], segments: tuple[Segment, ...]
    ) -> tuple[str, ...]:
        found = {segment.label for segment in segments}
        if persons and self.legend.person_asked:
            answered = {self.legend.phrase(label) for label in range(len(self.legend.terms))}
            found |= set(phrases) - {phrase for phrase in answered if phrase is not None}
        return tuple(phrase for phrase in phrases if phrase not in found)
