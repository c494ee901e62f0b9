"""COCO panoptic with `person_id` and `caption`: the format for one's own data, see docs/datasets.md.

Layout of a root: `annotations/panoptic_SPLIT.json`, label pictures in `annotations/panoptic_SPLIT/`, photos
in `images/SPLIT/` or `SPLIT/`. Plain COCO panoptic can be read too: there each segment of a person is one
person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE
from model.data.formats.files import first_existing, load_picture, read_photo
from model.data.formats.item import MOST, LabelledPhoto, LabelTable, Photos
from model.data.formats.unify import row_of_word
from model.vocabulary import find, kind_of, path_of

OURS = frozenset({"clothing", "accessory", "body", "person"})
"""Supercategories whose categories must be words of the vocabulary; others are background."""


@dataclass(frozen=True, slots=True)
class Category:
    """One category: its place among the labels, and whether it stands for whole persons."""

    label: int
    person: bool


class CocoPhotos(Photos):
    """One split. Ids are the images' file names."""

    def __init__(self, root: Path, split: str) -> None:
        annotations = first_existing(
            root, [f"annotations/panoptic_{split}.json"], "COCO panoptic annotations"
        )
        self.pictures = first_existing(root, [f"annotations/panoptic_{split}"], "label pictures")
        self.photos = first_existing(root, [f"images/{split}", split], "photos")
        content = _read(annotations)
        self.images = {image["file_name"]: image for image in content["images"]}
        if len(self.images) != len(content["images"]):
            raise ValueError(f"{annotations} names a photo twice")
        self.annotations = {a["image_id"]: a for a in content["annotations"]}
        self.table, self.categories = _categories(content["categories"], annotations)
        segments = (s for a in content["annotations"] for s in a["segments_info"])
        self.tells_persons = any("person_id" in segment for segment in segments)
        super().__init__("coco", tuple(self.images))

    def load(self, id_: str) -> LabelledPhoto:
        image = read_photo(self.photos / id_, id_, transpose=True)
        entry = self.images[id_]
        if (entry["height"], entry["width"]) != image.shape[:2]:
            said = (entry["height"], entry["width"])
            raise ValueError(f"the photo {id_!r} is {image.shape[:2]}, its entry says {said}")
        if entry["id"] not in self.annotations:
            raise ValueError(f"{id_!r} has no annotation")
        annotation = self.annotations[entry["id"]]
        numbers = segment_numbers(self.pictures / annotation["file_name"], id_)
        classes, persons = self._planes(numbers, annotation["segments_info"], id_)
        caption = entry.get("caption") or None
        return LabelledPhoto(id_, image, classes, self.table, persons, caption, worn_only=self.tells_persons)

    def _planes(
        self, numbers: NDArray[np.uint32], segments: list[dict[str, Any]], id_: str
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Labels and persons (H, W) of a picture of segment numbers."""
        found, flat = np.unique(numbers, return_inverse=True)
        by_number = {segment["id"]: segment for segment in segments}
        if strange := [int(n) for n in found if n and n not in by_number]:
            raise ValueError(f"the label picture of {id_!r} holds segment {strange[0]}, which is not listed")
        people = self._people(segments, id_)
        classes, persons = np.zeros(len(found), np.uint8), np.zeros(len(found), np.uint8)
        for place, number in enumerate(found):
            if not number:
                continue
            segment = by_number[int(number)]
            if segment["category_id"] not in self.categories:
                raise ValueError(
                    f"{id_!r} has a segment of category {segment['category_id']}, which is not listed"
                )
            category = self.categories[segment["category_id"]]
            classes[place] = IGNORE if segment.get("iscrowd") else category.label
            persons[place] = people.get(int(number), 0)
        return classes[flat].reshape(numbers.shape), persons[flat].reshape(numbers.shape)

    def _people(self, segments: list[dict[str, Any]], id_: str) -> dict[int, int]:
        """Segment number -> person 1.. of this photo, for the segments that are somebody's."""
        if self.tells_persons:
            own = {s["id"]: s["person_id"] for s in segments if s.get("person_id")}
        else:
            category_of = self.categories.get
            persons = (s for s in segments if (c := category_of(s["category_id"])) and c.person)
            own = {s["id"]: s["id"] for s in persons if not s.get("iscrowd")}
        numbers = {person: i for i, person in enumerate(sorted(set(own.values())), 1)}
        if len(numbers) > MOST:
            raise ValueError(f"{id_!r} has {len(numbers)} people, expected at most {MOST}")
        return {segment: numbers[person] for segment, person in own.items()}


def segment_numbers(path: Path, id_: str) -> NDArray[np.uint32]:
    """(H, W) numbers of a panoptic picture: red + 256 green + 65536 blue."""
    image = load_picture(path, id_)
    if image.mode not in ("RGB", "RGBA"):
        raise ValueError(f"the label picture of {id_!r} is of mode {image.mode}, expected RGB: {path}")
    colors = np.asarray(image.convert("RGB")).astype(np.uint32)
    numbers: NDArray[np.uint32] = colors[..., 0] + 256 * colors[..., 1] + 65536 * colors[..., 2]
    return numbers


def _categories(categories: list[Mapping[str, Any]], path: Path) -> tuple[LabelTable, dict[int, Category]]:
    """The labels in the order of the categories, and what each category number stands for."""
    named: list[Mapping[str, Any]] = []
    places: dict[int, Category] = {}
    for category in categories:
        name = str(category["name"])
        if not _is_ours(category):
            places[category["id"]] = Category(0, person=False)
            continue
        if find(name) is None:
            raise ValueError(
                f"{path} has the category {name!r}, which the vocabulary does not know: use another word, "
                f"or a supercategory other than {', '.join(sorted(OURS))} if nobody wears it"
            )
        named.append(category)
        places[category["id"]] = Category(len(named), person=kind_of(name) == "person")
    names = tuple(str(category["name"]) for category in named)
    return LabelTable("coco", ("background", *names), (None, *map(row_of_word, names))), places


def _is_ours(category: Mapping[str, Any]) -> bool:
    """Whether it is something of people; the taxonomy's first step is what `spectrum export` writes."""
    above = category.get("supercategory")
    return above is None or above in OURS or (above,) == path_of(str(category["name"]))[:1]


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    for key, needed in (
        ("images", ("id", "file_name", "height", "width")),
        ("annotations", ("image_id", "file_name", "segments_info")),
        ("categories", ("id", "name")),
    ):
        for entry in content.get(key, ()):
            if missing := [name for name in needed if name not in entry]:
                raise ValueError(f"{path}: an entry of {key!r} has no {missing[0]!r}: {str(entry)[:80]}")
        if not content.get(key):
            raise ValueError(f"{path} has no {key!r}")
    for annotation in content["annotations"]:
        for segment in annotation["segments_info"]:
            if "id" not in segment or "category_id" not in segment:
                raise ValueError(f"{path}: a segment of {annotation['file_name']!r} lacks id or category_id")
    return content
