"""An answer says what the parsing says, in the shape that the contract fixes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco
from pydantic import ValidationError

from model.parsing import Color, Parsing, Person, Segment
from service import schemas

MODEL = {"name": "mini", "revision": "0123456789ab"}
REQUEST: dict[str, Any] = {"image": {"width": 4, "height": 6, "sha256": "ab" * 32}, "mask_format": "rle"}


def parsing() -> Parsing:
    """One person, 3 x 4 pixels of a picture 4 wide and 6 high, in a hat and a coat."""
    person_map = np.zeros((6, 4), dtype=np.uint16)
    person_map[1:5, 0:3] = 1
    segment_map = np.zeros((6, 4), dtype=np.uint16)
    segment_map[1, 0:3] = 1
    segment_map[2:4, 1:3] = 2
    hat = Segment(1, "hat", "accessory", 1, 0.912345, (0, 1, 3, 1), 3, ("headwear", "hat"))
    coat = Segment(
        2, "my coat", "clothing", 1, 0.5, (1, 2, 2, 2), 4, (), (Color("#2b3c55", "navy", 0.70049),)
    )
    return Parsing(
        segment_map=segment_map,
        person_map=person_map,
        persons=(Person(1, 0.98, (0, 1, 3, 4), 12, (1, 2)),),
        segments=(hat, coat),
        unmatched_prompts=("scarf",),
        timings_ms={"forward": 180.04, "postprocess": 12.0},
    )


def test_an_answer_has_the_shape_of_the_contract():
    answer = schemas.render(parsing(), REQUEST, MODEL, id="j1", timings_ms={"decode": 3.0, "queue": 1.0})
    schemas.ParseAnswer.model_validate(answer)
    told = "id object model image persons segments unmatched_prompts warnings timings_ms"
    assert list(answer) == told.split()
    assert answer["id"] == "j1"
    assert answer["object"] == "parsing"
    assert answer["model"] == MODEL
    assert answer["image"] == {"width": 4, "height": 6, "sha256": "ab" * 32}
    assert answer["timings_ms"] == {"decode": 3.0, "queue": 1.0, "forward": 180.0, "postprocess": 12.0}
    assert answer["unmatched_prompts"] == ["scarf"]
    told = "id label kind person_id score bbox area mask taxonomy colors"
    assert list(answer["segments"][0]) == told.split()
    assert list(answer["persons"][0]) == ["id", "score", "bbox", "area", "mask", "segments"]


def test_an_answer_is_plain_json():
    answer = schemas.render(parsing(), REQUEST, MODEL)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_areas_and_boxes_agree_with_the_masks():
    answer = schemas.render(parsing(), REQUEST, MODEL)
    for part in answer["persons"] + answer["segments"]:
        assert part["mask"]["size"] == [6, 4]
        assert coco.area(part["mask"]) == part["area"]
        assert coco.toBbox(part["mask"]).tolist() == part["bbox"]


def test_the_size_is_that_of_the_picture_as_shown():
    """The header of a picture that EXIF turns by a quarter says 6 x 4."""
    stored = {**REQUEST, "image": {"width": 6, "height": 4, "sha256": "ab" * 32}}
    answer = schemas.render(parsing(), stored, MODEL)
    assert (answer["image"]["width"], answer["image"]["height"]) == (4, 6)


@pytest.mark.parametrize(
    ("mask_format", "keys"),
    [("rle", {"size", "counts"}), ("polygon", {"size", "polygons"}), ("png", {"size", "png"})],
)
def test_masks_come_in_the_format_asked(mask_format: str, keys: set[str]):
    answer = schemas.render(parsing(), {**REQUEST, "mask_format": mask_format}, MODEL)
    schemas.ParseAnswer.model_validate(answer)
    assert all(set(part["mask"]) == keys for part in answer["persons"] + answer["segments"])


def test_no_masks_come_where_none_are_asked():
    answer = schemas.render(parsing(), {**REQUEST, "mask_format": "none"}, MODEL)
    assert all(part["mask"] is None for part in answer["persons"] + answer["segments"])


def test_a_picture_without_people_is_an_empty_answer():
    empty = np.zeros((6, 4), dtype=np.uint16)
    answer = schemas.render(Parsing(empty, empty), REQUEST, MODEL)
    assert (answer["persons"], answer["segments"]) == ([], [])


def test_numbers_are_rounded_to_what_they_can_mean():
    segments = schemas.render(parsing(), REQUEST, MODEL)["segments"]
    assert segments[0]["score"] == 0.9123
    assert segments[1]["colors"] == [{"hex": "#2b3c55", "name": "navy", "coverage": 0.7}]


@pytest.mark.parametrize(
    "given",
    [
        {"prompts": []},
        {"prompts": "hat"},
        {"min_score": 1.5},
        {"min_score": float("nan")},
        {"mask_format": "svg"},
        {"promts": ["hat"]},
    ],
)
def test_options_out_of_range_are_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        schemas.Options.model_validate(given)
