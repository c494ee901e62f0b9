"""What is both small and unlikely on a person is left out."""

from __future__ import annotations

import numpy as np
import pytest

from model.parsing import Parsing
from model.reading.postprocess import read
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds
from tests.unit.reading_scenes import Rect, Someone, asked, scene

SIZE = (20, 20)
BODY = (0, 0, 20, 20)
JACKET, SCARF = asked("jacket"), asked("scarf")
SMALL, LARGE = (2, 2, 6, 6), (2, 2, 12, 12)  # .04 and .25 of the person


def in_a_scarf(rect: Rect, chance: float) -> Readout:
    """Somebody in a jacket; in `rect` a scarf is as likely as told, the jacket .03 less, the rest nothing."""
    readout = scene(SIZE, [Someone(BODY)], [(0, BODY), (1, rect)], [JACKET, SCARF])
    top, left, bottom, right = rect
    readout.labels[2] = 0
    for index, likely in ((1, chance), (0, chance - 0.03), (-1, 1.03 - 2 * chance)):
        readout.dense[index, top:bottom, left:right] = likely
        readout.labels[2, index] = likely
    return readout


def parsed(readout: Readout, limits: Thresholds | None = None) -> Parsing:
    return read(readout, np.zeros((80, 80, 3), np.uint8), thresholds=limits)


@pytest.mark.parametrize(
    ("rect", "chance", "worn"),
    [
        (SMALL, 0.37, ["jacket"]),
        (SMALL, 0.45, ["jacket", "scarf"]),
        (LARGE, 0.37, ["jacket", "scarf"]),
    ],
)
def test_only_what_is_small_and_unlikely_is_left_out(rect, chance, worn):
    assert sorted(s.label for s in parsed(in_a_scarf(rect, chance)).segments) == worn


def test_without_doubt_everything_stays():
    labels = {s.label for s in parsed(in_a_scarf(SMALL, 0.37), Thresholds(doubt=0.0)).segments}
    assert labels == {"jacket", "scarf"}


def test_what_is_left_out_is_still_part_of_the_person():
    parsing = parsed(in_a_scarf(SMALL, 0.37))
    (person,) = parsing.persons
    assert person.area == 80 * 80
    assert (parsing.segment_map[10:22, 10:22] == 0).all()  # nobody says what it is


def test_a_prompt_that_was_left_out_is_unmatched():
    readout = in_a_scarf(SMALL, 0.37)
    parsing = read(readout, np.zeros((80, 80, 3), np.uint8), phrases=["scarf", "jacket"])
    assert parsing.unmatched_prompts == ("scarf",)
