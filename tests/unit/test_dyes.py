"""Garments dyed anew: what changes, and what must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.ccp import CLASSES, IGNORE, CcpDataset
from model.data.dyes import redyed
from model.data.scenes import SceneMaker
from tests.unit.test_scenes import ROOT

DRESS, FACE, HAIR = (CLASSES.index(name) for name in ("dress", "face", "hair"))


def dressed(value: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two people in dresses with a face and hair, on a wall; a patch that nobody knows."""
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal(value, 20, (48, 64, 3)), 0, 255).astype(np.uint8)
    classes, persons = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint8)
    for person, left in ((1, 4), (2, 36)):
        persons[4:44, left : left + 20] = person
        classes[4:10, left : left + 20] = HAIR
        classes[10:16, left : left + 20] = FACE
        classes[16:44, left : left + 20] = DRESS
    classes[40:44, 4:10] = IGNORE
    return image, classes, persons


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_nothing_but_garments_is_dyed(seed, share):
    image, classes, persons = dressed()
    before = image.copy()
    dyed = redyed(image, classes, persons, np.random.default_rng(seed), share)
    # The colour fades out over a pixel or two beside the garment.
    far = np.ones_like(classes, bool)
    for y, x in np.argwhere(classes == DRESS):
        far[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3] = False
    assert np.array_equal(dyed[far], image[far])
    assert np.array_equal(image, before)
    assert dyed.dtype == np.uint8 and dyed.shape == image.shape


@pytest.mark.parametrize("value", [30, 120, 240])
def test_each_persons_dress_gets_a_colour_of_its_own(value):
    image, classes, persons = dressed(value)
    moved = []
    for seed in range(12):
        dyed = redyed(image, classes, persons, np.random.default_rng(seed), 1.0).astype(float)
        means = [dyed[(classes == DRESS) & (persons == p)].mean(0) for p in (1, 2)]
        moved.append(np.abs(means[0] - means[1]).max())
    assert np.median(moved) > 15


def test_a_share_of_none_leaves_the_picture():
    image, classes, persons = dressed()
    assert np.array_equal(redyed(image, classes, persons, np.random.default_rng(1), 0.0), image)


def test_folds_stay_where_they_were():
    image, classes, persons = dressed()
    image[:] = (np.linspace(60, 180, 64)[None, :, None]).astype(np.uint8)
    inside = (classes == DRESS) & (persons == 1)
    for seed in range(8):
        dyed = redyed(image, classes, persons, np.random.default_rng(seed), 1.0)
        light = dyed.astype(float).sum(2)
        assert np.corrcoef(light[inside], image[..., 0][inside])[0, 1] > 0.9


def test_scenes_of_photos_are_dyed_and_their_labels_are_not():
    dataset = CcpDataset(ROOT, "val")
    plain, dyed = SceneMaker(dataset), SceneMaker(dataset, dyed=1.0)
    for kind in ("photo", "row", "group"):
        one, other = plain.make(3, kind, (96, 64)), dyed.make(3, kind, (96, 64))
        assert np.array_equal(one.classes, other.classes)
        assert np.array_equal(one.persons, other.persons)
        assert not np.array_equal(one.image, other.image)
        assert np.array_equal(other.image, dyed.make(3, kind, (96, 64)).image)


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"dyed must lie in 0\.\.1, not 1\.5"):
        SceneMaker(CcpDataset(ROOT, "val"), dyed=1.5)
