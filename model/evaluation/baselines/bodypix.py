"""BodyPix as a parser: one mask of people, and the body's parts.

The model is an ONNX file of BodyPix 2 (MobileNet, stride 8): input (1, H, W, 3) in -1..1 with sides of
16 k + 1, outputs `segments` (logit of a person) and `part_heatmaps` (24 parts) at stride 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import BODY, PARTS, body_of
from model.parsing import Box, Parsing, Person, Query, Segment

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
BODY_OF_CHANNEL = np.array([body_of(name) for name in PARTS[1:]])
"""Place in `BODY` of each of the 24 heatmaps."""


class BodyPix:
    """Answers with one person wherever a person is, and with those parts of `BODY` that are asked."""

    name = "bodypix"

    def __init__(self, path: Path) -> None:
        """ValueError when the file, or onnxruntime to run it, is missing."""
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise ValueError("the baseline 'bodypix' needs onnxruntime: pip install onnxruntime") from error
        if not path.is_file():
            raise ValueError(f"no BodyPix model at {path}")
        self.revision = sha256(path.read_bytes()).hexdigest()[:12]
        self._session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def parse(self, images: Sequence[Picture], queries: Sequence[Query]) -> list[Parsing]:
        """One parsing for each picture (H, W, 3), at the picture's own size."""
        return [self._parse(image, query) for image, query in zip(images, queries, strict=True)]

    def _parse(self, image: Picture, query: Query) -> Parsing:
        segments, parts = self._session.run(["segments", "part_heatmaps"], {"input": entered(image)})
        return answer(segments[0, ..., 0], parts[0], (image.shape[0], image.shape[1]), query)


def entered(image: Picture) -> Plane:
    """(H, W, 3) uint8 -> (1, 16 k + 1, 16 m + 1, 3) in -1..1, the sizes nearest to the picture's own."""
    tall, wide = (max(1, round((side - 1) / 16)) * 16 + 1 for side in image.shape[:2])
    resized = Image.fromarray(image).resize((wide, tall), Image.Resampling.BILINEAR)
    return (np.asarray(resized, np.float32) / 127.5 - 1)[None]


def answer(segments: Plane, parts: Plane, size: tuple[int, int], query: Query) -> Parsing:
    """What the network's maps say about a picture of this size.

    segments (h, w) logits; parts (h, w, 24): a pixel of a person has the body part whose channel is highest.
    """
    inside = enlarged(segments, size)
    person_map = (inside > 0).astype(np.uint16)
    highest = np.stack([enlarged(parts[..., c], size) for c in range(parts.shape[-1])]).argmax(axis=0)
    body = np.where(person_map, BODY_OF_CHANNEL[highest] + 1, 0)
    asked = [name for name in BODY if query.prompts is None or query.body_parts or name in query.prompts]
    segment_map = np.zeros(size, np.uint16)
    found: list[Segment] = []
    for name in asked:
        mask = body == BODY.index(name) + 1
        if mask.any():
            segment_map[mask] = len(found) + 1
            area = int(np.count_nonzero(mask))
            found.append(Segment(len(found) + 1, name, "body", 1, _score(inside, mask), _box(mask), area))
    persons: tuple[Person, ...] = ()
    if person_map.any():
        mask = person_map > 0
        ids = tuple(segment.id for segment in found)
        persons = (Person(1, _score(inside, mask), _box(mask), int(np.count_nonzero(mask)), ids),)
    return Parsing(segment_map, person_map, persons, tuple(found))


def enlarged(plane: Plane, size: tuple[int, int]) -> Plane:
    """(h, w) at another size (H, W), bilinear; corners stay corners, as the network's grid has them."""
    rows, columns = (
        np.linspace(0, n - 1, m, dtype=np.float32) for n, m in zip(plane.shape, size, strict=True)
    )
    return _mixed(_mixed(plane, rows).T, columns).T


def _mixed(plane: Plane, places: Plane) -> Plane:
    """Rows of a plane at fractional places."""
    low = places.astype(np.int64)
    high = np.minimum(low + 1, len(plane) - 1)
    share = (places - low)[:, None]
    return plane[low] * (1 - share) + plane[high] * share


def _score(logits: Plane, mask: NDArray[np.bool_]) -> float:
    return float(np.mean(1 / (1 + np.exp(-logits[mask]))))


def _box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
