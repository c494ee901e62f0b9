"""One mask over two people, two masks over one: what the reading makes of a network that is unsure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.reading.people import find_people
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds
from tests.unit.reading_scenes import Rect, asked, scene

SIZE = (40, 60)
TERMS = [asked("hair", "body", "body", "hair"), asked("jacket"), asked("jeans")]
LEFT, RIGHT = (2, 4, 38, 24), (2, 36, 38, 56)


def dressed(rect: Rect, *, head: bool = True) -> list[tuple[int, Rect]]:
    """Hair, jacket and jeans, one under the other."""
    top, left, bottom, right = rect
    middle = (top + bottom) // 2
    worn: list[tuple[int, Rect]] = [(1, (top, left, middle, right)), (2, (middle, left, bottom, right))]
    return [*worn, (0, (top, left + 6, top + 6, right - 6))] if head else worn


def masks_of(readout: Readout, *rects: list[Rect]) -> Readout:
    """The readout with person queries that cover these rectangles, the first the surest."""
    terms = len(readout.terms)
    masks = torch.full((len(rects), *SIZE), -9.0)
    labels = torch.zeros(len(rects), terms + 1)
    for query, pieces in enumerate(rects):
        for top, left, bottom, right in pieces:
            masks[query, top:bottom, left:right] = 9.0
        labels[query, terms - 1] = 0.95 - 0.05 * query
    return Readout(masks, labels, readout.dense, readout.terms, person=readout.person)


def within(rect: Rect) -> tuple[slice, slice]:
    top, left, bottom, right = rect
    return slice(top, bottom), slice(left, right)


def shares(readout: Readout) -> list[set[str]]:
    """For each person found, which of the two places it holds."""
    people = find_people(readout, SIZE, Thresholds())
    if people is None:
        return []
    places = {"left": LEFT, "right": RIGHT}
    return [
        {name for name, rect in places.items() if (people.inside[within(rect)] == number).mean() > 0.2}
        for number in range(1, len(people) + 1)
    ]


def test_one_mask_over_two_people_who_stand_apart_is_two_persons():
    readout = masks_of(scene(SIZE, [], dressed(LEFT) + dressed(RIGHT), TERMS), [LEFT, RIGHT])
    assert sorted(map(sorted, shares(readout))) == [["left"], ["right"]]


def test_one_mask_over_a_person_and_a_coat_stand_is_one_person():
    readout = masks_of(scene(SIZE, [], dressed(LEFT) + dressed(RIGHT, head=False), TERMS), [LEFT, RIGHT])
    assert shares(readout) == [{"left", "right"}]


def test_one_mask_over_two_who_touch_is_cut_between_their_heads():
    both = (2, 4, 38, 56)
    readout = masks_of(scene(SIZE, [], [(1, both), *dressed(LEFT), *dressed(RIGHT)], TERMS), [both])
    assert sorted(map(sorted, shares(readout))) == [["left"], ["right"]]


def test_the_cut_is_nearer_to_the_smaller_head():
    both = (2, 0, 38, 60)
    heads = [(0, (2, 4, 18, 20)), (0, (2, 45, 12, 55))]  # middles 12 and 50, sides 16 and 10
    people = find_people(masks_of(scene(SIZE, [], [(1, both), *heads], TERMS), [both]), SIZE, Thresholds())
    assert people is not None and len(people) == 2
    large, small = people.inside[30, 0], people.inside[30, -1]
    assert abs(int((people.inside[30] == large).sum()) - 35) <= 2  # sixteen of twenty-six parts of the way
    assert large != small


@pytest.mark.parametrize(
    "heads",
    [
        [(2, 24, 8, 36), (12, 24, 18, 36)],  # a hat or glasses part one head into two
        [(2, 10, 14, 30), (30, 50, 32, 52)],  # a hand or a print that looks a little like a head
        [(2, 24, 10, 36), (2, 37, 8, 42)],  # hair that falls to one side
    ],
)
def test_what_is_no_second_head_cuts_nobody(heads):
    both = (2, 4, 38, 56)
    readout = masks_of(scene(SIZE, [], [(1, both), *((0, rect) for rect in heads)], TERMS), [both])
    people = find_people(readout, SIZE, Thresholds())
    assert people is not None and len(people) == 1


def test_a_mask_that_holds_one_head_of_two_is_not_cut():
    left, right = (2, 4, 38, 30), (2, 30, 38, 56)
    readout = masks_of(scene(SIZE, [], [(1, (2, 4, 38, 56)), *dressed(left), *dressed(right)], TERMS), [left])
    people = find_people(readout, SIZE, Thresholds())
    assert people is not None and len(people) == 1


def test_without_heads_among_the_terms_nothing_is_cut():
    worn = [(index - 1, rect) for index, rect in dressed(LEFT, head=False) + dressed(RIGHT, head=False)]
    readout = masks_of(scene(SIZE, [], worn, TERMS[1:]), [LEFT, RIGHT])
    assert shares(readout) == [{"left", "right"}]


def test_somebody_whose_head_is_hidden_behind_another_stays_a_person():
    front, behind = (2, 4, 38, 30), (10, 30, 38, 56)
    worn = dressed(front) + dressed(behind, head=False)
    people = find_people(masks_of(scene(SIZE, [], worn, TERMS), [front], [behind]), SIZE, Thresholds())
    assert people is not None and len(people) == 2


def test_two_heads_that_touch_are_two_persons():
    left, right = (2, 4, 38, 30), (2, 30, 38, 56)
    readout = masks_of(scene(SIZE, [], dressed(left) + dressed(right), TERMS), [left], [right])
    people = find_people(readout, SIZE, Thresholds())
    assert people is not None and len(people) == 2


def test_scattered_specks_are_nobody():
    specks = [(top, left, top + 3, left + 3) for top in (2, 14, 30) for left in (4, 30, 50)]
    worn = dressed(LEFT)
    assert len(shares(masks_of(scene(SIZE, [], worn, TERMS), [LEFT], specks[3:]))) == 1
    assert shares(masks_of(scene(SIZE, [], worn, TERMS), specks)) == []


def test_headless_people_in_a_cropped_photo_stay_two():
    worn = dressed(LEFT, head=False) + dressed(RIGHT, head=False)
    readout = masks_of(scene(SIZE, [], worn, TERMS), [LEFT], [RIGHT])
    assert sorted(map(sorted, shares(readout))) == [["left"], ["right"]]


@pytest.mark.parametrize("gap", [1, 3])
def test_between_two_people_a_pixel_goes_to_the_nearer(gap):
    left, right = (2, 4, 38, 29), (2, 29 + gap, 38, 56)
    readout = masks_of(scene(SIZE, [], dressed(left) + dressed(right), TERMS), [(2, 4, 38, 56)])
    people = find_people(readout, SIZE, Thresholds())
    assert people is not None and len(people) == 2
    assert len(np.unique(people.inside[10, 4:29])) == 1
    assert people.inside[10, 28] != people.inside[10, 29 + gap]
