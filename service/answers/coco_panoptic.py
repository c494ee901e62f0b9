"""COCO panoptic: which segment owns each pixel, as a picture of ids and a list of what they are.

Format: cocodataset.org/#format-data, '4. Panoptic Segmentation'; a pixel's id is R + 256 G + 256^2 B.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.answers import pixels, sources
from service.answers.sources import Source


def document(given: Sequence[Source]) -> dict[str, Any]:
    """The annotation file. Each annotation also has its PNG as base64 in `png`, and its `persons`.

    Persons are no segments of their own: theirs would cover what they wear. Each segment names its
    `person_id` and `score` instead.
    """
    listed = sources.categories(given, persons=False)
    numbers, pictures = sources.ids(listed), _names(given)
    return {
        "images": sources.images(given),
        "annotations": [
            {"image_id": image_id, "file_name": picture, **_annotation(source, numbers)}
            for image_id, (source, picture) in enumerate(zip(given, pictures, strict=True), start=1)
        ],
        "categories": listed,
    }


def _names(given: Sequence[Source]) -> list[str]:
    """The pictures of ids' file names; equal ones of different folders stay apart."""
    stems = [PurePath(source.name).stem for source in given]
    seen = [stems[:number].count(stem) for number, stem in enumerate(stems)]
    return [f"{stem}-{n + 1}.png" if n else f"{stem}.png" for stem, n in zip(stems, seen, strict=True)]


def _annotation(source: Source, numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "segments_info": [
            {
                "id": segment["id"],
                "category_id": numbers[segment["label"]],
                "area": segment["area"],
                "bbox": segment["bbox"],
                "iscrowd": 0,
                "person_id": segment["person_id"],
                "score": segment["score"],
            }
            for segment in source.segments
        ],
        "persons": [
            {key: person[key] for key in ("id", "score", "bbox", "area")} for person in source.persons
        ],
        "png": base64.b64encode(_png(pixels.label_map(source.segments, source.size))).decode("ascii"),
    }


def _png(owners: NDArray[np.uint16]) -> bytes:
    low, high = owners & 0xFF, owners >> 8
    colors = np.stack([low, high, np.zeros_like(low)], axis=-1).astype(np.uint8)
    packed = BytesIO()
    Image.fromarray(colors).save(packed, format="PNG")
    return packed.getvalue()
