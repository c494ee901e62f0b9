"""AP^p and PCP against cases computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.ccp import IGNORE
from model.evaluation.metrics.humans import (
    PartOverlaps,
    average_precision,
    average_precision_volume,
    correct_parts,
    part_overlaps,
)


def plane(rows, dtype=np.uint8):
    return np.array(rows, dtype)


# Person 1 has four pixels of class 1 and two of class 2, person 2 four of class 1.
CLASSES = plane([[1, 1, 1, 1, 2, 2], [1, 1, 1, 1, 0, 0]])
OWNER = plane([[1] * 6, [2, 2, 2, 2, 0, 0]])
# Found: of person 1 three quarters of class 1, half of class 2; of person 2 half, and a scarf nobody wears.
FOUND = plane([[1, 1, 1, 0, 2, 0], [1, 1, 3, 3, 0, 0]])
WHOSE = plane([[7, 7, 7, 0, 7, 0], [9, 9, 9, 9, 0, 0]], np.uint16)


def overlaps(scores=(0.9, 0.8), found=FOUND, whose=WHOSE, truth=CLASSES):
    return part_overlaps((truth, OWNER), (found, whose), {7: scores[0], 9: scores[1]}, 4)


def test_a_persons_iou_is_the_mean_over_the_classes_that_either_has():
    picture = overlaps()
    assert picture.there.tolist() == [[False, True, True, False], [False, True, False, False]]
    assert picture.iou[0, 0, 1:3].tolist() == [3 / 4, 1 / 2]
    assert math.isnan(picture.iou[0, 0, 3]) and math.isnan(picture.iou[0, 0, 0])
    assert picture.iou[1, 1, [1, 3]].tolist() == [2 / 4, 0.0]
    assert picture.person()[0, 0] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert picture.person()[1, 1] == pytest.approx((2 / 4 + 0) / 2)  # the invented scarf costs
    assert picture.person()[0, 1] == picture.person()[1, 0] == 0.0


def test_average_precision_is_the_one_computed_by_hand():
    # IoUs .625 and .25. Over .5 one of two is found, at rank 1: recall .5 at precision 1.
    assert average_precision([overlaps()], 0.5) == 0.5
    # The other first: the hit comes at rank 2, precision 1/2.
    assert average_precision([overlaps(scores=(0.8, 0.9))], 0.5) == 0.25
    assert average_precision([overlaps()], 0.2) == 1.0
    assert average_precision([overlaps()], 0.625) == 0.0  # to exceed is not to reach
    # Over .1 .2: both; over .3 .4 .5 .6: one; over .7 .8 .9: none.
    assert average_precision_volume([overlaps()]) == pytest.approx((2 * 1 + 4 * 0.5) / 9)


def test_background_may_be_averaged_in_as_published_figures_do():
    # Of twelve pixels: person 1 has 6, found 4 of them; person 2 has 4, found 4 of them.
    picture = overlaps()
    assert picture.around[0, 0] == pytest.approx(6 / 8)
    assert picture.around[1, 1] == pytest.approx(8 / 8)
    assert picture.around[0, 1] == pytest.approx((12 - 10) / 12)
    assert picture.person(background=True)[0, 0] == pytest.approx((3 / 4 + 1 / 2 + 6 / 8) / 3)
    assert picture.person(background=True)[1, 1] == pytest.approx((2 / 4 + 0 + 1) / 3)
    assert average_precision([picture], 0.49, background=True) == 1.0


def test_precision_is_taken_at_its_best_for_that_recall():
    # Ranks: right, wrong, right, right of four people -> precisions 1, 1/2, 2/3, 3/4, envelope 1, 3/4, 3/4.
    ious = np.zeros((4, 4, 2))
    for true, found in ((0, 0), (1, 2), (2, 3)):
        ious[true, found, 1] = 1.0
    ious[:, :, 0] = np.nan
    there = np.array([[False, True]] * 4)
    picture = PartOverlaps(ious, np.zeros((4, 4)), there, np.array([0.9, 0.8, 0.7, 0.6]))
    assert average_precision([picture], 0.5) == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)


def test_people_of_all_pictures_are_ranked_together():
    nobody = part_overlaps((CLASSES * 0, OWNER * 0), (FOUND, WHOSE), {7: 0.95, 9: 0.1}, 4)
    # A person where nobody stands comes first: the hit falls to rank 2.
    assert average_precision([nobody, overlaps()], 0.5) == 0.25


def test_the_same_person_found_twice_is_wrong_once():
    ious = np.array([[[np.nan, 0.9], [np.nan, 0.8]]])
    picture = PartOverlaps(ious, np.zeros((1, 2)), np.array([[False, True]]), np.array([0.5, 0.6]))
    assert average_precision([picture], 0.5) == 1.0  # the second is beyond full recall
    two = np.concatenate([ious, np.array([[[np.nan, 0.0], [np.nan, 0.0]]])])
    picture = PartOverlaps(two, np.zeros((2, 2)), np.array([[False, True]] * 2), np.array([0.5, 0.6]))
    assert average_precision([picture], 0.5) == 0.5


def test_correct_parts_are_those_computed_by_hand():
    # Person 1: class 1 with 3/4 is right, class 2 with 1/2 does not exceed it; person 2: 1/2 neither.
    assert correct_parts([overlaps()], 0.5) == pytest.approx((1 / 2 + 0 / 1) / 2)
    assert correct_parts([overlaps()], 0.4) == 1.0


def test_parts_hung_on_the_wrong_person_are_missed():
    swapped = plane([[9, 9, 9, 0, 9, 0], [9, 9, 9, 9, 0, 0]], np.uint16)
    # All that was found hangs on 9, who is matched to one person only.
    picture = overlaps(whose=swapped)
    assert picture.iou[0, 1, 1] == pytest.approx(3 / (4 + 5 - 3))
    assert correct_parts([picture], 0.5) == 0.0
    assert correct_parts([picture], 0.45) == pytest.approx((2 / 2 + 0) / 2)


def test_ignored_pixels_count_nowhere():
    truth = CLASSES.copy()
    truth[0, 3] = truth[0, 5] = truth[1, 2:4] = IGNORE
    picture = overlaps(truth=truth)
    assert picture.person().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_somebody_on_ignored_pixels_only_is_no_false_alarm():
    truth = CLASSES.copy()
    truth[1] = IGNORE
    picture = overlaps(truth=truth, scores=(0.5, 0.9))
    assert picture.iou.shape == (1, 1, 4)
    assert average_precision([picture], 0.5) == 1.0


def test_nobody_found_scores_zero_and_nobody_there_is_undefined():
    alone = part_overlaps((CLASSES, OWNER), (FOUND * 0, WHOSE * 0), {}, 4)
    assert (average_precision([alone], 0.1), correct_parts([alone], 0.1)) == (0.0, 0.0)
    assert math.isnan(average_precision([], 0.5)) and math.isnan(correct_parts([], 0.5))


def test_somebody_found_without_a_part_is_a_false_alarm():
    picture = part_overlaps((CLASSES, OWNER), (FOUND, WHOSE), {7: 0.8, 9: 0.7, 11: 0.9}, 4)
    assert average_precision([picture], 0.5) == 0.25


scenes = st.tuples(*[st.lists(st.integers(0, 3), min_size=16, max_size=16)] * 2)


@given(scenes)
def test_the_truth_itself_has_full_marks(scene):
    classes, owner = (plane(values).reshape(4, 4) for values in scene)
    people = {int(i): 0.5 for i in np.unique(owner[classes > 0]) if i}
    own = np.where(np.isin(owner, list(people)), owner, 0).astype(np.uint16)
    picture = part_overlaps((classes, owner), (classes, own), people, 4)
    expected = 1.0 if people else math.nan
    for value in (average_precision([picture], 0.9), correct_parts([picture], 0.9)):
        assert value == expected or (math.isnan(value) and not people)
