"""What is kept of a job, read no further than it must be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.views import JobView, done

TEXTS = st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=3)
TIMINGS = st.dictionaries(st.sampled_from(["decode", "queue", "forward", "encode"]), st.floats(0, 1e6))


@given(texts=TEXTS, timings=TIMINGS, last=st.booleans())
def test_the_timings_are_found_wherever_they_stand_and_whatever_texts_say(texts, timings, last):
    said = {"said": {**texts, "quoted": '"timings_ms":{"decode":1}}'}}
    result = {**said, "timings_ms": timings} if last else {"timings_ms": timings, **said}
    view = JobView.of("job", done(json.dumps(result, separators=(",", ":"))).encode(), None)
    assert view.timings_ms == timings
    assert view.result == result
    assert (view.status, view.ended) == ("done", True)


@pytest.mark.parametrize("result", [{}, {"sum": 3}, {"timings_ms": None}, {"a": {"timings_ms": {"b": 1}}}])
def test_an_answer_without_timings_of_its_own_has_none_or_those_that_end_it(result):
    view = JobView.of("job", done(json.dumps(result)).encode(), b'{"caller":"somebody"}')
    assert set(view.timings_ms) <= {"b"}
    assert (view.result, view.caller) == (result, "somebody")


def test_a_job_that_failed_has_an_error_and_no_answer():
    kept = b'{"status":"failed","error":{"code":"parse_failed"}}'
    view = JobView.of("job", kept, b"{}")
    assert (view.status, view.text, view.result, view.timings_ms) == ("failed", None, None, {})
    assert view.wire() == {"id": "job", "status": "failed", "error": {"code": "parse_failed"}}
