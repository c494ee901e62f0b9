"""Failures as callers see them."""

from __future__ import annotations

import http
import re

import pytest

from service.errors import ERRORS, InternalError, Overloaded, SpectrumError, TooManyPrompts, from_problem

KINDS = list(ERRORS.values())


def test_every_failure_has_a_code_of_its_own() -> None:
    assert {kind.code for kind in KINDS} == set(ERRORS)
    assert len(KINDS) == len(SpectrumError.__subclasses__())
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+", code) for code in ERRORS)


@pytest.mark.parametrize("kind", KINDS, ids=list(ERRORS))
def test_a_problem_document_holds_what_the_rfc_asks(kind: type[SpectrumError]) -> None:
    problem = kind("What happened here.").problem("/jobs/7")
    assert problem["type"] == f"urn:problem-type:spectrum:{kind.code}"
    assert problem["detail"] == "What happened here." and problem["instance"] == "/jobs/7"
    assert 400 <= http.HTTPStatus(problem["status"]) < 500 or problem["status"] in (500, 503, 504)
    assert problem["title"] and not problem["title"].endswith(".")


@pytest.mark.parametrize("kind", KINDS, ids=list(ERRORS))
def test_a_kept_failure_comes_back_as_itself(kind: type[SpectrumError]) -> None:
    first = kind("Why.", retry_after=3, limit=64)
    again = from_problem(first.problem())
    assert type(again) is kind
    assert again.problem() == first.problem() and again.headers == {"Retry-After": "3"}


def test_members_of_their_own_travel_with_the_document() -> None:
    assert TooManyPrompts(limit=64, prompts=70).problem() | {"limit": 64, "prompts": 70} == (
        TooManyPrompts(limit=64, prompts=70).problem()
    )


def test_a_document_of_an_unknown_code_is_an_inner_failure() -> None:
    assert type(from_problem({"code": "from_the_future", "detail": "x"})) is InternalError
    assert type(from_problem({})) is InternalError


def test_without_a_retry_there_is_no_header() -> None:
    assert Overloaded().headers == {}
    assert "retry_after" not in Overloaded().problem()
