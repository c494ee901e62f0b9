"""A prepared body drawn once more, in the texture map that a network predicts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model.data.synthetic.atlas import atlas
from model.data.synthetic.cli import STRIDE
from model.data.synthetic.folder import SyntheticFolder, write_index, write_scene
from model.data.synthetic.maker import SyntheticMaker
from model.training.generative.pictures import psnr
from model.training.generative.synthetic import ALIKE, Redrawn, read_scenes

SIZE, SEED = (96, 64), 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("portraits")
    scene = SyntheticMaker().make(SEED * STRIDE, SIZE, portrait=True)
    how = {"seed": SEED, "size": list(SIZE), "held_out": False, "standalone": False}
    write_index(root, [write_scene(scene, root, 0)], atlas(128).mask, how)
    return root


def test_a_body_in_another_map_changes_and_its_surroundings_do_not(folder):
    redrawn, scene = Redrawn(folder, 0), SyntheticFolder(folder)[0]
    body = scene.persons == 1
    same = redrawn(0, scene.people[0].texture)
    red = redrawn(0, np.broadcast_to(np.array([200, 0, 0], np.uint8), (128, 128, 3)))
    assert psnr(same, scene.image, body) > ALIKE
    assert np.array_equal(red[~body], scene.image[~body])
    assert red[body][:, 0].mean() > 4 * red[body][:, 1].mean()


def test_a_folder_of_other_bodies_is_refused(folder, tmp_path):
    for name in ("images", "persons", "textures", "classes", "texture_mask.png"):
        (tmp_path / name).symlink_to(folder / name)
    index = json.loads((folder / "index.json").read_text())
    index["made"]["seed"] += 1
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="not those that the generator draws"):
        Redrawn(tmp_path, 0)


def test_a_folder_without_scenes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="missing"):
        read_scenes(tmp_path)
