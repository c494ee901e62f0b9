"""Answers in the formats of other tools hold the same pixels, names and persons."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from itertools import cycle
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

from model.parsing import Parsing, Person, Segment
from service import schemas
from service.answers import fields, label_studio, masks, pixels, sources
from service.answers.exports import EXPORTS
from service.answers.sources import Source

# pycocotools' own decoder has not yet learnt numpy 2's copy keyword.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Map = NDArray[np.uint16]
MODEL = {"name": "mini", "revision": "0123456789ab"}
shapes = array_shapes(min_dims=2, max_dims=2, max_side=14)
label_maps = arrays(np.uint16, shapes, elements=st.integers(0, 3))
binary_maps = arrays(np.bool_, shapes)


def box(inside: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(inside)
    if not rows.size:
        return (0, 0, 0, 0)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1


def answer(
    segment_map: Map, mask_format: str = "rle", labels: tuple[str, ...] = ("hat", "coat", "hat")
) -> Any:
    """One person wherever a segment is; segment n is labels[n - 1]."""
    segments = tuple(
        Segment(
            id_, label, "clothing", 1, 0.5, box(segment_map == id_), int((segment_map == id_).sum()), ("top",)
        )
        for id_, label in enumerate(labels, start=1)
    )
    worn = segment_map > 0
    person = Person(1, 0.9, box(worn), int(worn.sum()), tuple(segment.id for segment in segments))
    parsing = Parsing(segment_map, worn.astype(np.uint16), (person,), segments)
    height, width = segment_map.shape
    request = {
        "mask_format": mask_format,
        "image": {"width": width, "height": height, "sha256": "ab" * 32},
    }
    return json.loads(json.dumps(schemas.render(parsing, request, MODEL, id="a1")))


SCENE = np.zeros((6, 5), dtype=np.uint16)
SCENE[0, 1:4], SCENE[2:5, :3], SCENE[5, 4] = 1, 2, 3
MADE = answer(SCENE)


# Back to pixels


@given(label_maps, st.sampled_from(["rle", "polygon", "png"]))
def test_every_mask_format_comes_back_to_its_pixels(label_map: Map, form: masks.MaskFormat):
    for id_, mask in zip([1, 2, 3], masks.encode(label_map, [1, 2, 3], form), strict=True):
        assert (pixels.of(mask or {}) == (label_map == id_)).all()


def test_plain_run_lengths_are_read_too():
    assert pixels.of({"size": [2, 2], "counts": [1, 2, 1]}).tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [2, 2], "counts": "1"},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "svg": ""},
        {"size": [9, 9], "png": masks.pngs(SCENE, [1])[0]["png"]},
    ],
)
def test_a_damaged_mask_is_refused(mask: dict[str, Any]):
    with pytest.raises(ValueError):
        pixels.of(mask)


# COCO


@pytest.mark.parametrize("form", ["rle", "polygon", "png"])
def test_pycocotools_loads_instances_with_their_pixels(form: str, capsys: pytest.CaptureFixture[str]):
    coco = COCO()
    coco.dataset = json.loads(EXPORTS["coco-instances"].text([Source(answer(SCENE, form), "a.jpg")]))
    coco.createIndex()
    capsys.readouterr()
    assert coco.loadImgs([1])[0] | {"file_name": "a.jpg", "height": 6, "width": 5} == coco.loadImgs([1])[0]
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    found = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert [names[each["category_id"]] for each in found] == ["person", "hat", "coat", "hat"]
    for each, inside in zip(found, [SCENE > 0, SCENE == 1, SCENE == 2, SCENE == 3], strict=True):
        assert (coco.annToMask(each) == inside).all()
        assert each["area"] == inside.sum() and tuple(each["bbox"]) == box(inside)
        assert each["person_id"] == 1


def test_pictures_of_one_export_share_their_categories():
    other = answer(SCENE, labels=("scarf", "hat", "coat"))
    made = json.loads(EXPORTS["coco-instances"].text([Source(MADE, "a.jpg"), Source(other, "b.jpg")]))
    names = [category["name"] for category in made["categories"]]
    assert names == ["person", "hat", "coat", "scarf"]
    assert [image["id"] for image in made["images"]] == [1, 2]
    assert len({each["id"] for each in made["annotations"]}) == len(made["annotations"]) == 8
    scarf = made["categories"][3]["id"]
    assert [each["image_id"] for each in made["annotations"] if each["category_id"] == scarf] == [2]


@given(label_maps)
def test_a_panoptic_picture_names_the_owner_of_each_pixel(label_map: Map):
    made = json.loads(EXPORTS["coco-panoptic"].text([Source(answer(label_map), "a.jpg")]))
    (annotation,) = made["annotations"]
    with Image.open(BytesIO(base64.b64decode(annotation["png"]))) as picture:
        red, green, blue = np.moveaxis(np.asarray(picture, dtype=np.int64), -1, 0)
    assert (red + 256 * green + 256**2 * blue == label_map).all()
    assert annotation["file_name"] == "a.png"
    for info in annotation["segments_info"]:
        assert info["area"] == (label_map == info["id"]).sum()
        assert info["person_id"] == 1
        assert info["category_id"] in {category["id"] for category in made["categories"]}


def test_panoptic_ids_over_a_byte_keep_their_value():
    wide = np.arange(600, dtype=np.uint16)[None]
    made = json.loads(EXPORTS["coco-panoptic"].text([Source(answer(wide, labels=("x",) * 599), "a.jpg")]))
    with Image.open(BytesIO(base64.b64decode(made["annotations"][0]["png"]))) as picture:
        assert picture.getpixel((599, 0)) == (599 % 256, 599 // 256, 0)


# Label Studio


def unpacked(stream: list[int]) -> list[int]:
    """The words of an rle-pack stream, read bit by bit as its format says."""
    bits = iter(np.unpackbits(np.array(stream, dtype=np.uint8)).tolist())

    def number(size: int) -> int:
        value = 0
        for _ in range(size):
            value = 2 * value + next(bits)
        return value

    count, word = number(32), number(5) + 1
    sizes = [number(4) + 1 for _ in range(4)]
    words: list[int] = []
    while len(words) < count:
        same, length = number(1), number(sizes[number(2)]) + 1
        words += [number(word)] * length if same else [number(word) for _ in range(length)]
    return words


@settings(deadline=None)
@given(binary_maps)
def test_a_brush_mask_unpacks_to_its_pixels(inside: NDArray[np.bool_]):
    rgba = np.array(unpacked(label_studio.packed(inside))).reshape(*inside.shape, 4)
    assert (rgba == 255 * inside[..., None]).all()


def test_a_long_run_is_cut_where_the_format_ends():
    inside = np.zeros((300, 200), dtype=bool)
    inside[299, 199] = True
    words = unpacked(label_studio.packed(inside))
    assert len(words) == 4 * 300 * 200
    assert words[-4:] == [255] * 4 and not any(words[:-4])


def test_a_task_predicts_brush_labels_under_their_persons():
    (task,) = json.loads(EXPORTS["label-studio"].text([Source(MADE, "a.jpg")]))
    assert task["data"] == {"image": "a.jpg"}
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == "mini 0123456789ab"
    regions = prediction["result"]
    assert [region["value"]["brushlabels"] for region in regions] == [["person"], ["hat"], ["coat"], ["hat"]]
    assert {region["parentID"] for region in regions[1:]} == {regions[0]["id"]}
    for region in regions:
        assert (region["original_width"], region["original_height"]) == (5, 6)
        assert (region["type"], region["value"]["format"]) == ("brushlabels", "rle")


# CVAT


def cvat_masks(document: str) -> list[tuple[Xml.Element, NDArray[np.bool_]]]:
    """Every mask with its pixels in the picture's frame: runs of its box, row by row, background first."""
    found = []
    for image in Xml.fromstring(document).iter("image"):
        for mask in image.iter("mask"):
            left, top, width, height = (int(mask.attrib[k]) for k in ("left", "top", "width", "height"))
            filled = [
                v
                for v, run in zip(cycle([False, True]), mask.attrib["rle"].split(","))
                for _ in range(int(run))
            ]
            inside = np.zeros((int(image.attrib["height"]), int(image.attrib["width"])), dtype=bool)
            inside[top : top + height, left : left + width] = np.reshape(filled, (height, width))
            found.append((mask, inside))
    return found


