"""The client that awaits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from service.remote.calls import Ask, Asked, Calls, Image
from service.remote.failures import ApiError
from service.remote.outcomes import LOCAL, TIMEOUT, Outcome, check, headers
from service.remote.results import Event, Job, Parsing
from service.remote.retry import Flow, Retry, run_async
from service.remote.sse import Listening

T = TypeVar("T")


class AsyncClient:
    """As `Client`, awaited."""

    def __init__(
        self,
        url: str = LOCAL,
        *,
        api_key: str | None = None,
        retry: Retry | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers(api_key), timeout=timeout, transport=transport
        )
        self._calls = Calls(self._http, retry or Retry())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def parse(self, image: Image, *, deadline: float | None = None, **asked: Unpack[Asked]) -> Parsing:
        """A picture's parsing."""
        return await self._run(self._calls.parse(image, Ask(**asked), deadline=deadline))

    async def export(
        self, image: Image, format: str, *, deadline: float | None = None, **asked: Unpack[Asked]
    ) -> bytes:
        """A parsing as 'png' (drawn), 'coco-panoptic', 'coco-instances', 'label-studio' or 'cvat'."""
        return await self._run(self._calls.export(image, format, Ask(**asked), deadline=deadline))

    async def map(
        self, images: Iterable[Image], *, concurrency: int = 8, **asked: Unpack[Asked]
    ) -> AsyncIterator[Outcome]:
        """Many pictures, `concurrency` at once, in their order; a failure is that of its picture alone.

        `images` are taken as they are needed. ValueError for less than one at once.
        """
        check(concurrency)
        free = asyncio.Semaphore(concurrency)
        waiting: deque[tuple[int, Image, asyncio.Task[Parsing]]] = deque()

        async def one(image: Image) -> Parsing:
            async with free:
                return await self.parse(image, **asked)

        try:
            for index, image in enumerate(images):
                waiting.append((index, image, asyncio.create_task(one(image))))
                if len(waiting) >= 2 * concurrency:
                    yield await _awaited(*waiting.popleft())
            while waiting:
                yield await _awaited(*waiting.popleft())
        finally:
            for _, _, task in waiting:
                task.cancel()

    async def parse_batch(
        self, images: Iterable[Image], *, concurrency: int = 8, **asked: Unpack[Asked]
    ) -> list[Outcome]:
        """All of `map` at once."""
        return [outcome async for outcome in self.map(images, concurrency=concurrency, **asked)]

    async def submit(self, image: Image, *, deadline: float | None = None, **asked: Unpack[Asked]) -> Job:
        """A job, not waited for."""
        return await self._run(self._calls.submit(image, Ask(**asked), deadline=deadline))

    async def job(self, job_id: str) -> Job:
        """Where a job stands."""
        return await self._run(self._calls.job(job_id))

    async def wait(self, job_id: str, timeout: float | None = None) -> Parsing:
        """The result of a job once it is done; ApiError where it ended otherwise."""
        return await self._run(self._calls.wait(job_id, timeout))

    async def cancel(self, job_id: str) -> Job:
        """End a job; one that has ended stays as it is."""
        return await self._run(self._calls.job(job_id, method="DELETE"))

    async def events(self, job_id: str, last_event_id: str = "") -> AsyncIterator[Event]:
        """What happens to a job until it has ended; goes on where a broken connection left off."""
        listening = Listening(job_id, last_event_id, self._calls.retry)
        while True:
            try:
                async with self._http.stream("GET", listening.path, headers=listening.headers) as response:
                    if response.status_code == 204:
                        return
                    if not response.is_success:
                        await response.aread()
                    async for line in listening.lines(response, response.aiter_lines):
                        if event := listening.heard(line):
                            yield event
                            if event.last:
                                return
                pause = listening.broken()
            except httpx.TransportError as error:
                pause = listening.broken(error)
            except ApiError as error:
                pause = listening.refused(error)
            await asyncio.sleep(pause)

    async def info(self) -> Mapping[str, Any]:
        """Version, models and limits of the service."""
        told: dict[str, Any] = (await self._run(self._calls.get("/info"))).json()
        return told

    async def _run(self, flow: Flow[T]) -> T:
        return await run_async(flow, self._http)


async def _awaited(index: int, image: Image, task: asyncio.Task[Parsing]) -> Outcome:
    try:
        return Outcome.of(index, image, await task)
    except Exception as error:
        return Outcome.of(index, image, error)
