"""Which pictures share one call of the model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.worker.batching import Budget, choose, fair

costs = st.lists(st.integers(1, 1_000), max_size=20)
budgets = st.builds(Budget, pixels=st.integers(1, 5_000), count=st.integers(1, 10))


def padded(chosen: list[int], costs: list[int]) -> int:
    """Pixels of the batch once all are as large as its largest."""
    return len(chosen) * max((costs[i] for i in chosen), default=0)


@given(costs, budgets)
def test_the_oldest_always_goes_and_the_order_is_kept(costs: list[int], budget: Budget) -> None:
    chosen = choose(costs, budget)
    assert chosen[:1] == [0][: len(costs)]
    assert chosen == sorted(set(chosen))


@given(costs, budgets)
def test_a_batch_of_several_stays_within_both_bounds(costs: list[int], budget: Budget) -> None:
    chosen = choose(costs, budget)
    assert len(chosen) <= budget.count
    assert len(chosen) <= 1 or padded(chosen, costs) <= budget.pixels


@given(budgets, st.integers(1, 40), st.integers(1, 6))
def test_lanes_that_share_fairly_leave_nobody_behind_for_want_of_room(
    budget: Budget, ready: int, lanes: int
) -> None:
    share = fair(budget, ready, lanes)
    assert share.pixels == budget.pixels
    assert 1 <= share.count <= budget.count
    assert share.count * lanes >= min(ready, budget.count)
    assert (share.count - 1) * lanes < ready


@given(costs, budgets)
def test_nobody_who_fits_is_left_behind(costs: list[int], budget: Budget) -> None:
    chosen = choose(costs, budget)
    for left in set(range(len(costs))) - set(chosen):
        more = [*chosen, left]
        assert len(more) > budget.count or padded(more, costs) > budget.pixels


def test_a_picture_over_the_budget_goes_alone() -> None:
    assert choose([90, 10], Budget(pixels=50, count=8)) == [0]
    assert choose([10, 90, 10], Budget(pixels=50, count=8)) == [0, 2]


def test_one_large_picture_counts_for_all_that_are_padded_to_it() -> None:
    assert choose([10, 30, 10], Budget(pixels=60, count=8)) == [0, 1]


@pytest.mark.parametrize(("pixels", "count"), [(0, 1), (1, 0), (-5, 3)])
def test_an_empty_budget_is_refused(pixels: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"{pixels}, {count}"):
        Budget(pixels, count)
