"""The client that blocks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from service.remote.calls import Ask, Asked, Calls, Image
from service.remote.failures import ApiError
from service.remote.outcomes import LOCAL, TIMEOUT, Outcome, check, headers
from service.remote.results import Event, Job, Parsing
from service.remote.retry import Flow, Retry, run
from service.remote.sse import Listening

T = TypeVar("T")


class Client:
    """The service at `url`, for one thread or several. Close it, or use it in a `with` block.

    Pictures are paths, encoded bytes, URLs that the service fetches, or Pillow's images. Keywords are
    those of `POST /parse`: prompts, caption, body_parts, min_score, mask_format, tags, include,
    exclude, metadata, callback_url; `deadline` is in seconds from now, after which no answer is of use. Every
    method raises ApiError, Unreachable or OutOfTime.
    """

    def __init__(
        self,
        url: str = LOCAL,
        *,
        api_key: str | None = None,
        retry: Retry | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url, headers=headers(api_key), timeout=timeout, transport=transport
        )
        self._calls = Calls(self._http, retry or Retry())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def parse(self, image: Image, *, deadline: float | None = None, **asked: Unpack[Asked]) -> Parsing:
        """A picture's parsing."""
        return self._run(self._calls.parse(image, Ask(**asked), deadline=deadline))

    def export(
        self, image: Image, format: str, *, deadline: float | None = None, **asked: Unpack[Asked]
    ) -> bytes:
        """A parsing as 'png' (drawn), 'coco-panoptic', 'coco-instances', 'label-studio' or 'cvat'."""
        return self._run(self._calls.export(image, format, Ask(**asked), deadline=deadline))

    def map(
        self, images: Iterable[Image], *, concurrency: int = 8, **asked: Unpack[Asked]
    ) -> Iterator[Outcome]:
        """Many pictures, `concurrency` at once, in their order; a failure is that of its picture alone.

        `images` are taken as they are needed. ValueError for less than one at once.
        """
        check(concurrency)
        waiting: deque[tuple[int, Image, Future[Parsing]]] = deque()
        with ThreadPoolExecutor(concurrency, "spectrum") as threads:
            try:
                for index, image in enumerate(images):
                    waiting.append((index, image, threads.submit(self.parse, image, **asked)))
                    if len(waiting) >= 2 * concurrency:
                        yield _settled(*waiting.popleft())
                while waiting:
                    yield _settled(*waiting.popleft())
            finally:
                for _, _, future in waiting:
                    future.cancel()

    def parse_batch(
        self, images: Iterable[Image], *, concurrency: int = 8, **asked: Unpack[Asked]
    ) -> list[Outcome]:
        """All of `map` at once."""
        return list(self.map(images, concurrency=concurrency, **asked))

    def submit(self, image: Image, *, deadline: float | None = None, **asked: Unpack[Asked]) -> Job:
        """A job, not waited for."""
        return self._run(self._calls.submit(image, Ask(**asked), deadline=deadline))

    def job(self, job_id: str) -> Job:
        """Where a job stands."""
        return self._run(self._calls.job(job_id))

    def wait(self, job_id: str, timeout: float | None = None) -> Parsing:
        """The result of a job once it is done; ApiError where it ended otherwise."""
        return self._run(self._calls.wait(job_id, timeout))

    def cancel(self, job_id: str) -> Job:
        """End a job; one that has ended stays as it is."""
        return self._run(self._calls.job(job_id, method="DELETE"))

    def events(self, job_id: str, last_event_id: str = "") -> Iterator[Event]:
        """What happens to a job until it has ended; goes on where a broken connection left off."""
        listening = Listening(job_id, last_event_id, self._calls.retry)
        while True:
            try:
                with self._http.stream("GET", listening.path, headers=listening.headers) as response:
                    if response.status_code == 204:
                        return
                    if not response.is_success:
                        response.read()
                    for line in listening.lines(response, response.iter_lines):
                        if event := listening.heard(line):
                            yield event
                            if event.last:
                                return
                pause = listening.broken()
            except httpx.TransportError as error:
                pause = listening.broken(error)
            except ApiError as error:
                pause = listening.refused(error)
            time.sleep(pause)

    def info(self) -> Mapping[str, Any]:
        """Version, models and limits of the service."""
        told: dict[str, Any] = self._run(self._calls.get("/info")).json()
        return told

    def _run(self, flow: Flow[T]) -> T:
        return run(flow, self._http)


def _settled(index: int, image: Image, future: Future[Parsing]) -> Outcome:
    error = future.exception()
    return Outcome.of(index, image, future.result() if error is None else error)
