"""PASCAL-Person-Part: seven labels of the body under its clothes, several people a photo.

Two forms are read. Pixel labels: `JPEGImages/ID.jpg` and `pascal_person_part_gt/ID.png` (numbers 0..6, 255
unknown), which do not tell people apart. PASCAL-Part's own files: `Annotations_Part/ID.mat` with a struct
`anno` -> objects (class, mask) -> parts (part_name, mask), which do. Sources: Chen et al., 'Detect What You
Can' (CVPR 2014), the parts; Chen et al., 'Attention to Scale' (CVPR 2016), their merging into six.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE
from model.data.formats.files import first_existing, photo_file, read_labels, read_list, read_photo
from model.data.formats.item import MOST, LabelledPhoto, LabelTable, Photos

NAMES = ("Head", "Torso", "Upper Arms", "Lower Arms", "Upper Legs", "Lower Legs")
PASCAL = LabelTable.of_dataset("pascal-person-part", NAMES)

_PARTS: dict[str, tuple[str, ...]] = {
    "Head": ("head", "leye", "reye", "lear", "rear", "lebrow", "rebrow", "nose", "mouth", "hair"),
    "Torso": ("torso", "neck"),
    "Upper Arms": ("luarm", "ruarm"),
    "Lower Arms": ("llarm", "rlarm", "lhand", "rhand"),
    "Upper Legs": ("luleg", "ruleg"),
    "Lower Legs": ("llleg", "rlleg", "lfoot", "rfoot"),
}
LABEL_OF_PART = {part: NAMES.index(name) + 1 for name, parts in _PARTS.items() for part in parts}
"""Part name of a person in PASCAL-Part -> label. Hands and feet belong to the lower limbs."""

_LABELS = ("pascal_person_part_gt", "SegmentationPart", "person_part_gt")
_PARTS_FOLDERS = ("Annotations_Part", "Annotations")


class PascalPixels(Photos):
    """The form of pixel labels; whose a part is remains unknown."""

    def __init__(self, ids: tuple[str, ...], photos: Path, labels: Path) -> None:
        super().__init__("pascal-person-part", ids)
        self.photos, self.labels = photos, labels

    def load(self, id_: str) -> LabelledPhoto:
        image = read_photo(photo_file(self.photos, id_), id_)
        return LabelledPhoto(id_, image, read_labels(self.labels / f"{id_}.png", id_), PASCAL)


class PascalParts(Photos):
    """The form of .mat files: people apart; a person's pixels that no part claims are IGNORE."""

    def __init__(self, ids: tuple[str, ...], photos: Path, annotations: Path) -> None:
        super().__init__("pascal-person-part", ids)
        self.photos, self.annotations = photos, annotations

    def load(self, id_: str) -> LabelledPhoto:
        image = read_photo(photo_file(self.photos, id_), id_)
        classes = np.zeros(image.shape[:2], np.uint8)
        persons = np.zeros_like(classes)
        for number, person in enumerate(_people(self.annotations / f"{id_}.mat", id_), 1):
            if number > MOST:
                raise ValueError(f"{id_!r} has more than {MOST} people")
            body = _mask(person, classes.shape, id_)
            classes[body], persons[body] = IGNORE, number
            for part in np.atleast_1d(person.parts):
                if part.part_name not in LABEL_OF_PART:
                    known = ", ".join(LABEL_OF_PART)
                    raise ValueError(f"{id_!r} has a part {part.part_name!r} of a person, expected {known}")
                inside = _mask(part, classes.shape, id_)
                classes[inside], persons[inside] = LABEL_OF_PART[part.part_name], number
        return LabelledPhoto(id_, image, classes, PASCAL, persons)


def _people(path: Path, id_: str) -> Iterator[Any]:
    """The objects of class 'person' of a .mat file."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise ValueError(f"a file of {id_!r} is missing: {path}")
    try:
        anno = loadmat(path, squeeze_me=True, struct_as_record=False).get("anno")
    except (MatReadError, ValueError, NotImplementedError) as error:
        raise ValueError(f"a file of {id_!r} is no .mat file: {path}") from error
    if not hasattr(anno, "objects"):
        raise ValueError(f"{path} of {id_!r} holds no struct 'anno' with 'objects'")
    return (thing for thing in np.atleast_1d(anno.objects) if getattr(thing, "class") == "person")


def _mask(thing: Any, size: tuple[int, ...], id_: str) -> NDArray[np.bool_]:
    mask = np.asarray(thing.mask)
    if mask.shape != size:
        raise ValueError(f"a mask of {id_!r} is {mask.shape}, the photo {size}")
    return mask > 0


def open_pascal(root: Path, split: str) -> Photos:
    """Splits: those there are lists of (train, val, trainval): `{split}_id.txt`, `{split}.txt`, or VOC's own.

    Pixel labels are taken where both forms are there: the published figures are counted on them.
    """
    names = [f"{split}_id.txt", f"{split}.txt", f"pascal_person_part_trainval_list/{split}.txt"]
    names += [f"ImageSets/{folder}/{split}.txt" for folder in ("Person_Part", "Main", "Segmentation")]
    ids = read_list(first_existing(root, names, f"list of the split {split!r} of PASCAL-Person-Part"))
    photos = first_existing(root, ["JPEGImages"], "photos of PASCAL-Person-Part")
    labels = first_existing(root, [*_LABELS, *_PARTS_FOLDERS], "labels of PASCAL-Person-Part")
    kind = PascalParts if labels.name in _PARTS_FOLDERS else PascalPixels
    return kind(ids, photos, labels)