@given(label_maps)
def test_cvat_masks_hold_the_pixels(label_map: Map):
    expected = [label_map > 0, label_map == 1, label_map == 2, label_map == 3]
    found = cvat_masks(EXPORTS["cvat"].text([Source(answer(label_map), "a.jpg")]))
    for (_, inside), wanted in zip(found, [each for each in expected if each.any()], strict=True):
        assert (inside == wanted).all()


def test_cvat_declares_its_labels_and_puts_garments_above_persons():
    odd = answer(SCENE, labels=('a "b" <c> & d', "fine\ufffe", "hat"))
    document = EXPORTS["cvat"].text([Source(odd, "a&b.jpg")])
    root = Xml.fromstring(document)
    declared = [name.text for name in root.findall("meta/task/labels/label/name")]
    assert declared == ["person", 'a "b" <c> & d', "fine\ufffd", "hat"]
    assert root.find("image").attrib["name"] == "a&b.jpg"
    found = [(mask.attrib["label"], mask.attrib["z_order"]) for mask, _ in cvat_masks(document)]
    assert found == [("person", "0"), ('a "b" <c> & d', "1"), ("fine\ufffd", "1"), ("hat", "1")]
    assert [each.text for each in root.iter("attribute") if each.get("name") == "person_id"] == ["1"] * 4


