"""What a call of the service may end in, beside its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from service.errors import CONTENT_TYPE


class ClientError(Exception):
    """Any failure of a call."""


class Unreachable(ClientError):
    """No answer came, however often it was tried."""


class OutOfTime(ClientError, TimeoutError):
    """The caller's own time was over before there was an answer."""


class ApiError(ClientError):
    """The service refused or failed; `code` is one of docs/errors.md, '' where no problem document came.

    `retry_after` is in seconds; `problem` is the whole document with its further members.
    """

    def __init__(
        self,
        problem: Mapping[str, Any],
        *,
        status: int = 0,
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        self.problem = dict(problem)
        self.code = str(problem.get("code", ""))
        self.status = int(problem.get("status", status))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.retry_after = retry_after
        self.request_id = request_id
        super().__init__(f"{self.status} {self.code}: {self.detail or self.title}".strip())

    @classmethod
    def of(cls, response: httpx.Response) -> ApiError:
        """The failure that an answer tells of; the answer's body must have been read."""
        return cls(
            _problem(response),
            status=response.status_code,
            retry_after=retry_after(response.headers),
            request_id=response.headers.get("x-request-id", ""),
        )


def _problem(response: httpx.Response) -> dict[str, Any]:
    bare = {"status": response.status_code, "title": response.reason_phrase}
    if not response.headers.get("content-type", "").startswith(CONTENT_TYPE):
        return bare  # from something that stands between
    try:
        told = response.json()
    except ValueError:
        return bare
    return told if isinstance(told, dict) else bare


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks its caller to wait; None where it names none, or a date."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() else None
