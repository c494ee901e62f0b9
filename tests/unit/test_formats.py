"""What every dataset becomes, and the one table in which their labels meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.data.ccp import CLASSES, IGNORE, LABELS, CcpDataset
from model.data.formats.files import decode_mask, first_existing, read_ids, read_labels, read_list
from model.data.formats.item import LabelledPhoto, LabelTable, pieces
from model.data.formats.pascal import LABEL_OF_PART, PASCAL
from model.data.formats.pixels import ATR, CCP, CIHP, LIP
from model.data.formats.registry import DATASETS, open_dataset
from model.data.formats.unify import BASE, COSMICMAN_BASE, TABLES, UNKNOWN, row_of_word, rows_of
from model.data.held_out import HELD_OUT_GARMENTS
from model.data.scenes import whole
from model.vocabulary import TERMS, find
from tests.unit.formats_samples import SIZE, plane, sides, write_labels, write_list, write_photo

CCP_ROOT = Path(__file__).parent.parent / "data" / "ccp"
ROWS = [
    pytest.param(row, id=f"{dataset} {label}")
    for dataset, table in TABLES.items()
    for label, row in table.items()
]


@pytest.mark.parametrize("row", ROWS)
def test_every_label_is_asked_by_a_word_that_the_vocabulary_finds(row):
    assert find(row.word) is not None
    assert row.base is None or row.base in BASE
    assert row.class_ is None or row.class_ in CLASSES[1:]
    assert row.class_ is not None or not row.wide


@pytest.mark.parametrize("row", ROWS)
def test_the_table_agrees_with_the_place_of_the_word_in_the_vocabulary(row):
    by_word = row_of_word(row.word)
    if row.base and by_word.base:
        assert row.base == by_word.base
    if row.class_ and by_word.class_ and not row.wide:
        assert find(row.class_) == find(by_word.class_)


def test_the_base_classes_are_the_papers_and_sides_merge():
    assert len(COSMICMAN_BASE) == 17 and len(BASE) == 14
    assert {"hand", "leg", "shoe", "bottoms", "tops", "one-piece outfits"} <= set(BASE)
    base = {label: TABLES["lip"][label].base for label in ("Pants", "Skirt", "Left-arm", "Right-arm", "Coat")}
    assert base == {
        "Pants": "bottoms",
        "Skirt": "bottoms",
        "Left-arm": "hand",
        "Right-arm": "hand",
        "Coat": "tops",
    }


def test_each_dataset_has_a_row_for_each_label_and_no_more():
    assert (len(LIP.labels), len(CIHP.labels), len(ATR.labels), len(PASCAL.labels)) == (20, 20, 18, 7)
    for table in (LIP, CIHP, ATR, PASCAL, CCP):
        assert set(table.labels[1:]) == set(TABLES[table.dataset])
    assert set(TABLES["cosmicman-hq"]) == set(COSMICMAN_BASE)
    assert set(LABELS) - {"null", "skin"} <= set(TABLES["ccp"])
    assert set(LABEL_OF_PART.values()) == set(range(1, 7))


def test_labels_stand_at_the_numbers_of_their_release():
    assert [LIP.labels[i] for i in (1, 5, 10, 13, 14, 19)] == [
        *("Hat", "UpperClothes", "Jumpsuits", "Face", "Left-arm", "Right-shoe")
    ]
    assert [CIHP.labels[i] for i in (9, 10, 11)] == ["Pants", "Torso-skin", "Scarf"]
    assert [ATR.labels[i] for i in (3, 4, 8, 9, 16, 17)] == [
        *("Sunglasses", "Upper-clothes", "Belt", "Left-shoe", "Bag", "Scarf")
    ]
    assert PASCAL.labels[1:3] == ("Head", "Torso")


def test_no_label_leads_training_to_a_held_out_garment():
    assert LIP.to_classes()[LIP.labels.index("Jumpsuits")] == IGNORE
    for word in (*HELD_OUT_GARMENTS, "a red silk saree", "dungarees", "yukata"):
        assert row_of_word(word).class_ is None


@given(st.sampled_from(TERMS))
def test_a_free_word_means_the_nearest_class_above_it(term):
    row = row_of_word(term.name)
    if row.class_ is not None:
        assert row.class_ in (term.name, *term.path)
    if term.name in CLASSES:
        assert row.class_ == term.name


def test_free_phrases_find_their_base_and_class():
    meanings = {
        w: (row_of_word(w).base, row_of_word(w).class_) for w in ("polo shirt", "ponytail", "straw hat")
    }
    assert meanings == {
        "polo shirt": ("tops", "shirt"),
        "ponytail": ("hair", "hair"),
        "straw hat": ("hats", "hat"),
    }
    assert row_of_word("a quiet street") == UNKNOWN


def test_a_label_without_a_row_is_refused():
    with pytest.raises(ValueError, match="'Crown'"):
        rows_of("lip", ["Hat", "Crown"])


def test_words_to_ask_name_left_and_right_once_and_no_person():
    assert LIP.words.count("arm") == 1 and len(LIP.words) == 16
    left, right = (LIP.to_words()[LIP.labels.index(f"{side}-arm")] for side in ("Left", "Right"))
    assert left == right == LIP.words.index("arm") + 1
    table = LabelTable.of_words("coco", ["person", "dress"])
    assert table.words == ("dress",)
    assert table.to_words()[:3].tolist() == [0, IGNORE, 1]


def photo(classes: np.ndarray, table: LabelTable = LIP, **rest: object) -> LabelledPhoto:
    return LabelledPhoto("p", np.zeros((*classes.shape, 3), np.uint8), classes, table, **rest)  # type: ignore[arg-type]


def test_a_scene_holds_our_classes_and_ignores_labels_without_one():
    labels = plane(
        0, LIP.labels.index("Dress"), LIP.labels.index("Jumpsuits"), LIP.labels.index("UpperClothes")
    )
    scene = photo(labels, persons=sides(1, 2)).to_scene()
    assert [int(v) for v in scene.classes[::3, 0]] == [
        0,
        CLASSES.index("dress"),
        IGNORE,
        CLASSES.index("top"),
    ]
    assert np.array_equal(scene.persons, sides(1, 2))
    strict = photo(labels, persons=sides(1, 2)).to_scene(wide=False)
    assert [int(v) for v in strict.classes[::3, 0]] == [0, CLASSES.index("dress"), IGNORE, IGNORE]


def test_where_only_some_things_are_labelled_nothing_is_background():
    scene = photo(plane(0, 6), partial=True, persons=plane(0, 1)).to_scene()
    assert set(np.unique(scene.classes)) == {IGNORE, CLASSES.index("dress")}


def test_without_persons_each_connected_piece_is_one():
    labels = np.zeros((100, 100), np.uint8)
    labels[10:40, 10:30], labels[40:60, 10:30] = 5, 9
    labels[10:20, 70:90] = 6
    labels[90, 90] = 6
    persons = photo(labels).to_scene().persons
    assert np.array_equal(persons, pieces(labels))
    assert persons[20, 20] == persons[50, 20] == 1 and persons[15, 80] == 2 and persons[90, 90] == 0


@pytest.mark.parametrize("change", ["classes", "persons", "image"])
def test_planes_of_different_sizes_are_refused_by_name(change):
    planes = {"image": np.zeros((12, 8, 3), np.uint8), "classes": plane(0), "persons": plane(0)}
    planes[change] = planes[change][1:]
    with pytest.raises(ValueError, match="'p' differ in size"):
        LabelledPhoto("p", planes["image"], planes["classes"], LIP, planes["persons"])


def test_a_label_that_the_table_lacks_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'p' hold \[20, 99\]: lip"):
        photo(plane(0, 20, 99))
    assert photo(plane(0, IGNORE)).classes.max() == IGNORE


def test_ccp_comes_out_as_its_own_scene():
    photos = open_dataset("ccp", CCP_ROOT, "val")
    assert photos.ids == ("0307", "0405") and len(photos) == 2
    item, expected = photos[0], whole(CcpDataset(CCP_ROOT, "val").load("0307"))
    scene = item.to_scene()
    assert item.id == "0307"
    assert np.array_equal(scene.image, expected.image)
    assert np.array_equal(scene.classes, expected.classes)
    assert np.array_equal(scene.persons, expected.persons)
    assert [photo.id for photo in photos] == [photo.id for photo in photos[:]] == list(photos.ids)


def test_a_dataset_or_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="no dataset 'mhp'; there are ccp, lip"):
        open_dataset("mhp", tmp_path, "train")
    for name in DATASETS:
        with pytest.raises(ValueError, match="nowhere"):
            open_dataset(name, tmp_path / "nowhere", "train")
        with pytest.raises(ValueError):
            open_dataset(name, tmp_path, "val")


def test_a_palette_picture_is_read_as_numbers_never_as_colours(tmp_path):
    labels = plane(0, 5, 19, 255)
    grey = write_labels(tmp_path / "grey.png", labels)
    palette = write_labels(tmp_path / "palette.png", labels, palette=True)
    with Image.open(palette) as picture:
        assert picture.mode == "P" and not np.array_equal(np.asarray(picture.convert("L")), labels)
    assert np.array_equal(read_labels(grey, "x"), labels)
    assert np.array_equal(read_labels(palette, "x"), labels)


def test_coloured_label_pictures_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(ValueError, match="'x' are of mode RGB"):
        read_labels(tmp_path / "x.png", "x")


def test_numbers_over_255_are_read_or_refused_where_they_do_not_fit(tmp_path):
    Image.fromarray(np.array([[0, 300]], np.uint16)).save(tmp_path / "x.png")
    assert read_ids(tmp_path / "x.png", "x").tolist() == [[0, 300]]
    with pytest.raises(ValueError, match="'x' reach 300"):
        read_labels(tmp_path / "x.png", "x")


def test_a_missing_or_torn_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match="'x' is missing"):
        read_labels(tmp_path / "x.png", "x")
    torn = write_photo(tmp_path / "whole.png", (64, 64)).read_bytes()[:2000]
    for name, content in (("text", b"no picture"), ("torn", torn)):
        (tmp_path / f"{name}.png").write_bytes(content)
        with pytest.raises(ValueError, match="'x' is no picture"):
            read_labels(tmp_path / f"{name}.png", "x")


def test_lists_give_ids_with_or_without_folder_and_suffix(tmp_path):
    path = write_list(tmp_path / "list.txt", "a", "", "JPEGImages/b.jpg SegmentationClassAug/b.png", "c -1")
    assert read_list(path) == ("a", "b", "c")


def test_what_was_looked_for_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no photos in .*: expected a or b/c"):
        first_existing(tmp_path, ["a", "b/c"], "photos")


def test_masks_come_as_rle_of_both_kinds_and_as_polygons():
    from pycocotools import mask as coco

    expected = sides(0, 1).astype(bool)
    packed = coco.encode(np.asfortranarray(expected.astype(np.uint8)))
    text = {"size": packed["size"], "counts": packed["counts"].decode()}
    plain = {"size": list(SIZE), "counts": [48, 48]}
    polygon = [[4.0, 0, 8, 0, 8, 12, 4, 12]]
    for segmentation in (packed, text, plain, polygon):
        assert np.array_equal(decode_mask(segmentation, SIZE, "x"), expected)


@pytest.mark.parametrize("segmentation", [None, [], [[1, 2, 3, 4]], [["a"] * 6], {"counts": [1]}, "xyz"])
def test_what_is_no_mask_is_refused_by_name(segmentation):
    with pytest.raises(ValueError, match="'x' is neither"):
        decode_mask(segmentation, SIZE, "x")
    with pytest.raises(ValueError, match=r"'x' is \[5, 5\]"):
        decode_mask({"size": [5, 5], "counts": [25]}, SIZE, "x")
