"""Scenes from beside CCP: other datasets, several sources in a row."""

import numpy as np
import pytest

from model.data.ccp import CLASSES, CcpDataset
from model.data.formats.registry import open_dataset
from model.data.scenes import Scene, SceneMaker, presence_in
from model.data.sources import Chained, PhotoScenes
from model.training.stages.parsing import other_photos
from tests.unit.test_formats_pixels import cihp
from tests.unit.test_tagged import ROOT


def scene(value):
    plane = np.full((6, 4), value, np.uint8)
    return Scene(np.zeros((6, 4, 3), np.uint8), plane, (plane > 0).astype(np.uint8))


def values(scenes):
    return [int(s.classes[0, 0]) for s in scenes]


def test_sources_follow_each_other_and_slice_like_a_list():
    chained = Chained([scene(1), scene(2)], [], [scene(3)])
    assert values(chained) == [1, 2, 3]
    assert values(chained[1:]) == [2, 3]
    assert values([chained[-1]]) == [3]
    with pytest.raises(IndexError):
        chained[3]


def test_what_is_present_is_known_of_all_sources_in_their_order():
    class Knows(list[Scene]):
        presence = np.eye(1, 256, k=7, dtype=bool)

    present = presence_in(Chained([scene(2)], Knows([scene(9)])))
    assert [np.flatnonzero(row).tolist() for row in present] == [[2], [7]]
    assert presence_in(Chained()).shape == (0, 256)


def test_the_photos_of_a_release_become_scenes_with_their_people(tmp_path):
    scenes = PhotoScenes(open_dataset("cihp", cihp(tmp_path), "train"))
    assert len(scenes) == 1
    assert {CLASSES[v] for v in np.unique(scenes[0].classes) if v < len(CLASSES)} >= {"background", "torso"}
    assert np.unique(scenes[0].persons).tolist() == [0, 1, 2]


def test_training_draws_from_the_photos_of_another_dataset(tmp_path):
    other = other_photos(f"cihp={cihp(tmp_path)}@val")
    maker = SceneMaker(CcpDataset(ROOT, "train"), also=Chained(other))
    assert len(maker.weights) == len(CcpDataset(ROOT, "train")) + 1
    assert maker.make(3, "row", (64, 96)).classes.shape == (64, 96)


@pytest.mark.parametrize("named", ["cihp", "cihp=", "no-such=/tmp", "cihp=/nowhere"])
def test_photos_that_cannot_be_opened_are_refused(named):
    with pytest.raises(ValueError, match=r"NAME=DIR|no dataset|no folder"):
        other_photos(named)
