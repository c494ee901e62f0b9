"""LIP, CIHP, ATR and PASCAL-Person-Part, in tiny copies of their releases' layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from model.data.ccp import IGNORE
from model.data.formats.pixels import CihpPhotos
from model.data.formats.registry import open_dataset
from tests.unit.formats_samples import SIZE, plane, sides, write_labels, write_list, write_photo


def lip(root: Path) -> Path:
    for split, id_ in (("train", "77_0"), ("val", "100034_483681")):
        write_photo(root / f"TrainVal_images/{split}_images/{id_}.jpg")
        labels = root / f"TrainVal_parsing_annotations/{split}_segmentations/{id_}.png"
        write_labels(labels, plane(0, 2, 13, 5, 9, 19), palette=split == "train")
        write_list(root / f"TrainVal_images/{split}_id.txt", id_)
    return root


def cihp(root: Path) -> Path:
    for split, folder in (("train", "Training"), ("val", "Validation")):
        base = root / "instance-level_human_parsing" / folder
        write_photo(base / "Images/0000006.jpg")
        write_labels(base / "Category_ids/0000006.png", plane(0, 10, 14, 5))
        write_labels(
            base / "Human_ids/0000006.png", np.where(plane(0, 1, 1, 1) > 0, sides(1, 2), 0).astype(np.uint8)
        )
        write_labels(base / "Instance_ids/0000006.png", sides(3, 4))
        write_list(base / f"{split}_id.txt", "0000006")
    return root


def atr(root: Path) -> Path:
    for id_ in ("dataset10k_1", "dataset10k_2"):
        write_photo(root / f"JPEGImages/{id_}.jpg")
        write_labels(root / f"SegmentationClassAug/{id_}.png", plane(0, 4, 16, 17))
    write_list(root / "train_id.txt", "dataset10k_1")
    return root


def pascal_pixels(root: Path) -> Path:
    write_photo(root / "JPEGImages/2008_000008.jpg")
    write_labels(root / "pascal_person_part_gt/2008_000008.png", plane(0, 1, 2, 255), palette=True)
    write_list(root / "pascal_person_part_trainval_list/val.txt", "2008_000008")
    return root


def mat(
    path: Path, people: list[dict[str, np.ndarray]], *, others: int = 1, whole: np.ndarray | None = None
) -> None:
    """A file of PASCAL-Part: people as {part name: mask}, the first left, the second right."""
    kinds = np.dtype([("class", object), ("mask", object), ("parts", object)])
    things = np.empty((1, len(people) + others), kinds)
    for i, parts in enumerate(people):
        pieces = np.empty((1, len(parts)), np.dtype([("part_name", object), ("mask", object)]))
        for k, item in enumerate(parts.items()):
            pieces[0, k] = item
        half = sides(1, 0) if i == 0 else sides(0, 1)
        things[0, i] = ("person", half if whole is None else whole, pieces)
    for i in range(others):
        things[0, len(people) + i] = ("chair", plane(1), np.empty((0, 0)))
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"anno": {"imname": path.stem, "objects": things}})


def pascal_parts(root: Path) -> Path:
    write_photo(root / "JPEGImages/2008_000008.jpg")
    head, hand = plane(1, 0, 0) * sides(1, 0), plane(0, 1, 0) * sides(0, 1)
    mat(root / "Annotations_Part/2008_000008.mat", [{"hair": head}, {"lhand": hand}])
    write_list(root / "train_id.txt", "2008_000008")
    return root


@pytest.mark.parametrize("split", ["train", "val"])
def test_lip_is_read_as_one_person_of_twenty_labels(tmp_path, split):
    photos = open_dataset("lip", lip(tmp_path), split)
    (photo,) = photos
    assert [photo.table.labels[v] for v in photo.classes[::2, 0]] == [
        *("background", "Hair", "Face", "UpperClothes", "Pants", "Right-shoe")
    ]
    assert photo.image.shape == (*SIZE, 3) and photo.caption is None
    assert (photo.persons == (photo.classes > 0)).all()
    assert set(np.unique(photo.to_scene().persons)) == {0, 1}


def test_an_archive_unpacked_into_its_own_name_is_found(tmp_path):
    inner = lip(tmp_path / "in")
    for name in ("TrainVal_images", "TrainVal_parsing_annotations"):
        (tmp_path / "out" / name).mkdir(parents=True)
        (inner / name).rename(tmp_path / "out" / name / name)
    assert open_dataset("lip", tmp_path / "out", "val").ids == ("100034_483681",)
    flat = cihp(tmp_path / "cihp") / "instance-level_human_parsing"
    assert len(open_dataset("cihp", flat, "train")) == 1


def test_cihp_tells_persons_and_part_instances_apart(tmp_path):
    photos = open_dataset("cihp", cihp(tmp_path), "train")
    photo = photos[0]
    assert [photo.table.labels[v] for v in photo.classes[::3, 0]] == [
        *("background", "Torso-skin", "Left-arm", "UpperClothes")
    ]
    assert photo.persons[0, 0] == 0 and photo.persons[5, 0] == 1 and photo.persons[5, 7] == 2
    assert isinstance(photos, CihpPhotos)
    assert np.array_equal(photos.instances("0000006"), sides(3, 4))


def test_cihp_without_human_ids_is_refused(tmp_path):
    base = cihp(tmp_path) / "instance-level_human_parsing/Validation"
    (base / "Human_ids").rename(base / "elsewhere")
    with pytest.raises(ValueError, match="Human_ids"):
        open_dataset("cihp", tmp_path, "val")


def test_atr_is_read_by_list_or_whole(tmp_path):
    root = atr(tmp_path)
    assert open_dataset("atr", root, "train").ids == ("dataset10k_1",)
    everything = open_dataset("atr", root, "all")
    assert everything.ids == ("dataset10k_1", "dataset10k_2")
    assert [everything[1].table.labels[v] for v in everything[1].classes[::3, 0]] == [
        *("background", "Upper-clothes", "Bag", "Scarf")
    ]
    with pytest.raises(ValueError, match=r"val_id\.txt"):
        open_dataset("atr", root, "val")


def test_pascals_pixel_labels_know_no_persons(tmp_path):
    (photo,) = open_dataset("pascal-person-part", pascal_pixels(tmp_path), "val")
    assert [int(v) for v in photo.classes[::3, 0]] == [0, 1, 2, IGNORE]
    assert photo.persons is None
    assert set(np.unique(photo.to_scene().classes)) == {
        0,
        IGNORE,
    }  # bodies under clothes are no class of ours


def test_pascals_parts_merge_and_keep_persons_apart(tmp_path):
    (photo,) = open_dataset("pascal-person-part", pascal_parts(tmp_path), "train")
    assert photo.table.labels[photo.classes[0, 0]] == "Head"
    assert photo.table.labels[photo.classes[5, 7]] == "Lower Arms"
    assert photo.classes[11, 0] == IGNORE  # somebody's, but of no part
    assert photo.persons[11, 0] == photo.persons[0, 0] == 1 and photo.persons[5, 7] == 2


def test_a_photo_without_people_is_background(tmp_path):
    root = pascal_parts(tmp_path)
    mat(root / "Annotations_Part/2008_000008.mat", [], others=2)
    (photo,) = open_dataset("pascal-person-part", root, "train")
    assert not photo.classes.any() and not photo.persons.any()


def test_broken_part_files_are_named(tmp_path):
    root = pascal_parts(tmp_path)
    path = root / "Annotations_Part/2008_000008.mat"
    photos = open_dataset("pascal-person-part", root, "train")
    mat(path, [{"wing": plane(1)}])
    with pytest.raises(ValueError, match="'2008_000008' has a part 'wing'"):
        photos[0]
    mat(path, [{"head": np.ones((5, 5), np.uint8)}], whole=np.ones((5, 5), np.uint8))
    with pytest.raises(ValueError, match=r"a mask of '2008_000008' is \(5, 5\)"):
        photos[0]
    savemat(path, {"other": 1})
    with pytest.raises(ValueError, match="'2008_000008' holds no struct"):
        photos[0]
    path.write_bytes(b"nothing of the sort")
    with pytest.raises(ValueError, match=r"'2008_000008' is no \.mat"):
        photos[0]
    path.unlink()
    with pytest.raises(ValueError, match="'2008_000008' is missing"):
        photos[0]


@pytest.mark.parametrize(
    ("dataset", "make", "split", "labels"),
    [
        ("lip", lip, "val", "TrainVal_parsing_annotations/val_segmentations/100034_483681.png"),
        ("cihp", cihp, "val", "instance-level_human_parsing/Validation/Category_ids/0000006.png"),
        ("cihp", cihp, "val", "instance-level_human_parsing/Validation/Human_ids/0000006.png"),
        ("atr", atr, "train", "SegmentationClassAug/dataset10k_1.png"),
        ("pascal-person-part", pascal_pixels, "val", "pascal_person_part_gt/2008_000008.png"),
    ],
)
def test_a_broken_label_file_is_refused_with_the_photos_id(tmp_path, dataset, make, split, labels):
    photos = open_dataset(dataset, make(tmp_path), split)
    id_ = photos.ids[0]
    if "Human_ids" not in labels:  # people are numbered as one likes
        write_labels(tmp_path / labels, plane(0, 77))
        with pytest.raises(ValueError, match=rf"'{id_}' hold \[77\]"):
            photos[0]
    write_labels(tmp_path / labels, plane(0)[1:])
    with pytest.raises(ValueError, match=f"'{id_}' differ in size"):
        photos[0]
    (tmp_path / labels).unlink()
    with pytest.raises(ValueError, match=f"'{id_}' is missing"):
        photos[0]


@pytest.mark.parametrize("dataset", ["lip", "cihp", "atr"])
def test_a_split_that_a_release_lacks_is_refused(tmp_path, dataset):
    with pytest.raises(ValueError, match=f"no split 'dev' of {dataset}"):
        open_dataset(dataset, tmp_path, "dev")


def test_an_empty_or_repeating_list_is_refused(tmp_path):
    root = lip(tmp_path)
    write_list(root / "TrainVal_images/val_id.txt")
    with pytest.raises(ValueError, match="names no photo"):
        open_dataset("lip", root, "val")
    write_list(root / "TrainVal_images/val_id.txt", "a", "a")
    with pytest.raises(ValueError, match="'a' is listed twice"):
        open_dataset("lip", root, "val")
