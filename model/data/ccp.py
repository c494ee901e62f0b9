"""Clothing Co-Parsing in the prepared layout: label tables, photos, and the classes we train on.

Layout of a root: `images/ID.jpg`, `labels/ID.png`, `parts/ID.png`, `index.json` (`model.data.ccp_convert`
writes it). Dataset: Yang, Luo, Lin, 'Clothing Co-Parsing by Joint Image Segmentation and Labeling',
CVPR 2014.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IGNORE = 255
"""Value of a pixel whose label is not known; it never counts."""

LABELS: tuple[str, ...] = (
    *("null", "accessories", "bag", "belt", "blazer", "blouse", "bodysuit", "boots", "bra", "bracelet"),
    *("cape", "cardigan", "clogs", "coat", "dress", "earrings", "flats", "glasses", "gloves", "hair"),
    *("hat", "heels", "hoodie", "intimate", "jacket", "jeans", "jumper", "leggings", "loafers", "necklace"),
    *("panties", "pants", "pumps", "purse", "ring", "romper", "sandals", "scarf", "shirt", "shoes"),
    *("shorts", "skin", "skirt", "sneakers", "socks", "stockings", "suit", "sunglasses", "sweater"),
    *("sweatshirt", "swimwear", "t-shirt", "tie", "tights", "top", "vest", "wallet", "watch", "wedges"),
)
"""The release's own labels; a label's id is its place, 0 is background."""

PARTS: tuple[str, ...] = (
    *("none", "left_face", "right_face"),
    *("left_upper_arm_front", "left_upper_arm_back", "right_upper_arm_front", "right_upper_arm_back"),
    *("left_lower_arm_front", "left_lower_arm_back", "right_lower_arm_front", "right_lower_arm_back"),
    *("left_hand", "right_hand", "torso_front", "torso_back"),
    *("left_upper_leg_front", "left_upper_leg_back", "right_upper_leg_front", "right_upper_leg_back"),
    *("left_lower_leg_front", "left_lower_leg_back", "right_lower_leg_front", "right_lower_leg_back"),
    *("left_foot", "right_foot"),
)
"""BodyPix's parts, moved by one: 0 means none."""

BODY: tuple[str, ...] = ("face", "arm", "hand", "torso", "leg", "foot")
"""The parts that 'skin' splits into."""

SKIN = LABELS.index("skin")
HAIR = LABELS.index("hair")

CLASSES: tuple[str, ...] = (
    "background",
    *(label for label in LABELS[1:] if label != "skin"),
    *BODY,
)
"""Names of the classes of `class_map`, each the name that the vocabulary finds; the id is the place."""


def body_of(part: str) -> int:
    """Place in `BODY` of a BodyPix part's name; -1 for 'none'."""
    return next((i for i, name in enumerate(BODY) if name in part.split("_")), -1)


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Class of each label value, and of each part value within skin; 256 entries, IGNORE where unknown."""
    by_label = np.full(256, IGNORE, np.uint8)
    by_part = np.full(256, IGNORE, np.uint8)
    by_label[0] = 0
    for value, name in enumerate(LABELS):
        if name in CLASSES:
            by_label[value] = CLASSES.index(name)
    for value, name in enumerate(PARTS):
        if (body := body_of(name)) >= 0:
            by_part[value] = CLASSES.index(BODY[body])
    return by_label, by_part


_CLASS_OF_LABEL, _CLASS_OF_PART = _tables()


@dataclass(frozen=True, slots=True, eq=False)
class CcpItem:
    """One photo with its truth, all at the photo's own size.

    image (H, W, 3) RGB; labels (H, W) values of `LABELS`, IGNORE where another, unlabelled person stands;
    parts (H, W) values of `PARTS`, pseudo-labels that are to be trusted within skin.
    """

    id: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    parts: NDArray[np.uint8]

    def __post_init__(self) -> None:
        size = self.image.shape[:2]
        if self.image.ndim != 3 or self.labels.shape != size or self.parts.shape != size:
            shapes = (self.image.shape, self.labels.shape, self.parts.shape)
            raise ValueError(f"photo, labels and parts of {self.id!r} differ in size: {shapes}")


def class_map(item: CcpItem) -> tuple[NDArray[np.uint8], list[str]]:
    """Truth (H, W) in `CLASSES` with skin split into body parts, and the names of the classes.

    Skin that no part claims is IGNORE: it is skin, but of a part nobody knows.
    """
    classes = np.where(item.labels == SKIN, _CLASS_OF_PART[item.parts], _CLASS_OF_LABEL[item.labels])
    return classes.astype(np.uint8), list(CLASSES)


def class_ids_of_labels(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ids of `CLASSES` of these label values; skin, whose part is not known, and IGNORE are left out."""
    ids = _CLASS_OF_LABEL[values]
    return ids[ids != IGNORE]


def read_index(root: Path) -> dict[str, Any]:
    """`index.json` of a prepared root; ValueError when it is missing or not CCP's."""
    path = root / "index.json"
    if not path.is_file():
        raise ValueError(f"no prepared CCP dataset at {root}: {path} is missing")
    index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for key, expected in (("labels", LABELS), ("parts", PARTS)):
        if tuple(index.get(key, ())) != expected:
            raise ValueError(f"{path} is not CCP's: its {key!r} are {index.get(key)!r}")
    return index


def tagged_photos(root: str | Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Photos that have tags but no pixel labels: path and names of the labels, background left out."""
    root = Path(root)
    tagged: dict[str, list[int]] = read_index(root).get("tagged", {})
    return [
        (root / "images_tagged" / f"{id_}.jpg", tuple(LABELS[value] for value in values if value))
        for id_, values in sorted(tagged.items())
    ]


class CcpDataset(Sequence[CcpItem]):
    """The photos of one split, read from disk when asked for.

    `ids` are in the index's order. ValueError when the root or the split does not exist.
    """

    def __init__(self, root: str | Path, split: str) -> None:
        self.root = Path(root)
        splits: dict[str, list[str]] = read_index(self.root)["split"]
        if split not in splits:
            raise ValueError(f"no split {split!r} in {self.root}; there are {sorted(splits)}")
        self.split = split
        self.ids: tuple[str, ...] = tuple(splits[split])

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> CcpItem: ...
    @overload
    def __getitem__(self, index: slice) -> list[CcpItem]: ...
    def __getitem__(self, index: int | slice) -> CcpItem | list[CcpItem]:
        if isinstance(index, slice):
            return [self.load(id_) for id_ in self.ids[index]]
        return self.load(self.ids[index])

    def __iter__(self) -> Iterator[CcpItem]:
        return (self.load(id_) for id_ in self.ids)

    def load(self, id_: str) -> CcpItem:
        """The photo `id_` with its truth."""
        return CcpItem(
            id=id_,
            image=_read(self.root / "images" / f"{id_}.jpg", "RGB"),
            labels=self.labels(id_),
            parts=_read(self.root / "parts" / f"{id_}.png", "L"),
        )

    def labels(self, id_: str) -> NDArray[np.uint8]:
        """Only the labels (H, W) of the photo `id_`, for counting without decoding photos."""
        return _read(self.root / "labels" / f"{id_}.png", "L")


def _read(path: Path, mode: str) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image if image.mode == mode else image.convert(mode), dtype=np.uint8)
