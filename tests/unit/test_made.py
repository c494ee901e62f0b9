"""Made-up people as training eats them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model.data.ccp import CLASSES, CcpDataset
from model.data.made import MadeScenes
from model.data.scenes import SceneMaker
from model.data.synthetic.folder import write_index, write_scene
from model.data.synthetic.scene import SyntheticPerson, SyntheticScene, Worn

ROOT = Path(__file__).parent.parent / "data" / "ccp"
DRESS = CLASSES.index("dress")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    classes = np.zeros((48, 64), np.uint8)
    classes[8:40, 20:40] = DRESS
    texture, mask = np.full((8, 8, 3), 128, np.uint8), np.ones((8, 8), bool)
    person = SyntheticPerson((Worn("dress", "red", "plain"),), "a woman in a red dress", texture, mask)
    image = np.full((48, 64, 3), (255, 0, 255), np.uint8)
    persons = (classes > 0).astype(np.uint8)
    scene = SyntheticScene(image, classes, persons, (person,), person.caption, classes > 255)
    write_index(tmp_path, [write_scene(scene, tmp_path, 0)], mask, {"seed": 1})
    return tmp_path


def test_made_scenes_are_drawn_when_asked_for(folder: Path):
    maker = SceneMaker(CcpDataset(ROOT, "val"), synthetic=MadeScenes(folder))
    scene = maker.make(3, "synthetic", (32, 48))
    assert scene.classes.shape == (32, 48)
    assert set(np.unique(scene.classes)) <= {0, DRESS}
    assert scene.image[..., 1].mean() < 80  # no photo is as magenta


def test_folders_follow_one_another(folder: Path):
    scenes = MadeScenes(folder, folder)
    assert len(scenes) == 2
    assert (scenes[0].image == scenes[1].image).all()


def test_a_folder_with_garments_that_are_held_out_is_refused(folder: Path):
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    index["scenes"][0]["people"][0]["garments"][0][0] = "saree"
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ValueError, match="saree"):
        MadeScenes(folder)


def test_scenes_with_an_unwanted_garment_are_left_out(folder: Path):
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    other = json.loads(json.dumps(index["scenes"][0]))
    other["people"][0]["garments"][0][0] = "pants"
    index["scenes"].append(other)
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    assert len(MadeScenes(folder)) == 2
    assert [entry for _, entry in MadeScenes(folder, without=["dress", "skirt"]).places] == [1]
    with pytest.raises(ValueError, match="dress, pants"):
        MadeScenes(folder, without=["pants", "dress"])
