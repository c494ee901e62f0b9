"""A small chaos, so that the large one cannot rot; and that its judge tells right from wrong."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.chaos.havoc import Violence
from tests.chaos.pictures import Picture
from tests.chaos.run import Order, run
from tests.chaos.traffic import Told
from tests.chaos.verdict import Ends, judge

RIGHT, WRONG = "done aaaaaaaa", "done bbbbbbbb"


async def test_every_job_ends_once_though_workers_and_broker_are_killed() -> None:
    violence = Violence(kill_every=3.0, away=0.3, paused=2.5)
    figures = await run(Order(requests=120, seconds=120, clients=8, apis=1, workers=2, violence=violence))
    assert figures["violations"] == []
    assert figures["broker_killed"] == 3 and figures["broker_paused"] == 1
    assert figures["ended"]["done"] > 60 and figures["dead_letters"] >= 2


def told(*outcomes: str, kind: str = "later") -> Told:
    return Told(1, kind, Picture(b"", "aaaaaaaa"), "j", time.time(), set(outcomes))


@pytest.mark.parametrize(
    ("one", "kept", "fault"),
    [
        (told(RIGHT), {}, "is lost"),
        (told(RIGHT), {"j": "running"}, "is still running"),
        (told(RIGHT, "job_cancelled", kind="cancel"), {"j": RIGHT}, "ended in several ways"),
        (told(RIGHT), {"j": "parse_failed"}, "ended in several ways"),
        (told(WRONG), {"j": WRONG}, "got the answer to another picture"),
        (told("delivery_limit"), {"j": "delivery_limit"}, "ended as delivery_limit"),
        (told(), {"j": RIGHT}, "was told no end"),
    ],
)
def test_a_broken_promise_is_seen(one: Told, kept: dict[str, str], fault: str) -> None:
    verdict = judge([one], Ends(kept), [], every_write=True)
    assert any(fault in violation for violation in verdict.violations)


def test_a_kept_promise_is_none() -> None:
    assert judge([told(RIGHT)], Ends({"j": RIGHT}), [], every_write=True).violations == []


def test_what_an_fsync_each_second_loses_is_told_apart() -> None:
    kills = [time.time() + 0.5]
    verdict = judge([told(RIGHT)], Ends({}), kills, every_write=False)
    assert verdict.violations == [] and len(verdict.unsynced) == 1


@pytest.mark.parametrize(
    "ends",
    [
        Ends({}, depth=1),
        Ends({}, lasting=["job:x"]),
        Ends({}, statuses=Counter({"running": 1})),
        Ends({}, dead={"j": "unknown"}),
    ],
)
def test_what_is_left_behind_is_seen(ends: Ends) -> None:
    assert judge([], ends, [], every_write=True).violations
