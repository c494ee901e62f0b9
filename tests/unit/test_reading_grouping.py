"""Who wears what: parts are given, split, or left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from model.reading.grouping import Grouping, Groups, components, group
from model.reading.people import People
from model.reading.thresholds import Thresholds

SIZE = (40, 40)
Rect = tuple[int, int, int, int]
GARMENT, BAG = 1, 2  # labels; label 2 is an accessory


def painted(rects: dict[int, list[Rect]]) -> NDArray[np.uint16]:
    ids = np.zeros(SIZE, np.uint16)
    for number, places in rects.items():
        for top, left, bottom, right in places:
            ids[top:bottom, left:right] = number
    return ids


def people_at(*rects: Rect) -> People:
    """Persons that own these rectangles; outside, the nearest is the one whose middle column is nearest."""
    inside = painted({number: [rect] for number, rect in enumerate(rects, start=1)})
    middles = np.array([(left + right) / 2 for _, left, _, right in rects])
    nearest = np.abs(np.arange(SIZE[1])[:, None] + 0.5 - middles).argmin(axis=1) + 1
    filled = np.where(inside > 0, inside, nearest[None, :]).astype(np.uint16)
    return People(np.full(len(rects), 0.9), filled, inside)


def grouped(
    labels: dict[int, list[Rect]], *persons: Rect, cell: float = 1.0, limits: Thresholds | None = None
) -> Grouping:
    groups = Groups(painted(labels), np.array([False, False, True]), cell)
    return group(groups, people_at(*persons), limits or Thresholds())


def owners(grouping: Grouping) -> list[tuple[int, int, int]]:
    """(label, person, area) of every segment."""
    areas = np.bincount(grouping.segments.ravel(), minlength=len(grouping.label))
    return sorted(
        (int(grouping.label[k]), int(grouping.person[k]), int(areas[k])) for k in range(1, len(areas))
    )


LEFT, RIGHT = (5, 2, 35, 14), (5, 22, 35, 34)


def test_each_of_two_people_keeps_its_own_garment():
    grouping = grouped({GARMENT: [(10, 2, 20, 14), (10, 22, 20, 34)]}, LEFT, RIGHT)
    assert owners(grouping) == [(GARMENT, 1, 120), (GARMENT, 2, 120)]


def test_two_pieces_on_one_person_are_one_segment():
    grouping = grouped({GARMENT: [(32, 3, 35, 6), (32, 9, 35, 12)]}, LEFT)
    assert owners(grouping) == [(GARMENT, 1, 18)]


def test_a_part_across_two_people_is_split_by_their_masks():
    touching = (5, 14, 35, 26)
    grouping = grouped({GARMENT: [(10, 2, 20, 26)]}, LEFT, touching)
    assert owners(grouping) == [(GARMENT, 1, 120), (GARMENT, 2, 120)]
    assert (grouping.people[10:20, 2:14] == 1).all()


def test_the_gap_of_a_split_part_goes_to_the_nearer_person():
    grouping = grouped({GARMENT: [(10, 2, 20, 34)]}, LEFT, RIGHT)
    assert owners(grouping) == [(GARMENT, 1, 160), (GARMENT, 2, 160)]


def test_a_small_part_seen_behind_a_large_one_stays_with_its_person():
    behind = (5, 14, 35, 17)
    grouping = grouped({GARMENT: [(6, 2, 34, 15)]}, LEFT, behind)
    assert owners(grouping) == [(GARMENT, 1, 28 * 12), (GARMENT, 2, 28)]


def test_a_small_part_across_two_large_people_is_split_too():
    large = (0, 14, 40, 40)
    grouping = grouped({GARMENT: [(10, 8, 12, 16)]}, LEFT, large)
    assert owners(grouping) == [(GARMENT, 1, 12), (GARMENT, 2, 4)]


def test_a_seam_that_runs_over_a_neighbour_is_no_share_of_his():
    neighbour = (5, 14, 35, 39)
    grouping = grouped({GARMENT: [(6, 2, 20, 15)]}, LEFT, neighbour)
    assert owners(grouping) == [(GARMENT, 1, 14 * 13)]
    assert (grouping.people[6:20, 14] == 1).all()
    assert (grouping.people[20:35, 14] == 2).all()


def test_a_worn_part_widens_its_person():
    grouping = grouped({GARMENT: [(10, 2, 20, 20)]}, LEFT)
    assert owners(grouping) == [(GARMENT, 1, 180)]
    assert (grouping.people > 0).sum() == 30 * 12 + 10 * 6


@pytest.mark.parametrize("gap", [0, 1])
def test_a_bag_that_hangs_beside_its_carrier_is_the_carriers(gap):
    grouping = grouped({BAG: [(18, 14 + gap, 26, 20 + gap)]}, LEFT)
    assert owners(grouping) == [(BAG, 1, 48)]


def test_a_bag_that_stands_apart_is_nobodys():
    grouping = grouped({BAG: [(27, 18, 35, 24)]}, LEFT)
    assert owners(grouping) == []
    assert (grouping.people > 0).sum() == 30 * 12


def test_a_bag_that_meets_a_person_at_a_mere_corner_is_nobodys():
    person = (0, 2, 33, 12)
    assert owners(grouped({BAG: [(34, 13, 40, 33)]}, person)) == []
    assert owners(grouped({BAG: [(34, 10, 40, 30)]}, person)) == [(BAG, 1, 120)]


def test_a_bag_between_two_people_goes_to_the_one_it_touches():
    grouping = grouped({BAG: [(18, 16, 24, 22)]}, LEFT, RIGHT)
    assert owners(grouping) == [(BAG, 2, 36)]


def test_an_accessory_larger_than_half_of_a_person_does_not_belong_by_touch():
    assert owners(grouped({BAG: [(0, 14, 38, 30)]}, LEFT)) == []


@pytest.mark.parametrize("left", [13, 14, 25])
def test_a_garment_beside_a_person_is_nobodys(left):
    assert owners(grouped({GARMENT: [(6, left, 24, left + 8)]}, LEFT)) == []


def test_a_shoe_below_a_mask_that_ends_too_early_is_its_persons():
    assert owners(grouped({GARMENT: [(35, 3, 37, 8)]}, LEFT)) == [(GARMENT, 1, 10)]


def test_specks_are_dropped():
    labels = {GARMENT: [(10, 4, 20, 12), (25, 5, 26, 6)]}
    assert owners(grouped(labels, LEFT, cell=4.0)) == [(GARMENT, 1, 80)]
    assert owners(grouped(labels, LEFT, cell=1.0)) == [(GARMENT, 1, 81)]
    of_the_person = Thresholds(speck_share=2 / (30 * 12))
    assert owners(grouped(labels, LEFT, limits=of_the_person)) == [(GARMENT, 1, 80)]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_parts_are_the_connected_pieces_of_each_label(height, width, top, seed):
    labels = np.random.default_rng(seed).integers(0, top + 1, (height, width))
    parts, label_of = components(labels)
    np.testing.assert_array_equal(label_of[parts], labels)
    total = 0
    for label in range(1, top + 1):
        pieces, count = ndimage.label(labels == label)
        total += count
        for piece in range(1, count + 1):
            assert len(np.unique(parts[pieces == piece])) == 1
    assert len(label_of) - 1 == total == len(np.unique(parts[parts > 0]))
