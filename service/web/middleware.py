"""What surrounds every request, as plain ASGI: request id, timing, counting, body limit, last resort."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import errors, metrics

_log = logging.getLogger("spectrum.api")
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})  # asked every few seconds, told only when they fail
_RETRY_SECONDS = 2  # where nothing better is known
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_JOB_ID = re.compile(r"[0-9a-f]{32}")
# W3C Trace Context: version, trace id, parent id, flags; neither id all zeros, no version ff.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def problem(error: errors.SpectrumError, path: str) -> JSONResponse:
    """The failure as application/problem+json with the headers that belong to it."""
    default = {"Retry-After": str(_RETRY_SECONDS)} if error.status == 503 else {}
    return JSONResponse(
        error.problem(path),
        status_code=error.status,
        headers=default | error.headers,
        media_type=errors.CONTENT_TYPE,
    )


class Surround:
    """The outermost layer: names each request, times and counts it, and answers what nobody caught.

    A handler leaves durations in `request.state.timings` (stage -> milliseconds) for Server-Timing, and
    headers in `request.state.headers`, which go onto the answer whatever it turns out to be.
    `request.state.traceparent` is the caller's W3C trace context, None without a valid one. The log line
    of the request names `request.state.job_id` and the caller's key, where there are any.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = _request_id(Headers(scope=scope))
        state["traceparent"] = _traceparent(Headers(scope=scope))
        state["timings"], state["headers"] = {}, {}
        start, status = perf_counter(), 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(state["headers"])
                headers["X-Request-ID"] = request_id
                headers["Server-Timing"] = _server_timing(state["timings"], perf_counter() - start)
            await send(message)

        try:
            with metrics.INFLIGHT.track_inprogress():
                await self.app(scope, receive, send_named)
        except ClientDisconnect:
            status = 499  # as nginx calls a caller who left before the answer
        except Exception:
            _log.exception("request failed", extra={"request_id": request_id})
            if status:  # the answer had begun: nothing but a broken connection can tell
                raise
            await problem(errors.InternalError(), scope["path"])(scope, receive, send_named)
        finally:
            metrics.REQUESTS.labels(route=_route(scope), code=str(status)).inc()
            _tell(scope, status, perf_counter() - start)


class BodyLimit:
    """Refuses a body over `limit` bytes before it is buffered, announced by Content-Length or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"the body limit must be at least 1 byte, not {limit}")
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        error = errors.BodyTooLarge(f"The limit is {self.limit} bytes.", limit=self.limit)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self.limit:
            await problem(error, scope["path"])(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise error
            return message

        await self.app(scope, receive_counted, send)


def _request_id(headers: Headers) -> str:
    """The caller's own id where it is harmless in a log, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _traceparent(headers: Mapping[str, str]) -> str | None:
    """The caller's trace context where it is well formed (https://www.w3.org/TR/trace-context/)."""
    given = headers.get("traceparent", "")
    return given[:55] if len(given) <= 512 and _TRACEPARENT.fullmatch(given) else None


def _server_timing(timings: dict[str, Any], total: float) -> str:
    stages = {**timings, "total": 1000 * total}
    return ", ".join(f"{stage};dur={float(spent):.1f}" for stage, spent in stages.items())


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """The request's one log line; the address is told as its route alone, so that nothing gets in with it."""
    state, route = scope["state"], _route(scope)
    fields = {
        "request_id": state["request_id"],
        "job_id": state.get("job_id") or _asked_job(scope),
        "key_id": getattr(state.get("caller"), "id", None),
        "method": scope["method"],
        "route": route,
        "status": status,
        "ms": round(1000 * seconds, 1),
    }
    level = logging.DEBUG if route in _PROBES and status < 400 else logging.INFO
    _log.log(level, "%s %s %d", scope["method"], route, status, extra=fields)


def _asked_job(scope: Scope) -> str | None:
    """The job that a path names, where it is an id at all."""
    given = str(scope.get("path_params", {}).get("job_id", ""))
    return given if _JOB_ID.fullmatch(given) else None


def _route(scope: Scope) -> str:
    """The route's pattern, so that ids and guesses make no new time series."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
