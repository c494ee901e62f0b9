"""When two requests are one: names of questions, tags of answers, keys of callers, and how long they wait."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from service.delivery import cache, idempotency
from service.errors import InvalidField
from service.schemas import Options
from service.web.waiting import patience, wants_async

OPTIONS = Options().model_dump(mode="json")
SHA = "a" * 64


def question(**changes: Any) -> str:
    return cache.question(SHA, OPTIONS | changes, "r1", "open")


def test_what_changes_the_answer_changes_the_question() -> None:
    asked = [
        question(),
        question(prompts=["hat", "coat"]),
        question(prompts=["coat", "hat"]),
        question(prompts=["hat,coat"]),
        question(caption="hat"),
        question(body_parts=True),
        question(min_score=0.5),
        question(mask_format="png"),
        cache.question("b" * 64, OPTIONS, "r1", "open"),
        cache.question(SHA, OPTIONS, "r2", "open"),
        cache.question(SHA, OPTIONS, "r1", "somebody"),
    ]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"a": "b"}},
        {"callback_url": "http://a"},
        {"include": ["persons"]},
        {"exclude": ["persons"]},
    ],
)
def test_what_is_done_with_an_answer_does_not(changes: dict[str, Any]) -> None:
    assert question(**changes) == question()


def test_every_option_has_a_say_or_is_known_to_have_none() -> None:
    """An option that is added must not serve the answers of requests without it."""
    assert {*OPTIONS} - cache.ASIDE == {
        "prompts",
        "caption",
        "body_parts",
        "min_score",
        "mask_format",
        "tags",
    }


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1))
def test_a_tag_matches_itself_in_every_list(other: str) -> None:
    tag = cache.etag(question(), other)
    assert tag[0] == tag[-1] == '"' and tag != cache.etag(question())
    for header in (tag, f"W/{tag}", f'"{other}", {tag}', f"{tag},W/{tag}", "*"):
        assert cache.matches(header, tag)
    assert not cache.matches(f'"{other}"', tag) and not cache.matches("", tag)


def test_models_that_differ_have_no_common_revision() -> None:
    assert cache.one_revision([]) == ""
    assert cache.one_revision([{"revision": "a"}, {"revision": "a"}]) == "a"
    assert cache.one_revision([{"revision": "a"}, {"revision": "b"}]) is None


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255))
def test_a_key_of_visible_signs_is_taken(key: str) -> None:
    assert idempotency.checked(key) == (key[1:-1] if len(key) > 2 and key[0] == key[-1] == '"' else key)


@given(st.text())
def test_any_other_key_is_refused_and_never_breaks(key: str) -> None:
    try:
        assert 1 <= len(idempotency.checked(key)) <= 255
    except InvalidField:
        assert key == "" or len(key) > 255 or any(not "!" <= sign <= "~" for sign in key)


def test_keys_belong_to_callers_and_to_pictures_of_a_batch() -> None:
    places = [
        idempotency.place(*given)
        for given in (("a", "k", None), ("b", "k", None), ("a", "k", 0), ("a", "k", 1))
    ]
    assert len(set(places)) == 4


@given(st.text())
def test_a_wish_that_makes_no_sense_is_no_wish(wish: str) -> None:
    wished = patience(Headers({"prefer": wish.encode("utf-8", "replace").decode("latin-1")}), longest=20)
    assert 0 <= wished.seconds <= 20 and wished.deadline is None


def test_wishes_are_read_together() -> None:
    headers = Headers({"prefer": "Respond-Async, wait=5, wait=7"})
    wished = patience(headers, longest=20)
    assert (wished.respond_async, wished.seconds) == (True, 5) and wants_async(headers)
    assert patience(Headers({"prefer": "wait=999"}), longest=20).seconds == 20
    assert patience(Headers(), longest=20, usual=0).seconds == 0


def test_a_deadline_stands_in_for_the_usual_wait() -> None:
    wished = patience(Headers({"x-deadline-ms": "90000"}), longest=20, longest_deadline_ms=100_000)
    assert wished.seconds == 90 and not wished.late
    assert wished.deadline is not None and abs(wished.deadline - time.time() - 90) < 60
    headers = Headers({"x-deadline-ms": "90000", "prefer": "wait=3"})
    assert patience(headers, longest=20, longest_deadline_ms=100_000).seconds == 3
    assert patience(headers, longest=20).deadline is None
