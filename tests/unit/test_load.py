"""When a refused caller should come back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.delivery.load import Load, drain_rate, retry_after


def saturated(
    rate: float, *, depth: int, batch: int = 1, busy: float = 600.0, phase: float = 0.0, before: float = 0.0
) -> Load:
    """A queue full since `busy` seconds, drained `batch` at a time at `rate` a second.

    The last batch ended `phase` of a period ago; `before` is the rate at which jobs ended in the 300
    seconds ahead of that, when there were fewer.
    """
    period = batch / rate
    seconds: dict[float, int] = {}
    for number in range(math.ceil(min(busy, 301) / period)):
        age = (number + phase) * period
        if age <= min(busy - period, 301):
            second = math.floor(age) + 1.0  # of which a bucket knows the beginning alone
            seconds[second] = seconds.get(second, 0) + batch
    for second in range(math.ceil(busy) + 1, 301):
        count = math.floor(second * before) - math.floor((second - 1) * before)
        if count:
            seconds[float(second)] = count
    return Load(depth, busy_seconds=busy, finished=tuple(seconds.items()))


@settings(deadline=None)
@given(
    rate=st.floats(0.2, 200),
    depth=st.integers(16, 1_000),
    batch=st.integers(1, 16),
    phase=st.floats(0, 0.99),
    busy=st.floats(30, 10_000),
)
def test_the_advised_pause_is_within_a_factor_of_two_of_the_truth(
    rate: float, depth: int, batch: int, phase: float, busy: float
) -> None:
    load = saturated(rate, depth=depth, batch=batch, phase=phase, busy=max(busy, 5 * batch / rate))
    true = depth / 2 / rate
    if 1 <= true <= 600:  # what a header of whole seconds can say
        assert true / 2 <= retry_after(load) <= 2 * true


@pytest.mark.parametrize("busy", [0.1, 1.0, 3.0, 10.0, 60.0])
def test_a_rush_on_a_service_that_had_half_as_much_to_do_is_told_well_at_once(busy: float) -> None:
    load = saturated(8.0, depth=256, busy=busy, before=4.0)
    assert 8 <= retry_after(load) <= 32


def test_a_quiet_night_says_nothing_of_the_rush_that_follows() -> None:
    load = saturated(8.0, depth=256, busy=10.0, before=0.01)
    assert 8 <= retry_after(load) <= 32


def test_a_rate_that_fell_is_noticed_within_half_a_minute() -> None:
    load = saturated(2.0, depth=100, busy=40.0, before=20.0)
    assert 12 <= retry_after(load) <= 50


def test_a_queue_that_nothing_has_left_yet_advises_a_cautious_pause() -> None:
    assert drain_rate(Load(7)) is None
    assert retry_after(Load(7)) == 30


@given(
    depth=st.integers(0, 100_000),
    busy=st.floats(0, 1e6),
    spread=st.floats(0.8, 1.2),
    finished=st.lists(st.tuples(st.floats(0, 301), st.integers(1, 100_000)), max_size=10),
)
def test_the_advised_pause_is_whole_and_bounded(
    depth: int, busy: float, spread: float, finished: list[tuple[float, int]]
) -> None:
    load = Load(depth, busy_seconds=busy, finished=finished)
    assert retry_after(load, spread) in range(1, 601)


def test_callers_are_spread_around_the_pause() -> None:
    load = saturated(1.0, depth=200)
    assert retry_after(load, 0.8) == pytest.approx(80, abs=4)
    assert retry_after(load, 1.2) == pytest.approx(120, abs=6)