# All


@pytest.mark.parametrize("name", EXPORTS)
def test_an_answer_without_masks_cannot_be_exported(name: str):
    with pytest.raises(ValueError, match=r"a\.jpg"):
        EXPORTS[name].text([Source(answer(SCENE, "none"), "a.jpg")])


@pytest.mark.parametrize("name", EXPORTS)
def test_a_picture_without_people_is_an_export_without_them(name: str):
    nobody = MADE | {"persons": [], "segments": []}
    text = EXPORTS[name].text([Source(nobody, "a.jpg")])
    assert (Xml.fromstring(text) if name == "cvat" else json.loads(text)) is not None


@pytest.mark.parametrize("name", EXPORTS)
def test_left_out_persons_are_left_out_of_exports(name: str):
    text = EXPORTS[name].text([Source(fields.chosen(MADE, exclude=["persons"]), "a.jpg")])
    assert '"person"' not in text and ">person<" not in text and "parentID" not in text
    assert len(text) < len(EXPORTS[name].text([Source(MADE, "a.jpg")]))


def test_a_picture_goes_by_the_name_that_its_caller_gave():
    assert sources.file_name(MADE | {"metadata": {"file_name": "mine.jpg"}}) == "mine.jpg"
    assert sources.file_name(MADE) == "ab" * 32 + ".jpg"


# Fields


@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        (None, None, set(MADE)),
        (["persons"], None, {"id", "object", "persons"}),
        (["image.width"], ["image.sha256"], {"id", "object", "image"}),
        ([], None, {"id", "object"}),
        (None, ["segments", "persons.mask"], set(MADE) - {"segments"}),
    ],
)
def test_fields_are_kept_and_left_out_by_name(include: Any, exclude: Any, left: set[str]):
    assert set(fields.chosen(MADE, include, exclude)) == left


def test_dotted_names_reach_into_every_part():
    told = fields.chosen(MADE, ["segments.label", "segments.mask.counts"], ["segments.mask"])
    assert told["segments"] == [{"label": "hat"}, {"label": "coat"}, {"label": "hat"}]
    assert "mask" in MADE["segments"][0], "the answer itself was changed"


def test_a_whole_field_beside_a_part_of_it_is_the_whole():
    assert fields.chosen(MADE, ["image", "image.width"])["image"] == MADE["image"]
    assert "image" not in fields.chosen(MADE, None, ["image.width", "image"])


@given(st.sets(st.sampled_from(sorted(schemas.answer_fields()))))
def test_what_is_excluded_is_what_include_of_the_rest_keeps(names: set[str]):
    """Including and excluding the same names leaves nothing of them."""
    told = fields.chosen(MADE, sorted(names), sorted(names))
    assert set(told) <= {"id", "object"} | {name.partition(".")[0] for name in names}
    assert not any(name in told for name in names if "." not in name)


def test_a_text_with_commas_is_a_list_of_names():
    assert schemas.Options.model_validate({"exclude": "persons.mask, segments"}).exclude == [
        "persons.mask",
        "segments",
    ]


def test_an_unknown_field_is_refused_by_its_place():
    with pytest.raises(ValueError, match="name 1 is no field"):
        schemas.Options.model_validate({"include": ["id", "segments.texture"]})
