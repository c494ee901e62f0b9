"""Calls of the service, each as a flow that a blocking and an awaiting client carry out alike."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Union

import httpx

from service.answers.masks import MaskFormat
from service.remote import results
from service.remote.failures import ApiError, OutOfTime
from service.remote.results import Job, Parsing
from service.remote.retry import Flow, Retry, retried

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

Image: TypeAlias = Union[Path, str, bytes, "PilImage"]
_POLL_SECONDS = 20  # how long one look at a job may wait for its end
_PAUSE_SECONDS = 0.25  # between looks that were answered at once


class Asked(TypedDict, total=False):
    """The keywords of a request; docs/api.md says what they mean."""

    prompts: Sequence[str] | None
    caption: str | None
    body_parts: bool | None
    min_score: float | None
    mask_format: MaskFormat | None
    tags: bool | None
    include: Sequence[str] | None
    exclude: Sequence[str] | None
    metadata: Mapping[str, str] | None
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a picture; None leaves it to the service."""

    prompts: Sequence[str] | None = None
    caption: str | None = None
    body_parts: bool | None = None
    min_score: float | None = None
    mask_format: MaskFormat | None = None
    tags: bool | None = None
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    metadata: Mapping[str, str] | None = None
    callback_url: str | None = None

    @property
    def whole(self) -> bool:
        """Whether every field of the answer is asked for."""
        return self.include is None and not self.exclude

    def as_json(self) -> dict[str, Any]:
        """The fields of a JSON body."""
        named = {name: getattr(self, name) for name in self.__slots__}
        lists = ("prompts", "include", "exclude")
        return {k: list(v) if k in lists else v for k, v in named.items() if v is not None}

    def as_form(self) -> dict[str, Any]:
        """The fields of a form: lists of names with commas, objects as JSON, prompts repeated."""
        told = self.as_json()
        for name in ("include", "exclude"):
            if name in told:
                told[name] = ",".join(told[name])
        if "metadata" in told:
            told["metadata"] = json.dumps(told["metadata"])
        return {name: str(v).lower() if isinstance(v, bool) else v for name, v in told.items()}


@dataclass(slots=True)
class Calls:
    """Makes requests of one service; `http` only builds them, and says where the service is."""

    http: httpx.Client | httpx.AsyncClient
    retry: Retry = field(default_factory=Retry)

    def post(
        self,
        image: Image,
        ask: Ask,
        *,
        format: str | None = None,
        prefer: str | None = None,
        deadline: float | None = None,
    ) -> Flow[httpx.Response]:
        """POST /parse until it is answered; every try is the same request under one Idempotency-Key.

        `deadline`: seconds from now after which the answer is of no use.
        """
        body, content_type = _body(self.http, image, ask)
        headers = {"Content-Type": content_type, "Idempotency-Key": secrets.token_hex(16)}
        if prefer is not None:
            headers["Prefer"] = prefer
        stop = None if deadline is None else time.monotonic() + deadline
        params = {} if format is None else {"format": format}

        def build() -> httpx.Request:
            told = dict(headers)
            if stop is not None:
                told["X-Deadline-Ms"] = str(max(1, round(1000 * _left(stop))))
            return self.http.build_request("POST", "/parse", params=params, content=body, headers=told)

        return _good((yield from retried(build, self.retry, stop)))

    def parse(self, image: Image, ask: Ask, *, deadline: float | None = None) -> Flow[Parsing]:
        """A picture's parsing, waited for beyond the service's own patience where that is needed."""
        stop = None if deadline is None else time.monotonic() + deadline
        response = yield from self.post(image, ask, deadline=deadline)
        if response.status_code != 202:
            return results.parsing(response.json()) if ask.whole else results.partial(response.json())
        ended = yield from self.ended(response.headers["location"], stop, whole=ask.whole)
        return results.job(ended.json(), whole=ask.whole).parsing()

    def export(self, image: Image, format: str, ask: Ask, *, deadline: float | None = None) -> Flow[bytes]:
        """A picture's parsing in another format."""
        stop = None if deadline is None else time.monotonic() + deadline
        response = yield from self.post(image, ask, format=format, deadline=deadline)
        if response.status_code == 202:
            response = yield from self.ended(response.headers["location"], stop)
        return response.content

    def submit(self, image: Image, ask: Ask, *, deadline: float | None = None) -> Flow[Job]:
        """A job; what is known already is one that is done."""
        response = yield from self.post(image, ask, prefer="respond-async", deadline=deadline)
        told = response.json()
        if response.status_code == 202:
            return results.job(told)
        return results.job({"id": told["id"], "status": "done", "result": told}, whole=ask.whole)

    def wait(self, job_id: str, timeout: float | None) -> Flow[Parsing]:
        """The result of a job; ApiError where it ended otherwise, OutOfTime after `timeout` seconds."""
        stop = None if timeout is None else time.monotonic() + timeout
        ended = yield from self.ended(f"/jobs/{job_id}", stop)
        return results.job(ended.json()).parsing()

    def job(self, job_id: str, *, method: str = "GET") -> Flow[Job]:
        """Where a job stands (GET), or an end to it (DELETE)."""
        response = yield from self.get(f"/jobs/{job_id}", method=method)
        return results.job(response.json())

    def get(self, path: str, *, method: str = "GET") -> Flow[httpx.Response]:
        """An address's good answer."""
        return _good((yield from retried(lambda: self.http.build_request(method, path), self.retry)))

    def ended(self, location: str, stop: float | None, *, whole: bool = True) -> Flow[httpx.Response]:
        """The answer of a job's address once the job has ended; ApiError where it has not ended well."""
        while True:
            wait = _POLL_SECONDS if stop is None else min(_POLL_SECONDS, int(_left(stop)))
            headers = {"Prefer": f"wait={wait}"} if wait else {}

            def build(headers: dict[str, str] = headers) -> httpx.Request:
                return self.http.build_request("GET", location, headers=headers)

            began = time.monotonic()
            response = _good((yield from retried(build, self.retry, stop)))
            if not _is_json(response) or "status" not in (told := response.json()):
                return response  # an export
            job = results.job(told, whole=whole)
            if job.status == "done":
                return response
            if job.ended:
                job.parsing()
            if time.monotonic() - began < _PAUSE_SECONDS:
                yield _PAUSE_SECONDS if stop is None else min(_PAUSE_SECONDS, _left(stop))


def _left(stop: float) -> float:
    left = stop - time.monotonic()
    if left <= 0:
        raise OutOfTime("there was no answer in time")
    return left


def _good(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    raise ApiError.of(response)


def _is_json(response: httpx.Response) -> bool:
    return bool(response.headers.get("content-type", "").startswith("application/json"))


def _body(http: httpx.Client | httpx.AsyncClient, image: Image, ask: Ask) -> tuple[bytes, str]:
    """The body and its content type, encoded once, so that a second try is the first one again."""
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        text = json.dumps({"image": {"url": image}, **ask.as_json()})
        return text.encode("utf-8"), "application/json"
    name, data = _file(image)
    form = http.build_request("POST", "/parse", data=ask.as_form(), files={"image": (name, data)})
    return form.read(), form.headers["content-type"]


def _file(image: Image) -> tuple[str, bytes]:
    """A name and the encoded bytes; arrays of pixels go without loss."""
    if isinstance(image, bytes):
        return "image", image
    if isinstance(image, Path | str):
        path = Path(image)
        return path.name, path.read_bytes()
    packed = BytesIO()
    image.save(packed, format="PNG")
    return "image.png", packed.getvalue()
