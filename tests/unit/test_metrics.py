import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.ccp import IGNORE
from model.evaluation.metrics.owners import PartCount, PartRule, count_parts
from model.evaluation.metrics.people import match_persons, person_overlap
from model.evaluation.metrics.pixels import class_accuracy, class_iou, confusion, mask_iou, mean


def plane(rows, dtype=np.uint8):
    return np.array(rows, dtype)


# Two classes on six pixels, one of them ignored:
# truth 0 0 0 1 1 x  against  0 1 0 1 0 1
TRUTH = plane([[0, 0, 0], [1, 1, IGNORE]])
PREDICTED = plane([[0, 1, 0], [1, 0, 1]])


def test_confusion_counts_truth_by_rows_and_skips_ignored_pixels():
    assert confusion(TRUTH, PREDICTED, 2).tolist() == [[2, 1], [1, 1]]


def test_iou_accuracy_and_their_means_are_those_computed_by_hand():
    matrix = confusion(TRUTH, PREDICTED, 2)
    assert class_iou(matrix).tolist() == [2 / 4, 1 / 3]
    assert class_accuracy(matrix).tolist() == [2 / 3, 1 / 2]
    assert mean(class_iou(matrix)) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert mean(class_accuracy(matrix)) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_class_that_nobody_has_does_not_count_and_one_only_predicted_does():
    matrix = confusion(plane([[0, 0]]), plane([[0, 2]]), 4)
    assert class_iou(matrix)[[0, 2]].tolist() == [0.5, 0.0]
    assert np.isnan(class_iou(matrix)[[1, 3]]).all()
    assert np.isnan(class_accuracy(matrix)[1:]).all()
    assert mean(class_iou(matrix)) == 0.25


def test_the_mean_of_nothing_is_undefined():
    assert math.isnan(mean([]))
    assert math.isnan(mean([float("nan")]))


@pytest.mark.parametrize(("truth", "predicted"), [([[2]], [[0]]), ([[0]], [[2]]), ([[0]], [[0, 0]])])
def test_a_class_or_a_shape_that_does_not_fit_is_refused(truth, predicted):
    with pytest.raises(ValueError, match=r"outside 0\.\.1|truth is"):
        confusion(plane(truth), plane(predicted), 2)


def test_an_ignored_pixel_may_be_predicted_as_anything():
    assert confusion(plane([[IGNORE]]), plane([[9]]), 2).sum() == 0


classes = st.lists(st.integers(0, 3), min_size=12, max_size=12).map(lambda v: plane(v).reshape(3, 4))


@given(classes, classes)
def test_confusion_adds_up_over_pictures(truth, predicted):
    whole = confusion(truth, predicted, 4)
    assert whole.sum() == 12
    rows = sum(confusion(truth[i : i + 1], predicted[i : i + 1], 4) for i in range(3))
    assert (whole == rows).all()


@given(classes, classes)
def test_iou_never_exceeds_accuracy_and_truth_scores_one(truth, predicted):
    matrix = confusion(truth, predicted, 4)
    iou, accuracy = class_iou(matrix), class_accuracy(matrix)
    there = ~np.isnan(accuracy)
    assert (iou[there] <= accuracy[there]).all()
    assert mean(class_iou(confusion(truth, truth, 4))) == 1.0


def test_mask_iou_counts_valid_pixels_only():
    first, second = plane([[1, 1, 1, 0]], bool), plane([[0, 1, 1, 1]], bool)
    assert mask_iou(first, second) == 2 / 4
    assert mask_iou(first, second, plane([[1, 1, 1, 0]], bool)) == 2 / 3
    assert math.isnan(mask_iou(first & False, second & False))


def test_a_person_found_in_two_pieces_is_whole_in_the_union():
    truth = plane([[1, 1, 1, 1, 0, 0]], bool)
    found = plane([[1, 1, 1, 2, 0, 3]], np.uint16)
    overlap = person_overlap(found, truth, np.ones_like(truth))
    assert (overlap.best, overlap.union, overlap.matching) == (3 / 4, 1.0, 2)


