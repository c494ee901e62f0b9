"""Scenes of made-up people as training eats them: `Scene` with ids of `CLASSES`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model.data.ccp import CLASSES
from model.data.held_out import HELD_OUT_GARMENTS
from model.data.scenes import Scene
from model.data.sources import Scenes
from model.data.synthetic.folder import SyntheticFolder


class MadeScenes(Scenes):
    """Folders of `spectrum synthesize`, one after the other.

    without: scenes where somebody wears one of these garments are left out. ValueError when no scene is left,
    and for a folder with garments that are held out.
    """

    def __init__(self, *folders: Path, without: Collection[str] = ()) -> None:
        self.made = [SyntheticFolder(folder) for folder in folders]
        self.places = [
            (made, i)
            for made in self.made
            for i, entry in enumerate(made.entries)
            if not worn_in(entry) & set(without)
        ]
        if not self.places:
            raise ValueError(f"no made-up scene is without {', '.join(sorted(without)) or 'people'}")
        for folder, made in zip(folders, self.made, strict=True):
            worn = set[str]().union(*map(worn_in, made.entries))
            if held := sorted(worn & set(HELD_OUT_GARMENTS)):
                raise ValueError(f"{folder} has garments that no training may see: {', '.join(held)}")

    def __len__(self) -> int:
        return len(self.places)

    def scene(self, index: int) -> Scene:
        made, place = self.places[index]
        scene = made[place]
        assert int(np.max(scene.classes)) < len(CLASSES)  # the folder's garments were checked by name
        return Scene(scene.image, scene.classes, scene.persons)


def worn_in(entry: Mapping[str, Any]) -> set[str]:
    """The garments of all people of a scene, from its line in the folder's index."""
    return {garment[0] for person in entry["people"] for garment in person["garments"]}
