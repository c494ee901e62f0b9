"""Which form an answer takes is told by the request alone."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from service import errors
from service.schemas import Options
from service.web import negotiate


def request(accept: str | None = None, query: str = "") -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/html, */*;q=0.1", "json"),
        ("application/json;q=0.5, image/*", "png"),
        ("image/png;q=0.3, application/json", "json"),
        ("IMAGE/PNG", "png"),
        ("application/json; charset=utf-8", "json"),
        ("application/json;q=0, */*", "png"),
        ("application/vnd.spectrum.cvat+xml;q=nan, image/png;q=0.2", "cvat"),
    ],
)
def test_the_accept_header_weighs_forms(accept: str | None, name: str):
    assert negotiate.wanted(request(accept), Options()).name == name


@pytest.mark.parametrize("accept", ["text/html", "image/jpeg", "application/json;q=0", ";", "a"])
def test_a_form_that_there_is_not_is_refused(accept: str):
    with pytest.raises(errors.NotAcceptable):
        negotiate.wanted(request(accept), Options())


@pytest.mark.parametrize("name", negotiate.MEDIA_TYPES)
def test_the_query_overrules_the_header(name: str):
    assert negotiate.wanted(request("text/html", f"format={name}"), Options()).name == name


@pytest.mark.parametrize(
    "form",
    [
        negotiate.Form(),
        negotiate.Form("cvat", exclude=["persons"]),
        negotiate.Form(include=[]),
        negotiate.Form(include=["image", "segments.label"], exclude=["image.sha256"]),
    ],
)
def test_a_jobs_address_answers_in_the_form_that_was_asked_for(form: negotiate.Form):
    assert negotiate.wanted_of_job(request(None, form.query.removeprefix("?"))) == form


def test_what_is_drawn_or_exported_carries_masks():
    asked = Options(mask_format="none", min_score=0.5)
    assert negotiate.Form("png").carried(asked) == Options(mask_format="rle", min_score=0.5)
    assert negotiate.Form().carried(asked) == asked


def test_forms_of_one_answer_have_entity_tags_of_their_own():
    forms = [
        negotiate.Form(),
        negotiate.Form("png"),
        negotiate.Form(exclude=["persons"]),
        negotiate.Form(include=["persons"]),
    ]
    tags = [form.etag('"abc"') for form in forms]
    assert tags[0] == '"abc"'
    assert len(set(tags)) == len(tags) and all(tag[0] == tag[-1] == '"' for tag in tags)
