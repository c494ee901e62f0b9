"""What exports are made of: answers under the names of their pictures, and the categories they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PERSON = "person"


@dataclass(frozen=True, slots=True)
class Source:
    """An answer with masks, as `POST /parse` gives it, and the file name of its picture."""

    answer: Mapping[str, Any]
    name: str

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return int(self.answer["image"]["height"]), int(self.answer["image"]["width"])

    @property
    def persons(self) -> Sequence[Mapping[str, Any]]:
        """The answer's persons; empty where they were left out."""
        return self.answer.get("persons") or ()

    @property
    def segments(self) -> Sequence[Mapping[str, Any]]:
        """The answer's segments; empty where they were left out."""
        return self.answer.get("segments") or ()

    @property
    def has_masks(self) -> bool:
        """Whether every person and segment has its mask."""
        return all(part.get("mask") for part in (*self.persons, *self.segments))


def file_name(answer: Mapping[str, Any]) -> str:
    """The picture's own name where the caller gave it in `metadata.file_name`, else one by its SHA-256."""
    given = (answer.get("metadata") or {}).get("file_name")
    return str(given) if given else f"{answer['image']['sha256']}.jpg"


def categories(sources: Sequence[Source], *, persons: bool) -> list[dict[str, Any]]:
    """COCO categories from 1 on, in the order of first appearance; `persons`: theirs first, if any."""
    above: dict[str, str] = {}
    if persons and any(source.persons for source in sources):
        above[PERSON] = PERSON
    for source in sources:
        for segment in source.segments:
            taxonomy = segment.get("taxonomy") or [segment["kind"]]
            above.setdefault(segment["label"], taxonomy[0])
    return [
        {"id": number, "name": name, "supercategory": parent, "isthing": 1}
        for number, (name, parent) in enumerate(above.items(), start=1)
    ]


def ids(listed: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Category name -> id."""
    return {category["name"]: category["id"] for category in listed}


def images(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """COCO's list of pictures, ids from 1 on."""
    return [
        {"id": number, "file_name": source.name, "height": source.size[0], "width": source.size[1]}
        for number, source in enumerate(sources, start=1)
    ]
