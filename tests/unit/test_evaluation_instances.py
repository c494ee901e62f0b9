"""COCO's mAP and AR, and PQ, against cases computed by hand and against torchmetrics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.detection import PanopticQuality

from model.data.ccp import IGNORE
from model.evaluation.metrics.instances import Instance, Instances
from model.evaluation.metrics.panoptic import PanopticCount, panoptic


def mask(*columns, width=20):
    """A mask of one row that is True from the first to before the second column."""
    out = np.zeros((1, width), bool)
    out[0, slice(*columns)] = True
    return out


NOWHERE = mask(0, 0)


def scores(truth, found, ignore=NOWHERE):
    instances = Instances(3)
    instances.add(truth, found, ignore)
    return instances.scores()


def test_map_and_ar_of_one_instance_are_those_computed_by_hand():
    # 7 of 10 pixels found: IoU .70 reaches .50 .55 .60 .65 .70 of the ten thresholds.
    result = scores([Instance(1, mask(0, 10))], [Instance(1, mask(0, 7))])
    assert result.precision[1] == pytest.approx(5 / 10)
    assert result.recall[1] == pytest.approx(5 / 10)
    assert result.at_half[1] == pytest.approx(1.0)
    assert np.isnan(result.precision[[0, 2]]).all()  # background, and a class that is not there


def test_a_surer_mistake_halves_the_precision():
    truth = [Instance(1, mask(0, 10))]
    found = [Instance(1, mask(0, 10), 0.4), Instance(1, mask(12, 18), 0.9)]
    result = scores(truth, found)
    assert (result.precision[1], result.recall[1]) == (pytest.approx(1 / 2), 1.0)
    sure = scores(truth, [Instance(1, mask(0, 10), 0.9), Instance(1, mask(12, 18), 0.4)])
    assert sure.precision[1] == pytest.approx(1.0)


def test_half_of_two_is_found_at_every_recall_up_to_one_half():
    # One of two found: precision 1 at the recalls 0, .01 ... .50, which are 51 of COCO's 101.
    result = scores([Instance(2, mask(0, 5)), Instance(2, mask(6, 11))], [Instance(2, mask(0, 5))])
    assert result.precision[2] == pytest.approx(51 / 101)
    assert result.recall[2] == pytest.approx(1 / 2)


def test_what_is_found_where_nobody_knows_costs_nothing():
    truth, stranger = [Instance(1, mask(0, 10))], Instance(1, mask(12, 18), 0.9)
    found = [Instance(1, mask(0, 10), 0.4), stranger]
    assert scores(truth, found, ignore=mask(12, 20)).precision[1] == pytest.approx(1.0)


def test_nothing_found_is_zero_and_the_terminal_stays_quiet(capsys):
    result = scores([Instance(1, mask(0, 10))], [])
    assert (result.precision[1], result.recall[1]) == (0.0, 0.0)
    assert capsys.readouterr().out == ""


def test_background_is_no_instance():
    with pytest.raises(ValueError, match=r"1\.\.2, not 0"):
        scores([Instance(0, mask(0, 1))], [])


def plane(rows, dtype=np.uint8):
    return np.array(rows, dtype)


def test_panoptic_quality_is_the_one_computed_by_hand():
    # Class 1: of instance 1 three of four pixels are found (IoU 3/4: matched), instance 2 is missed, and one
    # is invented: PQ = .75 / (1 + .5 + .5).
    truth = (plane([[1, 1, 1, 1, 1, 1, 0, 0, 0, 0]]), plane([[1, 1, 1, 1, 2, 2, 0, 0, 0, 0]]))
    found = (plane([[1, 1, 1, 0, 0, 0, 0, 0, 0, 1]]), plane([[5, 5, 5, 0, 0, 0, 0, 0, 0, 6]]))
    count = panoptic(truth, found, 3)
    assert count.quality[1] == pytest.approx(0.75 / (1 + 0.5 + 0.5))
    assert (count.matched[1], count.missed[1], count.false[1]) == (1, 1, 1)
    # Background: 4 true pixels, 6 found, 3 shared: 3/7 is no match.
    assert (count.matched[0], count.missed[0], count.false[0]) == (0, 1, 1)
    assert math.isnan(count.quality[2])


def test_panoptic_counts_add_up_over_pictures():
    truth = (plane([[1, 1, 0, 0]]), plane([[1, 1, 0, 0]]))
    right, wrong = panoptic(truth, truth, 2), panoptic(truth, (truth[0] * 0, truth[1] * 0), 2)
    both = PanopticCount.zero(2) + right + wrong
    assert both.quality[1] == pytest.approx(1 / 1.5)
    assert both.quality[0] == pytest.approx(1 / (1 + 0.5 + 0.5))  # 2 of 4 is no match either


def test_a_segment_mostly_on_unlabelled_pixels_is_nobodys_fault():
    truth = (plane([[1, 1, IGNORE, IGNORE, 0]]), plane([[1, 1, 9, 9, 0]]))
    found = (plane([[1, 1, 1, 1, 0]]), plane([[1, 1, 2, 2, 0]]))
    count = panoptic(truth, found, 2)
    assert count.quality.tolist() == [1.0, 1.0]


cells = st.lists(st.integers(0, 3), min_size=24, max_size=24)


@settings(max_examples=40, deadline=None)
@given(cells, cells, cells, cells)
def test_panoptic_quality_equals_that_of_torchmetrics(classes, instances, found, found_instances):
    flat = [plane(values).reshape(4, 6) for values in (classes, instances, found, found_instances)]
    truth = (np.where(flat[0] == 3, IGNORE, flat[0]).astype(np.uint8), flat[1] * (flat[0] > 0) // 2)
    guess = ((flat[2] % 3).astype(np.uint8), flat[3] * (flat[2] % 3 > 0) // 2)
    count = panoptic(truth, guess, 3)
    metric = PanopticQuality(things={1, 2}, stuffs={0}, return_per_class=True)
    tensors = [torch.from_numpy(np.stack(pair, axis=-1).astype(np.int64))[None] for pair in (guess, truth)]
    metric.update(*tensors)
    ours = count.quality[[1, 2, 0]]  # things first
    assert np.nan_to_num(ours) == pytest.approx(metric.compute()[0].numpy())
    assert count.false[[1, 2, 0]].tolist() == metric.false_positives.tolist()
    assert count.missed[[1, 2, 0]].tolist() == metric.false_negatives.tolist()
