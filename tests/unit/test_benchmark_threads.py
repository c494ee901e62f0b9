"""How threads wait: each way in processes of its own."""

from __future__ import annotations

import pytest

from model.benchmark.threads import KEEP, SLEEP, Way, rows, ways
from model.parser import DEFAULT_CHECKPOINT


def test_what_is_tried_uses_all_cores_in_different_ways():
    tried = ways(4)
    assert len({way.name for way in tried}) == len(tried)
    assert {way.threads * way.together for way in tried} == {1, 4}
    assert [way.environment for way in tried if way.name in ("spin", "sleep")] == [{}, SLEEP]


def test_a_way_is_measured_in_a_process_of_its_own():
    (row,) = rows(DEFAULT_CHECKPOINT, [Way("one thread", 1, KEEP)], rounds=2)
    assert (row["way"], row["ratio"]) == ("one thread", 1)
    assert 0 < row["best ms"] <= row["ms/picture"]
    assert row["cpu ms"] > 0
    assert row["process MiB"] > 100


def test_a_process_that_cannot_start_is_told(tmp_path):
    with pytest.raises(ValueError, match="did not start"):
        rows(tmp_path, [Way("one thread", 1)], rounds=1)
