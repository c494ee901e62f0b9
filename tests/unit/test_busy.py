"""Seconds in which a device had something to do."""

from __future__ import annotations

import time

from prometheus_client import REGISTRY

from service.worker.busy import Busy


def counted() -> float:
    return REGISTRY.get_sample_value("parse_device_busy_seconds_total") or 0.0


def test_calls_that_overlap_count_once_and_a_pause_not_at_all() -> None:
    busy, before, start = Busy(), counted(), time.perf_counter()
    with busy.call():
        with busy.call():
            time.sleep(0.02)
            assert busy.running == 2
        time.sleep(0.02)
    spent = time.perf_counter() - start
    assert 0.04 <= counted() - before <= spent
    after = counted()
    time.sleep(0.02)
    assert busy.running == 0
    assert counted() == after


def test_a_call_that_lasts_is_told_of_whenever_another_comes() -> None:
    busy, before = Busy(), counted()
    with busy.call():
        time.sleep(0.02)
        with busy.call():
            assert counted() - before >= 0.02


def test_a_call_that_raises_is_over() -> None:
    busy = Busy()
    try:
        with busy.call():
            raise RuntimeError
    except RuntimeError:
        pass
    assert busy.running == 0
