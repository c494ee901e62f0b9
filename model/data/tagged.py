"""Photos of which only the tags are known, with the labels that a parser gave them under these tags.

A tag says what is in the photo, not where; a parser that may answer with nothing but the tags is right far
more often than one that may answer anything. `model.training.pseudo` writes the folder: `classes/ID.png` (ids
of `CLASSES`, IGNORE where the parser was not sure), `persons/ID.png` (1 the person, more where others stand
apart) and `index.json`, which names the photos.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import CLASSES
from model.data.scenes import Scene
from model.data.sources import Scenes

INDEX = "index.json"


def write_index(folder: Path, photos: dict[str, Path]) -> None:
    """Name the photo of each id. ValueError for none."""
    if not photos:
        raise ValueError(f"no photo was labelled: nothing to write into {folder}")
    listing = {"classes": CLASSES, "photos": {id_: str(path.resolve()) for id_, path in photos.items()}}
    (folder / INDEX).write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")


class TaggedScenes(Scenes):
    """The scenes of such a folder, read when asked for. ValueError when it is none, or of other classes."""

    def __init__(self, folder: Path) -> None:
        if not (folder / INDEX).is_file():
            raise ValueError(f"no labelled photos at {folder}: {INDEX} is missing")
        listing = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if tuple(listing.get("classes", ())) != CLASSES:
            raise ValueError(f"{folder / INDEX} has other classes than this version's")
        self.folder = folder
        self.photos = {id_: Path(path) for id_, path in sorted(listing["photos"].items())}
        self.ids = tuple(self.photos)
        self._presence: NDArray[np.bool_] | None = None

    @property
    def presence(self) -> NDArray[np.bool_]:
        """(N, 256) which scene has which class."""
        if self._presence is None:
            self._presence = np.zeros((len(self.ids), 256), bool)
            for row, id_ in zip(self._presence, self.ids, strict=True):
                row[np.unique(self._read("classes", id_))] = True
        return self._presence

    def __len__(self) -> int:
        return len(self.ids)

    def scene(self, index: int) -> Scene:
        id_ = self.ids[index]
        with Image.open(self.photos[id_]) as picture:
            image = np.asarray(picture.convert("RGB"))
        return Scene(image, self._read("classes", id_), self._read("persons", id_))

    def _read(self, kind: str, id_: str) -> NDArray[np.uint8]:
        with Image.open(self.folder / kind / f"{id_}.png") as picture:
            return np.asarray(picture, dtype=np.uint8)
