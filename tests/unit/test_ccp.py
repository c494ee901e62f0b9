import json

import numpy as np
import pytest

from model.data.ccp import BODY, CLASSES, IGNORE, LABELS, PARTS, CcpDataset, CcpItem, class_map, tagged_photos
from tests.unit.ccp_roots import REAL, figure, label, part, write_root


def item_of(labels, parts):
    labels, parts = np.array(labels, np.uint8), np.array(parts, np.uint8)
    return CcpItem("x", np.zeros((*labels.shape, 3), np.uint8), labels, parts)


def names_of(item):
    classes, names = class_map(item)
    return [[names[c] if c != IGNORE else "ignore" for c in row] for row in classes]


def test_labels_keep_the_places_of_the_release():
    assert len(LABELS) == 59
    places = [LABELS.index(name) for name in ("null", "hair", "jeans", "skin", "wedges")]
    assert places == [0, 19, 25, 41, 58]


def test_classes_are_background_every_label_but_skin_and_six_parts():
    assert len(CLASSES) == len(set(CLASSES)) == 1 + 57 + 6
    assert CLASSES[0] == "background"
    assert set(CLASSES) == {"background", *LABELS, *BODY} - {"null", "skin"}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (range(1, 3), "face"),
        (range(3, 11), "arm"),
        (range(11, 13), "hand"),
        (range(13, 15), "torso"),
        (range(15, 23), "leg"),
        (range(23, 25), "foot"),
    ],
)
def test_skin_takes_the_name_of_its_body_part(values, name):
    assert {names_of(item_of([[label("skin")]], [[value]]))[0][0] for value in values} == {name}


def test_every_body_part_has_a_class():
    assert len(PARTS) == 25
    skin = item_of([[label("skin")] * 25], [range(25)])
    assert names_of(skin)[0].count("ignore") == 1  # only 'none'


def test_body_parts_count_only_within_skin():
    leg = part("left_upper_leg_front")
    item = item_of([[0, label("jeans"), label("skin"), label("skin"), IGNORE]], [[leg, leg, leg, 0, leg]])
    assert names_of(item) == [["background", "jeans", "leg", "ignore", "ignore"]]


def test_a_label_beyond_the_table_is_unknown():
    assert names_of(item_of([[77]], [[0]])) == [["ignore"]]


def test_a_split_gives_its_photos_in_order(tmp_path):
    root = write_root(tmp_path, {"train": [figure(), figure(44)], "val": [figure(48)]})
    train = CcpDataset(root, "train")
    assert [item.id for item in train] == ["0001", "0002"]
    assert train[1].image.shape == (44, 60, 3)
    assert [item.id for item in train[:1]] == ["0001"]
    assert [item.id for item in CcpDataset(root, "val")] == ["0003"]
    assert (train.labels("0002") == train[1].labels).all()


def test_what_is_written_is_what_is_read(tmp_path):
    labels, parts = figure(top="dress")
    item = CcpDataset(write_root(tmp_path, {"val": [(labels, parts)]}), "val")[0]
    assert (item.labels == labels).all()
    assert (item.parts == parts).all()
    assert item.image.dtype == np.uint8


def test_a_missing_dataset_says_where_it_was_sought(tmp_path):
    with pytest.raises(ValueError, match=str(tmp_path / "nowhere")):
        CcpDataset(tmp_path / "nowhere", "val")


def test_an_unknown_split_names_those_there_are(tmp_path):
    root = write_root(tmp_path, {"val": [figure()]})
    with pytest.raises(ValueError, match="val"):
        CcpDataset(root, "test")


def test_an_index_of_other_labels_is_refused(tmp_path):
    root = write_root(tmp_path, {"val": [figure()]})
    index = json.loads((root / "index.json").read_text())
    index["labels"][3] = "ghost"
    (root / "index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="labels"):
        CcpDataset(root, "val")


def test_a_photo_and_labels_of_two_sizes_are_refused():
    plane = np.zeros((4, 5), np.uint8)
    with pytest.raises(ValueError, match="'a'"):
        CcpItem("a", np.zeros((4, 6, 3), np.uint8), plane, plane)


def test_tagged_photos_carry_their_labels_names(tmp_path):
    root = write_root(tmp_path, {"val": [figure()]}, tagged=[0, label("hat"), label("coat")])
    assert tagged_photos(root) == [(root / "images_tagged" / "1005.jpg", ("hat", "coat"))]


def test_a_real_photo_has_a_face_and_what_its_person_wears():
    found = {CLASSES[c] for c in np.unique(class_map(CcpDataset(REAL, "val").load("0307"))[0]) if c != IGNORE}
    assert {"hair", "face", "hand", "leg", "shorts", "socks"} <= found
