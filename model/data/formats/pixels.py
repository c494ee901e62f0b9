"""The datasets that label every pixel of a picture: CCP, LIP, CIHP, ATR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import CLASSES, IGNORE, CcpDataset
from model.data.formats.files import (
    first_existing,
    photo_file,
    read_ids,
    read_labels,
    read_list,
    read_photo,
)
from model.data.formats.item import LabelledPhoto, LabelTable, Photos
from model.data.scenes import whole

_LIMBS = ("Left-arm", "Right-arm", "Left-leg", "Right-leg", "Left-shoe", "Right-shoe")
_LIP_START = ("Hat", "Hair", "Glove", "Sunglasses", "UpperClothes", "Dress", "Coat", "Socks", "Pants")
LIP = LabelTable.of_dataset("lip", (*_LIP_START, "Jumpsuits", "Scarf", "Skirt", "Face", *_LIMBS))
CIHP = LabelTable.of_dataset("cihp", (*_LIP_START, "Torso-skin", "Scarf", "Skirt", "Face", *_LIMBS))
ATR = LabelTable.of_dataset(
    "atr",
    (
        *("Hat", "Hair", "Sunglasses", "Upper-clothes", "Skirt", "Pants", "Dress", "Belt"),
        *(
            "Left-shoe",
            "Right-shoe",
            "Face",
            "Left-leg",
            "Right-leg",
            "Left-arm",
            "Right-arm",
            "Bag",
            "Scarf",
        ),
    ),
)
CCP = LabelTable.of_dataset("ccp", CLASSES[1:])


class CcpPhotos(Photos):
    """CCP in the prepared layout of `model.data.ccp`, skin split into body parts. Splits: train, val."""

    def __init__(self, root: Path, split: str) -> None:
        self.dataset = CcpDataset(root, split)
        super().__init__("ccp", self.dataset.ids)

    def load(self, id_: str) -> LabelledPhoto:
        scene = whole(self.dataset.load(id_))
        return LabelledPhoto(id_, scene.image, scene.classes, CCP, scene.persons)


class LabelPictures(Photos):
    """Photos and label pictures of the same names in two folders.

    people: folder of pictures that number the people; None where all labels of a photo are one person's.
    """

    def __init__(
        self, table: LabelTable, ids: tuple[str, ...], photos: Path, labels: Path, people: Path | None = None
    ) -> None:
        super().__init__(table.dataset, ids)
        self.table, self.photos, self.labels, self.people = table, photos, labels, people

    def load(self, id_: str) -> LabelledPhoto:
        image = read_photo(photo_file(self.photos, id_), id_)
        classes = read_labels(self.labels / f"{id_}.png", id_)
        if self.people is None:
            persons = ((classes > 0) & (classes != IGNORE)).astype(np.uint8)
        else:
            persons = read_labels(self.people / f"{id_}.png", id_)
        return LabelledPhoto(id_, image, classes, self.table, persons)


class CihpPhotos(LabelPictures):
    """Several people a photo: `Human_ids` says whose a pixel is, `Instance_ids` which part of whom."""

    def __init__(self, ids: tuple[str, ...], folder: Path) -> None:
        super().__init__(CIHP, ids, folder / "Images", folder / "Category_ids", folder / "Human_ids")
        self.folder = folder

    def instances(self, id_: str) -> NDArray[np.uint16]:
        """(H, W) number of the part instance that owns the pixel, 0 for none."""
        return read_ids(self.folder / "Instance_ids" / f"{id_}.png", id_)


def _nested(*paths: str) -> list[str]:
    """Archives are often unpacked into a folder of their own name: 'A/b' -> 'A/b', 'A/A/b', 'b'."""
    return [p for path in paths for p in (path, f"{path.split('/')[0]}/{path}", path.partition("/")[2])]


def open_lip(root: Path, split: str) -> Photos:
    """Look into Person, single people. Splits: train, val.

    `TrainVal_images/{train,val}_images/ID.jpg`,
    `TrainVal_parsing_annotations/{train,val}_segmentations/ID.png`, `{train,val}_id.txt` beside the photos'
    folders or in the root. People beside the labelled one are background there.
    """
    _one_of(split, ("train", "val"), "lip")
    ids = first_existing(root, _nested(f"TrainVal_images/{split}_id.txt"), "list of LIP ids")
    photos = first_existing(root, _nested(f"TrainVal_images/{split}_images"), "photos of LIP")
    segmentations = _nested(f"TrainVal_parsing_annotations/{split}_segmentations")
    return LabelPictures(LIP, read_list(ids), photos, first_existing(root, segmentations, "labels of LIP"))


def open_cihp(root: Path, split: str) -> CihpPhotos:
    """Crowd Instance-level Human Parsing. Splits: train, val.

    `instance-level_human_parsing/{Training,Validation}/{Images,Category_ids,Human_ids,Instance_ids}` and
    `{train,val}_id.txt` in the same folder. Some copies lack `Human_ids`: they are refused, since without it
    nobody knows whose a part is.
    """
    folder_name = {"train": "Training", "val": "Validation"}[_one_of(split, ("train", "val"), "cihp")]
    folder = first_existing(root, _nested(f"instance-level_human_parsing/{folder_name}"), "CIHP")
    for name in ("Images", "Category_ids", "Human_ids"):
        first_existing(folder, [name], "folder of CIHP")
    ids = first_existing(folder, [f"{split}_id.txt"], "list of CIHP ids")
    return CihpPhotos(read_list(ids), folder)


def open_atr(root: Path, split: str) -> Photos:
    """ATR with the fashion photos that were added to it, single people. Splits: train, val, test, all.

    `JPEGImages/ID.jpg`, `SegmentationClassAug/ID.png`. The release has no lists; what is in use are
    `{split}_id.txt` or `{split}.txt`, in the root or in `ImageSets`. 'all' needs no list.
    """
    _one_of(split, ("train", "val", "test", "all"), "atr")
    photos = first_existing(root, _nested("humanparsing/JPEGImages"), "photos of ATR")
    labels = first_existing(root, _nested("humanparsing/SegmentationClassAug"), "labels of ATR")
    if split == "all":
        ids = tuple(sorted(path.stem for path in labels.glob("*.png")))
    else:
        names = [f"{split}_id.txt", f"{split}.txt", f"ImageSets/{split}_id.txt", f"ImageSets/{split}.txt"]
        ids = read_list(first_existing(root, names, "list of ATR ids"))
    return LabelPictures(ATR, ids, photos, labels)


def _one_of(split: str, splits: tuple[str, ...], dataset: str) -> str:
    if split not in splits:
        raise ValueError(f"no split {split!r} of {dataset}; there are {', '.join(splits)}")
    return split
