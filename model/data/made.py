"""Scenes of made-up people as training eats them: `Scene` with ids of `CLASSES`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model.data.ccp import CLASSES
from model.data.held_out import HELD_OUT_GARMENTS
from model.data.scenes import Scene
from model.data.sources import Scenes
from model.data.synthetic.folder import SyntheticFolder


class MadeScenes(Scenes):
    """Folders of `spectrum synthesize`, one after the other.

    ValueError for none, and for one with garments that are held out.
    """

    def __init__(self, *folders: Path) -> None:
        self.made = [SyntheticFolder(folder) for folder in folders]
        self.places = [(made, i) for made in self.made for i in range(len(made))]
        for folder, made in zip(folders, self.made, strict=True):
            worn = {g[0] for entry in made.entries for p in entry["people"] for g in p["garments"]}
            if held := sorted(worn & set(HELD_OUT_GARMENTS)):
                raise ValueError(f"{folder} has garments that no training may see: {', '.join(held)}")

    def __len__(self) -> int:
        return len(self.places)

    def scene(self, index: int) -> Scene:
        made, place = self.places[index]
        scene = made[place]
        assert int(np.max(scene.classes)) < len(CLASSES)  # the folder's garments were checked by name
        return Scene(scene.image, scene.classes, scene.persons)
