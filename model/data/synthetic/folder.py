"""Scenes on disk: written once, read many times.

Layout: `images/000000.jpg`, `classes/000000.png`, `persons/000000.png`, `loose/000000.png` (only where
garments lie about), `textures/000000_1.png` (one a person), `texture_mask.png` (the same for everybody),
`index.json` (class names, and of each scene its caption and people).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.synthetic.scene import SYNTHETIC_CLASSES, SyntheticPerson, SyntheticScene, Worn

QUALITY = 92
"""Of the JPEG pictures."""


def write_scene(scene: SyntheticScene, root: Path, number: int) -> dict[str, Any]:
    """Write one scene's pictures; returns its entry in the index."""
    name = f"{number:06d}"
    for folder in ("images", "classes", "persons", "textures"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(root / "images" / f"{name}.jpg", quality=QUALITY)
    Image.fromarray(scene.classes).save(root / "classes" / f"{name}.png")
    Image.fromarray(scene.persons).save(root / "persons" / f"{name}.png")
    if scene.loose.any():
        (root / "loose").mkdir(exist_ok=True)
        Image.fromarray(scene.loose.astype(np.uint8)).save(root / "loose" / f"{name}.png")
    for k, person in enumerate(scene.people, start=1):
        Image.fromarray(person.texture).save(root / "textures" / f"{name}_{k}.png")
    people = [
        {"caption": p.caption, "garments": [[w.name, w.color, w.pattern] for w in p.garments]}
        for p in scene.people
    ]
    return {"id": name, "caption": scene.caption, "people": people}


def write_index(
    root: Path, entries: Sequence[dict[str, Any]], mask: NDArray[np.bool_], how: dict[str, Any]
) -> None:
    """Write `index.json` and the atlas's mask; `how` says what the scenes were made with."""
    Image.fromarray(mask.astype(np.uint8)).save(root / "texture_mask.png")
    index = {"classes": list(SYNTHETIC_CLASSES), "made": how, "scenes": list(entries)}
    (root / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


class SyntheticFolder(Sequence[SyntheticScene]):
    """The scenes of a folder, read when asked for. ValueError when there is no folder of this kind."""

    def __init__(self, path: str | Path) -> None:
        self.root = Path(path)
        file = self.root / "index.json"
        if not file.is_file():
            raise ValueError(f"no synthetic scenes at {self.root}: {file} is missing")
        index = json.loads(file.read_text(encoding="utf-8"))
        if tuple(index.get("classes", ())) != SYNTHETIC_CLASSES:
            raise ValueError(f"{file} has other classes: {index.get('classes')!r}")
        self.entries: list[dict[str, Any]] = index["scenes"]
        self._mask = _read(self.root / "texture_mask.png") > 0

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> SyntheticScene: ...
    @overload
    def __getitem__(self, index: slice) -> list[SyntheticScene]: ...
    def __getitem__(self, index: int | slice) -> SyntheticScene | list[SyntheticScene]:
        if isinstance(index, slice):
            return [self._load(entry) for entry in self.entries[index]]
        return self._load(self.entries[index])

    def __iter__(self) -> Iterator[SyntheticScene]:
        return (self._load(entry) for entry in self.entries)

    def _load(self, entry: dict[str, Any]) -> SyntheticScene:
        name = entry["id"]
        classes = _read(self.root / "classes" / f"{name}.png")
        loose = self.root / "loose" / f"{name}.png"
        people = tuple(
            SyntheticPerson(
                tuple(Worn(*worn) for worn in person["garments"]),
                person["caption"],
                _read(self.root / "textures" / f"{name}_{k}.png"),
                self._mask,
            )
            for k, person in enumerate(entry["people"], start=1)
        )
        return SyntheticScene(
            _read(self.root / "images" / f"{name}.jpg"),
            classes,
            _read(self.root / "persons" / f"{name}.png"),
            people,
            entry["caption"],
            _read(loose) > 0 if loose.is_file() else np.zeros(classes.shape, bool),
        )


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)  # a copy that may be written to
