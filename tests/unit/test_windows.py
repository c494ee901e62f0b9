"""Windows at one of several people, as training cuts them out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.windows import Box, window_box

SHAPE = (288, 192)


def drawn(persons: np.ndarray, shape: tuple[int, int], seed: int) -> Box:
    box = window_box(persons, shape, np.random.default_rng(seed))
    assert box is not None
    return box


def two_people(height: int = 120, width: int = 200) -> np.ndarray:
    persons = np.zeros((height, width), np.uint8)
    persons[20:110, 20:50] = 1
    persons[10:115, 140:180] = 2
    return persons


@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(0, 90), st.integers(0, 170), st.integers(10, 120), st.integers(10, 200)),
    st.sampled_from([SHAPE, (96, 128), (64, 64)]),
)
def test_a_window_lies_in_the_scene_and_has_the_shape(seed, place, shape):
    top, left, tall, wide = place
    persons = np.zeros((120, 200), np.uint8)
    persons[top : top + tall, left : left + wide] = 3
    x0, y0, x1, y1 = drawn(persons, shape, seed)
    assert -1e-6 <= x0 < x1 <= 200 + 1e-6
    assert -1e-6 <= y0 < y1 <= 120 + 1e-6
    assert (x1 - x0) / (y1 - y0) == pytest.approx(shape[1] / shape[0])
    assert (persons[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] == 3).any()


def test_each_person_is_seen_and_larger_than_in_the_whole():
    persons = two_people()
    middles = set()
    for seed in range(40):
        x0, y0, x1, y1 = drawn(persons, SHAPE, seed)
        seen = persons[int(y0) : int(y1), int(x0) : int(x1)]
        shown = np.bincount(seen.ravel(), minlength=3)[1:] / seen.size
        middles.add(int(shown.argmax()) + 1)
        assert shown.max() > np.bincount(persons.ravel())[1:].max() / persons.size
    assert middles == {1, 2}


def test_nobody_and_specks_have_no_window():
    persons = np.zeros((120, 200), np.uint8)
    assert window_box(persons, SHAPE, np.random.default_rng(0)) is None
    persons[:4, :4] = 1
    assert window_box(persons, SHAPE, np.random.default_rng(0)) is None
