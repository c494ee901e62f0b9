"""COCO instances: persons and segments as annotations with run-length masks, as pycocotools loads them.

Format: cocodataset.org/#format-data, '1. Object Detection'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from service.answers import masks, pixels, sources
from service.answers.sources import PERSON, Source


def document(given: Sequence[Source]) -> dict[str, Any]:
    """The annotation file; each annotation names `score` and `person_id` beside what COCO asks for."""
    listed = sources.categories(given, persons=True)
    numbers = sources.ids(listed)
    ids = count(1)
    annotations = [
        {"id": next(ids), "image_id": image_id, **annotation}
        for image_id, source in enumerate(given, start=1)
        for annotation in _annotations(source, numbers)
    ]
    return {"images": sources.images(given), "annotations": annotations, "categories": listed}


def _annotations(source: Source, numbers: dict[str, int]) -> Iterator[dict[str, Any]]:
    for person in source.persons:
        yield _annotation(person, numbers[PERSON], person["id"])
    for segment in source.segments:
        yield _annotation(segment, numbers[segment["label"]], segment["person_id"])


def _annotation(part: Mapping[str, Any], category: int, person_id: int) -> dict[str, Any]:
    return {
        "category_id": category,
        "segmentation": _rle(part["mask"]),
        "area": part["area"],
        "bbox": part["bbox"],
        "iscrowd": 0,
        "score": part["score"],
        "person_id": person_id,
    }


def _rle(mask: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(mask.get("counts"), str):
        return {"size": list(mask["size"]), "counts": mask["counts"]}
    return masks.rle(pixels.of(mask).astype(np.uint8), [1])[0]
