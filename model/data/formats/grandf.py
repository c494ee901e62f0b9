"""GranD-f: captions whose phrases have masks. Each photo has labels of its own, its phrases.

Layout of a root, as the release's documentation arranges it: `GranDf/annotations/train/*.json` and
`val_test/*.json`, photos in `GranDf_HA_images`, `coco_2017`, `coco_2014` and `flikcr_30k` (so spelled there).
The files differ in form:

* GranDf_HA and OpenPsg: a list of {file_name, caption, groundings: {phrase: {rle_masks: [...]}}};
* RefCOCOg: a list of {number: {img_file_name, caption, refs: [{sentence, segmentation}]}};
* flickr: COCO's tables, with a caption for each image, tokens_positive and sam_mask for each annotation;
* val and test: two COCO files, masks without words and captions with `labels`. Uncertain: the n-th mask of a
  photo is taken for the n-th label; a photo where their numbers differ is refused.

Only what the caption names is labelled: `partial` is set, so that no pixel counts as background.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.data.formats.files import decode_mask, first_existing, read_photo
from model.data.formats.item import MOST, LabelledPhoto, LabelTable, Photos
from model.vocabulary import kind_of


@dataclass(frozen=True, slots=True)
class Grounded:
    """A photo's file, caption, and (phrase, COCO segmentation) pairs; a phrase may come several times."""

    file: str
    caption: str
    masks: tuple[tuple[str, Any], ...]


def by_groundings(content: Any) -> Iterable[Grounded]:
    """The form of GranDf_HA and OpenPsg."""
    for entry in content:
        masks = ((phrase, m) for phrase, g in entry["groundings"].items() for m in g["rle_masks"])
        yield Grounded(entry["file_name"], _tidy(entry["caption"]), tuple(masks))


def by_references(content: Any) -> Iterable[Grounded]:
    """The form of RefCOCOg."""
    for entry in (value for item in content for value in item.values()):
        masks = ((ref["sentence"], ref["segmentation"]) for ref in entry["refs"])
        yield Grounded(entry["img_file_name"], _tidy(entry["caption"]), tuple(masks))


def by_tables(content: Any) -> Iterable[Grounded]:
    """The form of flickr: a phrase is the piece of the caption that the first of its spans names."""
    found = _by_image(content["annotations"])
    for image in content["images"]:
        caption = image["caption"]
        spans = ((a["tokens_positive"][0], a["sam_mask"]) for a in found[image["id"]] if not a.get("ignore"))
        yield Grounded(image["file_name"], caption, tuple((caption[s:e], mask) for (s, e), mask in spans))


def by_pairs(content: Any) -> Iterable[Grounded]:
    """The form of val and test: (masks, captions), two COCO files."""
    masks, captions = content
    segmentations, said = _by_image(masks["annotations"]), _by_image(captions["annotations"])
    for image in captions["images"]:
        id_ = image["id"]
        file = image.get("file_name", f"{id_}.jpg")
        if not said[id_]:
            raise ValueError(f"{file!r} has no caption")
        first, labels = said[id_][0], said[id_][0]["labels"]
        if len(labels) != len(segmentations[id_]):
            raise ValueError(f"{file!r} has {len(labels)} labels and {len(segmentations[id_])} masks")
        pairs = zip(labels, (a["segmentation"] for a in segmentations[id_]), strict=True)
        yield Grounded(file, _tidy(first["caption"]), tuple(pairs))


def _by_image(annotations: Any) -> defaultdict[Any, list[Any]]:
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for annotation in annotations:
        found[annotation["image_id"]].append(annotation)
    return found


def _tidy(caption: str) -> str:
    return caption.strip().strip('"').strip()


_HA = ("GranDf_HA_images", "GranDf/GranDf_HA_images")
_Reader = Callable[[Any], Iterable[Grounded]]
SPLITS: dict[str, tuple[tuple[str, ...], tuple[str, ...], _Reader]] = {
    "train": (("train/GranDf_HA_GCG_train.json",), tuple(f"{f}/train" for f in _HA), by_groundings),
    "openpsg-train": (("train/OpenPsgGCG_train.json",), ("coco_2017/train2017",), by_groundings),
    "openpsg-val": (("train/OpenPsgGCG_val.json",), ("coco_2017/train2017",), by_groundings),
    "refcocog-train": (("train/RefCOCOg_GCG_train.json",), ("coco_2014/train2014",), by_references),
    "refcocog-val": (("train/RefCOCOg_GCG_val.json",), ("coco_2014/train2014",), by_references),
    "flickr-train": (("train/flickr_mergedGT_GCG_train.json",), ("flikcr_30k/train",), by_tables),
    "flickr-val": (("train/flickr_mergedGT_GCG_val.json",), ("flikcr_30k/train",), by_tables),
    **{
        split: (
            tuple(f"val_test/{split}_gcg_coco_{what}_gt.json" for what in ("mask", "caption")),
            tuple(f"{f}/val_test" for f in _HA),
            by_pairs,
        )
        for split in ("val", "test")
    },
}
"""Split -> annotation files, folders where the photos may be, reader of the form."""


class GrandfPhotos(Photos):
    """One file of GranD-f. Ids are the photos' file names, with '#2' for a second entry of the same photo."""

    def __init__(self, root: Path, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"no split {split!r} of grand-f; there are {', '.join(SPLITS)}")
        files, folders, reader = SPLITS[split]
        annotations = first_existing(root, ["GranDf/annotations", "annotations"], "annotations of GranD-f")
        contents = [_read_json(annotations / name) for name in files]
        self.photos = first_existing(root, folders, f"photos of the split {split!r} of GranD-f")
        self.entries: dict[str, Grounded] = {}
        seen: Counter[str] = Counter()
        try:
            for entry in reader(contents[0] if len(contents) == 1 else contents):
                seen[entry.file] += 1
                number = seen[entry.file]
                self.entries[f"{entry.file}#{number}" if number > 1 else entry.file] = entry
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"{files[0]} is not in GranD-f's form: {error!r}") from error
        super().__init__("grand-f", tuple(self.entries))

    def load(self, id_: str) -> LabelledPhoto:
        entry = self.entries[id_]
        image = read_photo(self.photos / entry.file, id_)
        size = image.shape[0], image.shape[1]
        phrases = list(dict.fromkeys(phrase for phrase, _ in entry.masks))[:MOST]
        masks = [(phrase, decode_mask(m, size, id_)) for phrase, m in entry.masks if phrase in phrases]
        classes, persons = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
        # The larger first, so that a shirt lies on its person and not under it.
        for phrase, mask in sorted(masks, key=lambda pair: -int(pair[1].sum())):
            classes[mask] = phrases.index(phrase) + 1
            if kind_of(phrase) == "person" and persons.max() < MOST:
                persons[mask] = persons.max() + 1
        table = LabelTable.of_words("grand-f", phrases)
        return LabelledPhoto(id_, image, classes, table, persons, entry.caption or None, partial=True)


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise ValueError(f"no annotations of GranD-f: {path} is missing")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
