"""How the workers of one `spectrum serve` share a machine."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from service.programs.serve import shares
from service.settings import Settings


def test_a_lone_worker_has_what_was_set():
    (alone,) = shares(Settings(worker_metrics_port=9100))
    assert (alone.threads, alone.worker_metrics_port) == (None, 9100)


@given(st.integers(2, 64))
def test_several_workers_take_no_more_threads_than_there_are_cores(count: int):
    told = shares(Settings(workers=count))
    assert len(told) == count
    threads = sum(share.threads or 0 for share in told)
    assert count <= threads <= max(count, os.cpu_count() or 1)


def test_what_was_set_counts_and_no_two_share_a_port_for_metrics():
    told = shares(Settings(workers=3, threads=4, worker_metrics_port=9100))
    assert [(share.threads, share.worker_metrics_port) for share in told] == [(4, 9100), (4, 9101), (4, 9102)]
    assert [share.worker_metrics_port for share in shares(Settings(workers=2))] == [0, 0]
