"""The colours of segments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.parsing import Color
from model.reading.colors import colors_of, name_of, to_lab, to_rgb
from model.reading.postprocess import read
from model.reading.thresholds import Thresholds
from tests.unit.reading_scenes import Someone, asked, scene

WANTED = np.array([False, True])


def colors(image: np.ndarray, ids: np.ndarray | None = None) -> tuple[Color, ...]:
    owner = np.ones(image.shape[:2], np.uint16) if ids is None else ids
    return colors_of(owner, image, WANTED, Thresholds())[1]


def plain(*rgb: int) -> np.ndarray:
    return np.full((20, 20, 3), rgb, np.uint8)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((8, 8, 8), "black"),
        ((250, 250, 250), "white"),
        ((128, 128, 128), "grey"),
        ((200, 20, 30), "red"),
        ((43, 60, 85), "navy"),
        ((112, 25, 45), "burgundy"),
        ((240, 175, 190), "pink"),
        ((60, 140, 75), "green"),
        ((95, 97, 50), "olive"),
        ((105, 68, 40), "brown"),
        ((170, 200, 228), "light blue"),
        ((85, 112, 145), "denim blue"),
        ((240, 212, 50), "yellow"),
        ((235, 120, 30), "orange"),
        ((93, 45, 125), "purple"),
        ((214, 198, 168), "beige"),
    ],
)
def test_a_plain_garment_has_one_colour_and_its_plain_name(rgb, name):
    (color,) = colors(plain(*rgb))
    assert (color.name, color.coverage) == (name, 1.0)
    assert all(abs(int(color.hex[i : i + 2], 16) - v) <= 6 for i, v in zip((1, 3, 5), rgb, strict=True))


def test_shades_of_one_cloth_are_one_colour():
    shade = np.linspace(0.8, 1.15, 400).reshape(20, 20, 1)
    (color,) = colors((np.array([60, 85, 130]) * shade).astype(np.uint8))
    assert color.coverage > 0.95


def test_stripes_are_told_apart_by_their_shares():
    image = plain(245, 245, 245)
    image[:, ::4] = (25, 33, 62)
    first, second = colors(image)
    assert (first.name, first.coverage, second.name, second.coverage) == ("white", 0.75, "navy", 0.25)


def test_pixels_of_others_give_no_colour():
    image = plain(200, 20, 30)
    image[:, 10:] = (20, 200, 30)
    ids = np.ones((20, 20), np.uint16)
    ids[:, 10:] = 0
    assert [color.name for color in colors(image, ids)] == ["red"]


def test_a_hue_that_covers_next_to_nothing_is_not_named():
    image = plain(245, 245, 245)
    image[0, :20] = (200, 20, 30)
    assert [color.name for color in colors(image)] == ["white"]


def test_hair_has_a_colour_and_skin_has_none():
    terms = [
        asked("hair", "body", "body", "hair"),
        asked("arm", "body", "body", "skin", "arm"),
        asked("shirt"),
    ]
    worn = [(0, (2, 2, 6, 10)), (1, (6, 2, 10, 10)), (2, (10, 2, 20, 10))]
    parsing = read(scene((24, 12), [Someone((2, 2, 22, 10))], worn, terms), np.full((24, 12, 3), 9, np.uint8))
    named = {segment.label: [color.name for color in segment.colors] for segment in parsing.segments}
    assert named == {"hair": ["black"], "arm": [], "shirt": ["black"]}


def test_white_is_the_end_of_the_lightness_scale_and_grey_has_no_hue():
    np.testing.assert_allclose(to_lab(np.ones(3)), [100, 0, 0], atol=1e-6)
    np.testing.assert_allclose(to_lab(np.full(3, 0.4))[1:], 0, atol=1e-6)
    assert to_lab(np.zeros(3))[0] == pytest.approx(0, abs=1e-6)


def test_lab_of_pure_red_is_the_published_one():
    np.testing.assert_allclose(to_lab(np.array([1.0, 0.0, 0.0])), [53.24, 80.09, 67.20], atol=0.05)


@given(st.tuples(*[st.floats(0, 1)] * 3))
@settings(deadline=None)
def test_lab_and_back_is_the_same_colour(rgb):
    np.testing.assert_allclose(to_rgb(to_lab(np.array(rgb))), rgb, atol=1e-6)


@given(st.integers(0, 2**31), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_colours_are_few_ordered_and_the_same_every_time(seed, count):
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (count, 3), np.uint8)[random.integers(0, count, (17, 23))]
    found = colors(image)
    assert 1 <= len(found) <= 3
    shares = [color.coverage for color in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.0
    assert len({color.hex for color in found}) == len(found)
    assert colors(image.copy()) == found


def test_a_name_is_that_of_the_nearest_anchor():
    assert name_of(np.array([100.0, 0.0, 0.0])) == "white"
    assert name_of(np.array([0.0, 0.0, 0.0])) == "black"
