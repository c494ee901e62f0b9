"""COCO panoptic with persons and captions: the format for one's own data, and plain COCO beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.data.ccp import CLASSES, IGNORE
from model.data.formats.registry import open_dataset
from tests.unit.formats_samples import SIZE, plane, sides, write_json, write_photo

CATEGORIES = [
    {"id": 1, "name": "person", "supercategory": "person", "isthing": 1},
    {"id": 7, "name": "saree", "supercategory": "clothing", "isthing": 1},
    {"id": 9, "name": "denim jacket", "isthing": 1},
    {"id": 20, "name": "car", "supercategory": "vehicle", "isthing": 1},
]
SEGMENTS = [
    {"id": 300, "category_id": 9, "person_id": 40},
    {"id": 301, "category_id": 1, "person_id": 40},
    {"id": 70000, "category_id": 7, "person_id": 12},
    {"id": 5, "category_id": 20},
    {"id": 6, "category_id": 9, "iscrowd": 1},
]
NUMBERS = np.repeat(np.array([0, 300, 301, 70000, 5, 6], np.uint32), 2)[:, None].repeat(SIZE[1], axis=1)


def write_numbers(path: Path, numbers: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colors = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=-1)
    Image.fromarray(colors.astype(np.uint8)).save(path)


def own(root: Path, **changes: Any) -> Path:
    image = {
        "id": 1,
        "file_name": "a.png",
        "height": SIZE[0],
        "width": SIZE[1],
        "caption": "a woman in a saree",
    }
    annotation = {"image_id": 1, "file_name": "a.png", "segments_info": SEGMENTS}
    content = {"images": [image], "annotations": [annotation], "categories": CATEGORIES, **changes}
    write_json(root / "annotations/panoptic_train.json", content)
    write_numbers(root / "annotations/panoptic_train/a.png", NUMBERS)
    write_photo(root / "images/train/a.png")
    return root


def test_own_data_give_labels_persons_and_caption(tmp_path):
    (photo,) = open_dataset("coco", own(tmp_path), "train")
    assert photo.table.labels == ("background", "person", "saree", "denim jacket")
    assert photo.classes[::2, 0].tolist() == [0, 3, 1, 2, 0, IGNORE]
    assert photo.persons[::2, 0].tolist() == [0, 2, 2, 1, 0, 0]
    assert photo.caption == "a woman in a saree"
    assert photo.table.words == ("saree", "denim jacket")
    scene = photo.to_scene()
    assert scene.classes[::2, 0].tolist() == [0, CLASSES.index("jacket"), IGNORE, IGNORE, 0, IGNORE]


def test_what_our_own_export_calls_a_category_above_is_worn_too(tmp_path):
    above = {"saree": "whole body", "denim jacket": "upper body"}
    categories = [
        {**c, "supercategory": above.get(str(c["name"]), c.get("supercategory"))} for c in CATEGORIES
    ]
    (photo,) = open_dataset("coco", own(tmp_path, categories=categories), "train")
    assert photo.table.labels == ("background", "person", "saree", "denim jacket")


def test_plain_coco_counts_each_segment_of_a_person_as_one(tmp_path):
    segments = [{"id": 300, "category_id": 1}, {"id": 70000, "category_id": 1}, {"id": 5, "category_id": 20}]
    annotation = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    own(tmp_path, annotations=[annotation])
    write_numbers(
        tmp_path / "annotations/panoptic_train/a.png", np.where(NUMBERS == 301, 0, NUMBERS) * (NUMBERS != 6)
    )
    (tmp_path / "images/train").rename(tmp_path / "train")
    (photo,) = open_dataset("coco", tmp_path, "train")
    assert photo.persons[::2, 0].tolist() == [0, 1, 0, 2, 0, 0]
    assert photo.classes[::2, 0].tolist() == [0, 1, 0, 1, 0, 0]


def test_a_photo_is_read_as_a_viewer_shows_it(tmp_path):
    root = own(tmp_path)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    image[:, 0] = 255  # the left column as stored is the top row as shown
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).save(root / "images/train/a.png", exif=exif)
    (photo,) = open_dataset("coco", root, "train")
    assert photo.image.shape == (*SIZE, 3) and photo.image[0].all() and not photo.image[1:].any()


def test_the_example_of_the_documentation_is_one(tmp_path):
    text = (Path(__file__).parents[2] / "docs/datasets.md").read_text(encoding="utf-8")
    example = next(b for b in re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL) if "segments_info" in b)
    content = json.loads(example)
    write_json(tmp_path / "annotations/panoptic_train.json", content)
    image, annotation = content["images"][0], content["annotations"][0]
    size = (image["height"], image["width"])
    numbers = np.zeros(size, np.uint32)
    for i, segment in enumerate(annotation["segments_info"]):
        numbers[i * 20 : (i + 1) * 20] = segment["id"]
    write_numbers(tmp_path / "annotations/panoptic_train" / annotation["file_name"], numbers)
    write_photo(tmp_path / "images/train" / image["file_name"], size)
    photo = open_dataset("coco", tmp_path, "train")[0]
    assert photo.caption == image["caption"]
    assert (
        photo.persons.max()
        == len({s["person_id"] for s in annotation["segments_info"] if "person_id" in s})
        == 2
    )
    assert photo.table.labels[photo.classes[6 * 20, 0]] == "denim jacket"  # on a chair
    scene = photo.to_scene()
    rows = {i: int(scene.classes[i * 20, 0]) for i in range(9)}
    assert rows == {
        **{0: IGNORE, 1: CLASSES.index("face"), 2: CLASSES.index("jacket"), 3: CLASSES.index("pants")},
        **{4: CLASSES.index("shoes"), 5: IGNORE, 6: 0, 7: 0, 8: IGNORE},
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": [{"id": 1, "name": "trouserss"}]}, "category 'trouserss', which the vocabulary"),
        ({"categories": []}, "has no 'categories'"),
        ({"images": [{"id": 1, "file_name": "a.png", "height": 12}]}, "'images' has no 'width'"),
        (
            {"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1}]}]},
            r"segment of 'a\.png' lacks id or category_id",
        ),
        (
            {"images": [{"id": i, "file_name": "a.png", "height": 12, "width": 8} for i in (1, 2)]},
            "a photo twice",
        ),
    ],
)
def test_a_broken_table_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        open_dataset("coco", own(tmp_path, **changes), "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": [{"id": 1, "file_name": "a.png", "height": 9, "width": 8}]},
            r"'a\.png' is \(12, 8\), its entry",
        ),
        (
            {"images": [{"id": 2, "file_name": "a.png", "height": 12, "width": 8}]},
            r"'a\.png' has no annotation",
        ),
        (
            {"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": SEGMENTS[1:]}]},
            r"'a\.png' holds segment 300, which is not listed",
        ),
        ({"categories": [c for c in CATEGORIES if c["id"] != 9]}, r"'a\.png' has a segment of category 9"),
        (
            {"annotations": [{"image_id": 1, "file_name": "b.png", "segments_info": SEGMENTS}]},
            r"'a\.png' is missing",
        ),
    ],
)
def test_a_broken_photo_is_refused_by_name(tmp_path, changes, message):
    photos = open_dataset("coco", own(tmp_path, **changes), "train")
    with pytest.raises(ValueError, match=message):
        photos[0]


def test_broken_label_pictures_are_refused_by_name(tmp_path):
    photos = open_dataset("coco", own(tmp_path), "train")
    path = tmp_path / "annotations/panoptic_train/a.png"
    write_numbers(path, NUMBERS[1:])
    with pytest.raises(ValueError, match=r"'a\.png' differ in size"):
        photos[0]
    Image.fromarray(plane(0)).save(path)
    with pytest.raises(ValueError, match=r"'a\.png' is of mode L, expected RGB"):
        photos[0]


def test_more_people_than_fit_are_refused(tmp_path):
    numbers = np.arange(1, 301, dtype=np.uint32).reshape(20, 15)
    segments = [{"id": i, "category_id": 7, "person_id": i} for i in range(1, 301)]
    image = {"id": 1, "file_name": "a.png", "height": 20, "width": 15}
    annotation = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    own(tmp_path, images=[image], annotations=[annotation])
    write_numbers(tmp_path / "annotations/panoptic_train/a.png", numbers)
    write_photo(tmp_path / "images/train/a.png", (20, 15))
    with pytest.raises(ValueError, match=r"'a\.png' has 300 people"):
        open_dataset("coco", tmp_path, "train")[0]


def test_the_halves_of_two_people_stay_theirs(tmp_path):
    segments = [{"id": 1, "category_id": 7, "person_id": 9}, {"id": 2, "category_id": 7, "person_id": 3}]
    annotation = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    own(tmp_path, annotations=[annotation])
    write_numbers(tmp_path / "annotations/panoptic_train/a.png", sides(1, 2).astype(np.uint32))
    (photo,) = open_dataset("coco", tmp_path, "train")
    assert (photo.persons == sides(2, 1)).all()
