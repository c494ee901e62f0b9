"""People seen from afar, and what they wear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.data.ccp import IGNORE, LABELS
from model.evaluation.distant import SHARES, SIZE, distant
from model.evaluation.plan import Plan
from model.evaluation.run import evaluate
from model.evaluation.scenes import places
from tests.unit.ccp_roots import REAL, TruthfulParser, figure, val, write_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path, {"val": [figure(), figure(top="dress", bottom="dress")], "train": []})


def summary_of(parser: TruthfulParser, root: Path) -> tuple[dict[str, float], dict[str, tuple[float, ...]]]:
    (result,) = evaluate(parser, Plan(val(root), tasks=("distant",)), quiet=True)
    return result.summary, dict(result.rows)


@pytest.mark.parametrize("share", SHARES)
def test_a_person_has_that_share_of_the_height_and_lies_within(root, share):
    seen = [small for small in distant(val(root), val(root).ids, places(val(root))) if small.share == share]
    assert [small.id for small in seen] == ["0001", "0002"]
    for small in seen:
        assert small.image.shape == (*SIZE, 3)
        rows, columns = np.nonzero(small.labels)
        assert rows.max() + 1 - rows.min() == round(SIZE[0] * share)
        assert columns.max() < SIZE[1]
        assert {LABELS[value] for value in np.unique(small.labels)} >= {"hair", "skin", "shoes"}


def test_the_same_seed_gives_the_same_pictures_and_another_others(root):
    first, again, other = (
        [small.image for small in distant(val(root), val(root).ids, [], seed=seed)] for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_nothing_of_the_photo_but_the_person_is_laid_over_the_place():
    for small in distant(val(REAL), val(REAL).ids[:1], []):
        assert (small.image[small.labels == 0] == 128).all()
        assert (small.image[small.labels > 0] != 128).any()


def test_the_truth_scores_full_marks_and_what_is_not_heard_is_missed(root):
    pictures = list(distant(val(root), val(root).ids, places(val(root))))
    summary, rows = summary_of(TruthfulParser(pictures), root)
    assert summary["pictures"] == 2 * len(SHARES)
    assert rows == {name: (1.0, 1.0, 1.0) for name in ("1/2", "1/3", "1/4")}
    summary, _ = summary_of(TruthfulParser(pictures, deaf_to=["dress"]), root)
    assert all(summary[f"mIoU, person of {name} of the height"] < 1 for name in rows)


def test_pictures_that_nobody_is_found_in_score_nothing(root):
    _, rows = summary_of(TruthfulParser([]), root)
    assert all(found == 0 for found, _, _ in rows.values())


def test_photos_of_which_somebody_is_not_labelled_take_no_part(tmp_path):
    labels, parts = figure()
    labels[:4] = IGNORE
    root = write_root(tmp_path, {"val": [(labels, parts)], "train": []})
    with pytest.raises(ValueError, match="'distant' needs a fully labelled photo"):
        Plan(val(root), tasks=("distant",))