def test_a_person_mostly_elsewhere_is_no_match():
    truth = plane([[1, 1, 0, 0, 0, 0]], bool)
    found = plane([[0, 1, 1, 1, 0, 0]], np.uint16)
    overlap = person_overlap(found, truth, np.ones_like(truth))
    assert (overlap.best, overlap.union, overlap.matching) == (1 / 4, 0.0, 0)


def test_a_person_whom_nobody_labelled_costs_nothing():
    truth, valid = plane([[1, 1, 0, 0]], bool), plane([[1, 1, 1, 0]], bool)
    overlap = person_overlap(plane([[1, 1, 0, 2]], np.uint16), truth, valid)
    assert (overlap.best, overlap.union, overlap.matching) == (1.0, 1.0, 1)


def test_nobody_found_scores_zero():
    truth = plane([[1, 1]], bool)
    overlap = person_overlap(plane([[0, 0]], np.uint16), truth, truth)
    assert (overlap.best, overlap.union, overlap.matching) == (0.0, 0.0, 0)


def test_persons_are_matched_one_to_one_by_the_greatest_sum():
    # Person 7 overlaps both; matched to the first (4/6) it leaves person 9 to the second (1/2).
    owner = plane([[1, 1, 1, 1, 2, 2]])
    assert match_persons(owner, plane([[7, 7, 7, 7, 7, 9]], np.uint16)) == {1: 7, 2: 9}


def test_one_blob_over_two_people_is_one_of_them_only():
    assert match_persons(plane([[1, 1, 1, 2]]), plane([[5, 5, 5, 5]], np.uint16)) == {1: 5}


@pytest.mark.parametrize(
    ("owner", "found"), [([[1, 0]], [[0, 4]]), ([[1, 0]], [[0, 0]]), ([[0, 0]], [[3, 3]])]
)
def test_people_who_do_not_meet_are_not_matched(owner, found):
    assert match_persons(plane(owner), plane(found, np.uint16)) == {}


# Two people, each with four pixels of class 1 and two of class 2.
OWNER = plane([[1] * 6, [2] * 6])
CLASSES = plane([[1, 1, 1, 1, 2, 2]] * 2)
SEGMENT_MAP = plane([[1, 1, 1, 3, 0, 0], [3, 3, 3, 3, 4, 4]], np.uint16)
RULE = PartRule(min_area=1, min_cover=0.1)


def test_a_part_belongs_to_whom_its_largest_segment_hangs_on():
    # 1: class 1 of person 1; 3: class 1 of person 2; 4: class 2, hung on person 1 by mistake.
    counts = count_parts(CLASSES, OWNER, SEGMENT_MAP, {1: (1, 1), 3: (1, 2), 4: (2, 1)}, RULE)
    assert counts == {1: PartCount(parts=2, found=2, right=2), 2: PartCount(parts=2, found=1, right=0)}
    total = sum(counts.values(), PartCount())
    assert (total.right_of_found, total.right_of_all) == (2 / 3, 2 / 4)


def test_a_segment_of_another_class_does_not_find_a_part():
    counts = count_parts(CLASSES, OWNER, SEGMENT_MAP, {1: (2, 1), 3: (2, 2), 4: (1, 2)}, RULE)
    assert sum(counts.values(), PartCount()) == PartCount(parts=4)


def test_small_parts_and_slight_covers_do_not_count():
    segments = {1: (1, 1), 3: (1, 2), 4: (2, 2)}
    large = count_parts(CLASSES, OWNER, SEGMENT_MAP, segments, PartRule(min_area=3, min_cover=0.1))
    assert large == {1: PartCount(2, 2, 2)}
    covered = count_parts(CLASSES, OWNER, SEGMENT_MAP, segments, PartRule(min_area=3, min_cover=0.8))
    assert covered == {1: PartCount(2, 1, 1)}


def test_background_and_ignored_pixels_are_nobodys_part():
    counts = count_parts(plane([[0, IGNORE]]), plane([[1, 1]]), plane([[0, 0]], np.uint16), {}, RULE)
    assert counts == {}


def test_the_shares_of_no_parts_are_undefined():
    assert math.isnan(PartCount().right_of_all)
    assert math.isnan(PartCount().right_of_found)
