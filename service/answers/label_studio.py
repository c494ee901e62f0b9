"""Label Studio: a task for each picture, with the answer as a prediction of brush labels.

Format: labelstud.io/guide/predictions, 'brush segmentation'; its masks are thi.ng/rle-pack streams of
the RGBA bytes of a picture that is white where the mask is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from service.answers import pixels
from service.answers.sources import PERSON, Source

_CHANNELS = 4
_WORD_BITS = 8
_LENGTH_BITS = (3, 4, 8, 16)  # the widths that a run's length may be written in
_LONGEST = 1 << _LENGTH_BITS[-1]


def document(given: Sequence[Source]) -> list[dict[str, Any]]:
    """Tasks to import. The labelling configuration needs an Image `image` and BrushLabels `label`."""
    return [_task(source) for source in given]


def packed(mask: pixels.Pixels) -> list[int]:
    """The mask (H, W) as bytes of an rle-pack stream.

    Head: 32 bits count of bytes, 5 bits word size - 1, four times 4 bits length size - 1. Each run: a
    set bit, 2 bits that choose the length's size, length - 1, the word.
    """
    flat = mask.ravel()
    edges = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]))
    bits = [f"{flat.size * _CHANNELS:032b}{_WORD_BITS - 1:05b}"]
    bits += [f"{size - 1:04b}" for size in _LENGTH_BITS]
    for start, end in pairwise(edges):
        bits += _run(int(end - start) * _CHANNELS, 255 if flat[start] else 0)
    stream = np.frombuffer("".join(bits).encode("ascii"), dtype=np.uint8) - ord("0")
    return [int(byte) for byte in np.packbits(stream)]


def _run(length: int, word: int) -> Iterator[str]:
    """One run in as many pieces as the longest length makes needed."""
    while length:
        piece = min(length, _LONGEST)
        choice = next(i for i, size in enumerate(_LENGTH_BITS) if piece <= 1 << size)
        yield f"1{choice:02b}{piece - 1:0{_LENGTH_BITS[choice]}b}{word:08b}"
        length -= piece


def _task(source: Source) -> dict[str, Any]:
    regions = [_region(source, person, PERSON, f"person-{person['id']}") for person in source.persons]
    for segment in source.segments:
        region = _region(source, segment, segment["label"], f"segment-{segment['id']}")
        regions.append(region | {"parentID": f"person-{segment['person_id']}"} if source.persons else region)
    scores = [region["score"] for region in regions]
    model = source.answer["model"]
    prediction = {
        "model_version": f"{model['name']} {model['revision']}",
        "score": round(sum(scores) / len(scores), 4) if scores else 0.0,
        "result": regions,
    }
    return {"data": {"image": source.name}, "predictions": [prediction]}


def _region(source: Source, part: Mapping[str, Any], label: str, id_: str) -> dict[str, Any]:
    height, width = source.size
    return {
        "id": id_,
        "type": "brushlabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": part["score"],
        "value": {"format": "rle", "rle": packed(pixels.of(part["mask"])), "brushlabels": [label]},
    }
