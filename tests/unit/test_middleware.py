"""What surrounds every request, around applications of a few lines."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from service.web.middleware import Surround, _traceparent

CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def told(request: Request) -> JSONResponse:
    """What the middleware read; with a header on the answer, and a failure where it is asked for."""
    request.state.headers["RateLimit"] = '"all";r=9'
    if "fail" in request.query_params:
        raise RuntimeError("a secret of the inside")
    return JSONResponse(request.state.traceparent)


def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(
        Starlette(routes=[Route("/told", told)], middleware=[Middleware(Surround)])
    )
    return httpx.AsyncClient(transport=transport, base_url="http://spectrum")


@pytest.mark.parametrize("path", ["/told", "/told?fail=1"])
async def test_a_handlers_headers_go_onto_the_answer_whatever_it_is(path: str) -> None:
    async with client() as asking:
        answer = await asking.get(path)
    assert answer.headers["RateLimit"] == '"all";r=9'
    assert answer.status_code == (500 if "fail" in path else 200) and "secret" not in answer.text


async def test_a_callers_trace_context_is_read() -> None:
    async with client() as asking:
        assert (await asking.get("/told", headers={"traceparent": CONTEXT})).json() == CONTEXT
        assert (await asking.get("/told")).json() is None


@pytest.mark.parametrize(
    "wrong",
    [
        CONTEXT.upper(),
        CONTEXT[:-1],
        "ff" + CONTEXT[2:],
        CONTEXT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        CONTEXT.replace("b7ad6b7169203331", "0" * 16),
        CONTEXT + "-" + "x" * 600,
    ],
)
def test_a_malformed_trace_context_is_none(wrong: str) -> None:
    assert _traceparent({"traceparent": wrong}) is None


@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_no_text_gets_through_as_a_trace_context_but_one(text: str) -> None:
    assert _traceparent({"traceparent": text}) in (None, text[:55])
