"""A drawn parsing shows the picture, its segments and their names."""

from __future__ import annotations

import numpy as np
import pytest

from model.parsing import Parsing, Person, Segment
from service.answers import overlay

GREY = np.full((40, 30, 3), 128, dtype=np.uint8)


def parsing(labels: int) -> Parsing:
    """One person over the whole picture, `labels` segments of a pixel each in its first rows."""
    segment_map = np.zeros((40, 30), dtype=np.uint16)
    segments = []
    for id_ in range(1, labels + 1):
        y, x = divmod(id_, 30)
        segment_map[y, x] = id_
        segments.append(Segment(id_, f"garment {id_}", "clothing", 1, 0.5, (x, y, 1, 1), 1))
    person = Person(1, 0.9, (0, 0, 30, 40), 1200, tuple(range(1, labels + 1)))
    return Parsing(segment_map, np.ones((40, 30), dtype=np.uint16), (person,), tuple(segments))


def test_a_picture_without_segments_gets_no_margins():
    empty = np.zeros((40, 30), dtype=np.uint16)
    drawn = overlay.draw(GREY, Parsing(empty, empty), height=80)
    assert drawn.size == (60, 80)
    assert np.unique(np.asarray(drawn)).tolist() == [128]


@pytest.mark.parametrize("labels", [1, 8, 200])
def test_any_number_of_labels_is_drawn(labels: int):
    drawn = overlay.draw(GREY, parsing(labels), height=400)
    assert drawn.height == 400
    assert drawn.width > 300


def test_a_segment_is_tinted_and_the_rest_is_left():
    segment_map = np.zeros((40, 30), dtype=np.uint16)
    segment_map[:20] = 1
    coat = Segment(1, "coat", "clothing", 1, 0.5, (0, 0, 30, 20), 600)
    nobody = np.zeros((40, 30), dtype=np.uint16)
    drawn = np.asarray(overlay.draw(GREY, Parsing(segment_map, nobody, (), (coat,)), height=400))
    assert (drawn[390, 5] == 128).all()
    assert not (drawn[100, 5] == 128).all()


def test_a_parsing_of_another_picture_is_refused():
    with pytest.raises(ValueError, match=r"\(41, 30\)"):
        overlay.draw(np.zeros((41, 30, 3), dtype=np.uint8), parsing(1))
