"""What the client decides without a server: when to try again, what a line of events means."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.remote.calls import Ask
from service.remote.failures import ApiError, Unreachable
from service.remote.retry import Retry
from service.remote.sse import Listening, Reader

SAID = ["id: 1-0", "event: status", 'data: {"status": "queued"}', "", ": still here", ""]


@given(st.integers(1, 30))
def test_pauses_grow_up_to_the_longest(failed: int):
    assert 0.0 <= Retry(first=0.5, longest=8.0).pause(failed, None) <= min(8.0, 0.5 * 2 ** (failed - 1))


@given(st.integers(1, 30), st.floats(0, 3_600))
def test_a_pause_is_never_shorter_than_the_service_asks(failed: int, after: float):
    rounding = 1e-6
    assert after <= Retry().pause(failed, after) <= 1.25 * after + 0.1 + rounding


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"budget": -1.0}, {"first": -0.1}])
def test_a_retry_that_makes_no_sense_is_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Retry(**wrong)  # type: ignore[arg-type]


def test_lines_become_events_and_all_else_is_passed_over():
    reader = Reader()
    events = [
        reader.feed(line) for line in [*SAID, "data: no json", "", 'data: {"a": 1}', "", "data: [1]", ""]
    ]
    told = [event for event in events if event]
    assert [(event.id, event.status, event.last) for event in told] == [("1-0", "queued", False)]


def test_an_event_may_come_in_pieces():
    reader = Reader()
    for line in ("id:7", 'data: {"status":', 'data: "done"}'):
        assert reader.feed(line) is None
    event = reader.feed("")
    assert event is not None and event.last and event.id == "7"


def test_a_listener_goes_on_where_it_broke_off():
    listening = Listening("j", "", Retry(attempts=2, first=0.0))
    assert "Last-Event-ID" not in listening.headers
    for line in SAID:
        listening.heard(line)
    assert listening.headers["Last-Event-ID"] == "1-0"
    listening.broken()
    with pytest.raises(Unreachable):
        listening.broken(httpx.ReadError("cut"))


def test_a_page_of_a_proxy_is_an_error_without_a_code():
    error = ApiError.of(httpx.Response(502, text="<html>", headers={"Retry-After": "soon"}))
    assert (error.status, error.code, error.title, error.retry_after) == (502, "", "Bad Gateway", None)


def test_what_is_not_asked_is_not_sent():
    assert Ask().as_json() == Ask().as_form() == {}
    asked = Ask(prompts=("hat",), body_parts=False, exclude=["image", "persons"], metadata={"a": "ü"})
    assert asked.as_json()["prompts"] == ["hat"] and asked.as_json()["metadata"] == {"a": "ü"}
    told = asked.as_form()
    assert (told["body_parts"], told["exclude"]) == ("false", "image,persons")
