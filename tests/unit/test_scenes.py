"""Training scenes: what they promise to the losses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.data.ccp import CLASSES, IGNORE, CcpDataset
from model.data.scenes import (
    Scene,
    SceneMaker,
    mirrored,
    paste,
    presence_of,
    repeat_weights,
    whole,
    widest_free_strip,
)

ROOT = Path(__file__).parent.parent / "data" / "ccp"


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    return SceneMaker(CcpDataset(ROOT, "val"))


@pytest.mark.parametrize("kind", ["photo", "row", "group", "empty", "window"])
def test_a_scene_is_a_function_of_its_seed(maker, kind):
    first, again, other = (maker.make(seed, kind, (96, 64)) for seed in (5, 5, 6))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.classes, again.classes)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("kind", ["photo", "row", "group", "empty", "window"])
def test_every_scene_has_the_size_asked_and_known_classes(maker, kind):
    scene = maker.make(3, kind, (96, 128))
    assert scene.image.shape == (96, 128, 3)
    assert scene.classes.shape == scene.persons.shape == (96, 128)
    assert set(np.unique(scene.classes)) <= {*range(len(CLASSES)), IGNORE}


def test_an_empty_scene_has_neither_person_nor_class(maker):
    for seed in range(8):
        scene = maker.make(seed, "empty", (64, 64))
        assert not scene.persons.any()
        assert not scene.classes.any()


def test_each_garment_of_a_row_or_group_lies_on_a_person(maker):
    for seed in range(6):
        for kind in ("row", "group"):
            scene = maker.make(seed, kind, (96, 96))
            worn = (scene.classes > 0) & (scene.classes != IGNORE)
            assert worn.any()
            assert (scene.persons[worn] > 0).all()


def test_a_row_has_a_person_in_each_photo(maker):
    counts = {len(np.unique(maker.make(seed, "row", (96, 160)).persons)) - 1 for seed in range(6)}
    assert counts & {2, 3}


def test_the_nearer_person_hides_the_farther():
    image, classes, persons = (
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8), np.uint8),
    )
    body = np.ones((4, 4), np.uint8)
    paste(image, classes, persons, Scene(np.full((4, 4, 3), 90, np.uint8), body * 3, body), 0, 0, 1)
    paste(image, classes, persons, Scene(np.full((4, 4, 3), 200, np.uint8), body * 5, body), 2, 2, 2)
    assert persons[1, 1] == 1 and persons[3, 3] == 2
    assert classes[1, 1] == 3 and classes[3, 3] == 5
    assert (persons == 1).sum() == 12 and (persons == 2).sum() == 16


def test_what_hangs_over_the_edge_is_cut_off():
    image, classes, persons = (
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8), np.uint8),
    )
    body = np.ones((4, 4), np.uint8)
    paste(image, classes, persons, Scene(np.zeros((4, 4, 3), np.uint8), body, body), -2, 6, 1)
    paste(image, classes, persons, Scene(np.zeros((4, 4, 3), np.uint8), body, body), 9, 9, 2)
    assert (persons == 1).sum() == 4 and not (persons == 2).any()


def test_mirroring_twice_changes_nothing(maker):
    scene = maker.make(1, "photo", (64, 64))
    back = mirrored(mirrored(scene))
    assert np.array_equal(back.image, scene.image) and np.array_equal(back.persons, scene.persons)


def test_a_photo_has_its_labelled_person_first():
    item = CcpDataset(ROOT, "val")[0]
    scene = whole(item)
    assert np.array_equal(scene.persons == 1, (item.labels > 0) & (item.labels != IGNORE))


def test_a_free_strip_holds_nobody():
    persons = np.zeros((4, 20), np.uint8)
    persons[:, 8:12] = 1
    scene = Scene(np.zeros((4, 20, 3), np.uint8), np.zeros((4, 20), np.uint8), persons)
    assert widest_free_strip(scene) in {(0, 8), (12, 20)}
    scene.persons[:] = 1
    assert widest_free_strip(scene) is None


def test_photo_weights_are_a_distribution():
    weights = repeat_weights(presence_of(CcpDataset(ROOT, "val")))
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()


def test_a_window_shows_one_of_several_people_larger(maker):
    for seed in range(6):
        scene = maker.make(seed, "window", (96, 64))
        worn = (scene.classes > 0) & (scene.classes != IGNORE)
        assert worn.mean() > 0.05
        assert (scene.persons[worn] > 0).all()


def test_groups_that_stand_far_away_are_small_and_still_somebody(maker):
    far = SceneMaker(maker.dataset, afar=1.0)
    for seed in range(8):
        near_scene, far_scene = (m.make(seed, "group", (160, 192)) for m in (maker, far))
        assert (far_scene.persons > 0).any()
        assert (near_scene.persons > 0).sum() > (far_scene.persons > 0).sum()
        for person in np.unique(far_scene.persons[far_scene.persons > 0]):
            rows = np.flatnonzero((far_scene.persons == person).any(axis=1))
            assert len(rows) <= 0.4 * 160


def test_the_share_of_far_groups_is_a_share(maker):
    with pytest.raises(ValueError, match=r"afar must lie in 0\.\.1, not -0\.1"):
        SceneMaker(maker.dataset, afar=-0.1)
