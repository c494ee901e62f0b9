"""From the release of Clothing Co-Parsing to the layout that `model.data.ccp` reads.

The release: photos `ID.jpg`, for some of them `ID.mat` with a 'groundtruth' (H, W) of label ids, for others
with 'tags', and `label_list.mat` with the labels' names; all in one folder, or in those of FOLDERS. What the
release does not have, this cannot make: body parts come from a folder of PNGs if there is one and are 'none'
otherwise, and no person is marked as unlabelled (255) unless the ground truth says so.

    python -m model.data.ccp_convert RELEASE --out PREPARED
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import loadmat
from tqdm import tqdm

from model.data.ccp import IGNORE, LABELS, PARTS

FOLDERS = {"photos": "photos", "pixels": "annotations/pixel-level", "tags": "annotations/image-level"}
"""Where the release keeps photos, ground truths and tags, if not side by side."""


@dataclass(frozen=True, slots=True)
class Options:
    """side: the photo's short side after conversion in pixels, larger photos only are scaled; val_share: of
    the labelled photos, chosen by their id alone, so that a photo never changes sides when others are added.
    """

    side: int = 384
    val_share: float = 0.08
    parts: Path | None = None

    def __post_init__(self) -> None:
        if self.side < 16:
            raise ValueError(f"side must be at least 16 pixels, not {self.side}")
        if not 0 <= self.val_share <= 1:
            raise ValueError(f"val_share must lie in 0..1, not {self.val_share}")


def convert(source: Path, out: Path, options: Options, *, quiet: bool = False) -> dict[str, object]:
    """Write the prepared layout of `source` into `out`; the index that was written.

    ValueError when the release's labels are not CCP's, or a photo and its ground truth disagree.
    """
    check_labels(source)
    truths = {path.stem: path for path in _folder(source, "pixels").glob("[0-9]*.mat")}
    tags = {p.stem: p for p in _folder(source, "tags").glob("[0-9]*.mat") if p.stem not in truths}
    if not truths:
        raise ValueError(f"no ground truth (ID.mat) in {_folder(source, 'pixels')}")
    for name in ("images", "labels", "parts", "images_tagged"):
        (out / name).mkdir(parents=True, exist_ok=True)
    for id_ in tqdm(sorted(truths), desc="labelled photos", disable=quiet):
        convert_labelled(_photo(source, id_), truths[id_], out, options)
    for id_ in tqdm(sorted(tags), desc="tagged photos", disable=quiet):
        _write_photo(_photo(source, id_), out / "images_tagged" / f"{id_}.jpg", options.side)
    index: dict[str, object] = {
        "labels": LABELS,
        "parts": PARTS,
        "ignore": IGNORE,
        "split": split(truths, options.val_share),
        "tagged": {id_: read_tags(path) for id_, path in sorted(tags.items())},
    }
    (out / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return index


def check_labels(source: Path) -> None:
    """ValueError unless `label_list.mat` names CCP's labels in their order."""
    path = source / "label_list.mat"
    if not path.is_file():
        raise ValueError(f"no CCP release at {source}: {path} is missing")
    names = tuple(str(cell.item()) for cell in loadmat(path)["label_list"].ravel())
    if names != LABELS:
        raise ValueError(f"{path} names other labels than CCP's: {names}")


def convert_labelled(photo: Path, truth: Path, out: Path, options: Options) -> None:
    """Write one photo, its labels and its body parts, all of one size."""
    labels = read_truth(truth)
    with Image.open(photo) as image:
        if image.size != labels.shape[::-1]:
            raise ValueError(f"{photo} is {image.size} wide and high, {truth} {labels.shape[::-1]}")
    size = _write_photo(photo, out / "images" / photo.name, options.side)
    name = f"{photo.stem}.png"
    Image.fromarray(labels).resize(size, Image.Resampling.NEAREST).save(out / "labels" / name)
    _read_parts(options.parts, name, size).save(out / "parts" / name)


def read_truth(path: Path) -> NDArray[np.uint8]:
    """The 'groundtruth' (H, W) of a .mat file; ValueError for a label that CCP does not have."""
    labels: NDArray[np.uint8] = np.ascontiguousarray(loadmat(path)["groundtruth"], dtype=np.uint8)
    known = labels[labels != IGNORE]
    if labels.ndim != 2 or known.max(initial=0) >= len(LABELS):
        raise ValueError(f"{path} has labels {known.max(initial=0)} in shape {labels.shape}")
    return labels


def read_tags(path: Path) -> list[int]:
    """The label ids of a photo that has only 'tags'."""
    return sorted({int(value) for value in loadmat(path)["tags"].ravel()})


def split(ids: Iterable[str], val_share: float) -> dict[str, list[str]]:
    """Photos by side: 'val' has those whose hashed id falls into its share, 'train' the others."""
    sides: dict[str, list[str]] = {"train": [], "val": []}
    for id_ in sorted(ids):
        place = int.from_bytes(hashlib.sha256(id_.encode()).digest()[:8]) / 2**64
        sides["val" if place < val_share else "train"].append(id_)
    return sides


def main(argv: Sequence[str] | None = None) -> int:
    """Convert; 0, or 2 with a message for what the caller can mend."""
    parser = argparse.ArgumentParser(prog="python -m model.data.ccp_convert", description=__doc__)
    parser.add_argument("source", type=Path, help="folder of the release")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--side", type=int, default=384, help="short side in pixels; %(default)s by default")
    parser.add_argument("--val-share", type=float, default=0.08, help="%(default)s by default")
    parser.add_argument("--parts", type=Path, help="folder of body parts, ID.png; without it: none")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    given = parser.parse_args(argv)
    try:
        options = Options(given.side, given.val_share, given.parts)
        convert(given.source, given.out, options, quiet=given.quiet)
    except ValueError as error:
        sys.stderr.write(f"ccp_convert: {error}\n")
        return 2
    return 0


def _folder(source: Path, kind: str) -> Path:
    nested = source / FOLDERS[kind]
    return nested if nested.is_dir() else source


def _photo(source: Path, id_: str) -> Path:
    path = _folder(source, "photos") / f"{id_}.jpg"
    if not path.is_file():
        raise ValueError(f"{id_}.mat has no photo: {path} is missing")
    return path


def _write_photo(photo: Path, target: Path, side: int) -> tuple[int, int]:
    """Write the photo with this short side, unchanged if it is no larger; its (width, height)."""
    with Image.open(photo) as image:
        scale = side / min(image.size)
        if scale >= 1:
            shutil.copyfile(photo, target)
            return image.size
        width, height = (max(1, round(length * scale)) for length in image.size)
        small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    small.save(target, quality=90)
    return width, height


def _read_parts(folder: Path | None, name: str, size: tuple[int, int]) -> Image.Image:
    """Body parts of a photo at this (width, height); 'none' everywhere if nobody has them."""
    if folder is None or not (folder / name).is_file():
        return Image.new("L", size)
    with Image.open(folder / name) as parts:
        return parts.convert("L").resize(size, Image.Resampling.NEAREST)


if __name__ == "__main__":
    sys.exit(main())
