"""Log lines: what they tell, and what they never tell."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from service.settings import Settings
from service.telemetry.logs import FIELDS, JsonLines, TextLines, configure, without_secrets
from service.web.middleware import Surround

JOB = "0123456789abcdef0123456789abcdef"
KEY = "sp_0123456789ab_" + "x" * 43


def record(message: str, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("spectrum.test", logging.INFO, __file__, 1, message, (), None)
    made.__dict__.update(extra)
    return made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged from here on, as JSON; what pytest had set up comes back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers[:] = []
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for name in ("uvicorn", "uvicorn.error"):  # as a process of ours finds them, whatever ran before
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        logging.getLogger(name).setLevel(logging.NOTSET)
    configure(Settings(log_format="json"))
    yield stream
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def answered(request: Request) -> JSONResponse:
    request.state.job_id = JOB
    return JSONResponse({}, 500 if "fail" in request.query_params else 200)


async def ask(path: str) -> None:
    routes = [Route("/parse", answered), Route("/livez", answered), Route("/jobs/{job_id}", answered)]
    app = Starlette(routes=routes, middleware=[Middleware(Surround)])
    headers = {"X-Request-ID": "mine", "Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://s") as client:
        await client.get(path, headers=headers)


async def test_a_request_is_one_line_that_names_it_and_its_job(lines: io.StringIO) -> None:
    await ask("/parse?secret=1")
    (line,) = parsed(lines)
    assert (line["request_id"], line["job_id"], line["route"], line["status"]) == ("mine", JOB, "/parse", 200)
    assert line["ms"] >= 0 and line["level"] == "info" and line["time"].endswith("+00:00")
    assert "secret" not in lines.getvalue() and KEY not in lines.getvalue()


async def test_a_probe_is_told_only_when_it_fails(lines: io.StringIO) -> None:
    await ask("/livez")
    await ask("/livez?fail=1")
    assert [line["status"] for line in parsed(lines)] == [500]


async def test_an_address_that_nobody_serves_is_not_written_down(lines: io.StringIO) -> None:
    await ask("/jobs-of-someone/a-secret")
    assert parsed(lines)[0]["route"] == "unmatched" and "secret" not in lines.getvalue()


def test_uvicorns_lines_are_ours(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("said")
    assert [(line["logger"], line["message"]) for line in parsed(lines)] == [("uvicorn.error", "said")]


def test_addresses_that_are_fetched_are_not_told(lines: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET https://bucket/x?signature=secret")
    assert lines.getvalue() == ""


def test_an_exception_stays_on_one_line_without_the_password_that_it_holds() -> None:
    try:
        raise OSError("redis://user:hunter2@host:6379/0 is away")
    except OSError:
        made = record("broken")
        made.exc_info = sys.exc_info()
    told = JsonLines().format(made)
    assert "\n" not in told and "hunter2" not in told
    assert "redis://***@host:6379/0" in json.loads(told)["exception"]
    assert "hunter2" not in TextLines().format(made)


def test_only_known_fields_are_told() -> None:
    told = json.loads(JsonLines().format(record("m", job_id=JOB, picture=b"bytes", prompts=["x"])))
    assert told["job_id"] == JOB and not {"picture", "prompts"} & set(told)
    assert set(told) - {"time", "level", "logger", "message"} <= set(FIELDS)


def test_a_line_for_people_ends_with_the_fields() -> None:
    assert (
        TextLines()
        .format(record("done", job_id=JOB, ms=3))
        .endswith(f"spectrum.test: done job_id={JOB} ms=3")
    )


def test_a_key_is_told_by_its_id_alone() -> None:
    assert without_secrets(f"key {KEY} is unknown") == "key sp_0123456789ab_*** is unknown"


@given(st.text())
def test_any_message_is_one_json_line(message: str) -> None:
    line = JsonLines().format(record(message.replace("%", "")))
    assert "\n" not in line and json.loads(line)["logger"] == "spectrum.test"
