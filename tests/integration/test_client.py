"""The client against the real API: typed results, and patience where the service or the way to it fails."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import api
from service.client import (
    NEVER,
    ApiError,
    AsyncClient,
    Client,
    OutOfTime,
    Retry,
    Unreachable,
)
from service.delivery.jobs import Jobs
from service.programs.embedded import free_port
from service.remote.outcomes import LOCAL
from service.settings import Settings
from tests.integration.test_api import FAULT_PROMPT, GATE_PROMPT, Bands, encoded, worker_of

MakeSettings = Callable[..., Settings]
QUICK = Retry(attempts=4, budget=20, first=0.01, longest=0.02)
PHOTO = encoded((40, 30))


@dataclass
class Moody:
    """An application that answers as `moods` say, one each request, and then as it is.

    A mood is a status to refuse with, or 'lost': the request is carried out, but its answer is lost.
    """

    app: ASGIApp
    moods: list[int | str] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    code: str = "overloaded"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.seen.append({k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]})
        mood = self.moods.pop(0) if self.moods else None
        if isinstance(mood, int):
            told = {"code": self.code, "status": mood, "title": "Not now"} if self.code else {}
            media = "application/problem+json" if self.code else "text/html"
            headers = {"Retry-After": "0", "X-Request-ID": "r-1"}
            await JSONResponse(told, mood, headers, media)(scope, receive, send)
        elif mood == "lost":

            async def nowhere(_message: Message) -> None: ...

            await self.app(scope, receive, nowhere)
            raise httpx.ReadError("cut")
        else:
            await self.app(scope, receive, send)


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(wait_seconds=20, lease_seconds=30)


@pytest.fixture
async def model(settings: Settings, connect: Callable[..., Jobs]) -> AsyncIterator[Bands]:
    model = Bands()
    async with worker_of(settings, connect(lease_seconds=30), model):
        yield model


@pytest.fixture
def server(settings: Settings, jobs: Jobs) -> Moody:
    return Moody(api.create(settings, jobs))


@pytest.fixture
async def client(server: Moody) -> AsyncIterator[AsyncClient]:
    transport = httpx.ASGITransport(server)
    async with AsyncClient("http://spectrum", retry=QUICK, transport=transport) as client:
        yield client


@asynccontextmanager
async def listening(server: Moody) -> AsyncIterator[str]:
    """The application behind a real socket; its address."""
    port = free_port()
    served = uvicorn.Server(uvicorn.Config(server, port=port, log_level="critical", lifespan="off"))
    task = asyncio.create_task(served.serve())
    while not served.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        served.should_exit = True
        await task


@pytest.mark.usefixtures("model")
class TestResults:
    """What comes back is typed, in whatever way the picture was given."""

    async def test_a_picture_in_any_form_is_parsed(self, client: AsyncClient, tmp_path: Path):
        path = tmp_path / "photo.png"
        path.write_bytes(PHOTO)
        with Image.open(BytesIO(PHOTO)) as picture:
            for image in (PHOTO, path, str(path), picture):
                parsing = await client.parse(image, prompts=["hat", "coat"])
                assert [segment.label for segment in parsing.segments] == ["hat", "coat"]
                assert (parsing.image.width, parsing.image.height) == (40, 30)

    @pytest.mark.parametrize("mask_format", ["rle", "polygon", "png"])
    async def test_masks_become_arrays(self, client: AsyncClient, mask_format: Any):
        parsing = await client.parse(PHOTO, prompts=["hat", "coat"], mask_format=mask_format)
        expected = np.zeros((30, 40), dtype=np.uint16)
        expected[0], expected[1] = 1, 2
        assert (parsing.segments[1].mask_array() == (expected == 2)).all()
        assert (parsing.segment_map() == expected).all()
        assert parsing.persons[0].mask_array().all()

    async def test_an_answer_without_masks_has_no_arrays(self, client: AsyncClient):
        parsing = await client.parse(PHOTO, prompts=["hat"], mask_format="none")
        with pytest.raises(ValueError, match="without masks"):
            parsing.segments[0].mask_array()

    async def test_what_was_left_out_is_missing_and_the_rest_is_there(self, client: AsyncClient):
        parsing = await client.parse(PHOTO, prompts=["hat"], exclude=["segments.mask", "timings_ms"])
        assert parsing.segments[0].label == "hat"
        assert parsing.persons[0].mask_array().all()
        with pytest.raises(AttributeError):
            parsing.segments[0].mask_array()
        with pytest.raises(AttributeError):
            _ = parsing.timings_ms

    async def test_an_export_comes_as_bytes(self, client: AsyncClient):
        with Image.open(BytesIO(await client.export(PHOTO, "png", prompts=["hat"]))) as drawn:
            assert drawn.format == "PNG"
        assert b"<annotations>" in await client.export(PHOTO, "cvat", prompts=["hat"])

    async def test_a_refusal_is_an_error_with_its_code(self, client: AsyncClient):
        with pytest.raises(ApiError) as caught:
            await client.parse(b"hello")
        assert (caught.value.code, caught.value.status) == ("image_type_unsupported", 415)
        assert caught.value.request_id and caught.value.retry_after is None

    async def test_info_tells_of_the_service(self, client: AsyncClient):
        assert (await client.info())["service"] == "spectrum"


class TestPatience:
    """What fails for the moment is tried again; what fails for good is not."""

    @pytest.mark.usefixtures("model")
    @pytest.mark.parametrize("moods", [[503], [429, 503, 429], ["lost"], [503, "lost"]])
    async def test_a_passing_failure_is_outlived(self, client: AsyncClient, server: Moody, moods: list[Any]):
        server.moods = moods
        tries = len(moods) + 1
        parsing = await client.parse(PHOTO, prompts=["hat"])
        assert parsing.segments[0].label == "hat"
        assert len(server.seen) == tries
        assert len({headers["idempotency-key"] for headers in server.seen}) == 1
        assert len({headers["content-length"] for headers in server.seen}) == 1

    async def test_a_lost_answer_is_not_computed_twice(
        self, client: AsyncClient, server: Moody, model: Bands
    ):
        server.moods = ["lost"]
        await client.parse(PHOTO, prompts=["a hat that nobody asked for before"])
        assert (len(server.seen), model.parsed) == (2, 1)

    async def test_two_calls_are_two_requests(self, client: AsyncClient, server: Moody, model: Bands):
        for _ in range(2):
            await client.parse(PHOTO, prompts=["hat"])
        assert len({headers["idempotency-key"] for headers in server.seen}) == 2
        assert model.parsed >= 1

    async def test_patience_ends(self, client: AsyncClient, server: Moody):
        server.moods = [503] * 9
        with pytest.raises(ApiError) as caught:
            await client.parse(PHOTO)
        assert (caught.value.code, caught.value.retry_after, caught.value.request_id) == (
            "overloaded",
            0,
            "r-1",
        )
        assert len(server.seen) == QUICK.attempts

    async def test_nobody_there_is_told_as_that(self):
        async with AsyncClient(f"http://127.0.0.1:{free_port()}", retry=QUICK) as client:
            with pytest.raises(Unreachable):
                await client.info()

    async def test_a_proxys_failure_is_tried_again_and_a_deadlines_is_not(
        self, client: AsyncClient, server: Moody
    ):
        server.moods, server.code = [502], ""
        assert await client.info()
        server.moods, server.code = [504], "deadline_exceeded"
        with pytest.raises(ApiError, match="deadline_exceeded"):
            await client.info()
        assert len(server.seen) == 3

    async def test_a_pause_beyond_the_budget_is_not_begun(self, server: Moody):
        server.moods = [503]
        hurried = Retry(attempts=5, budget=0.0, first=0.0)
        async with AsyncClient("http://s", retry=hurried, transport=httpx.ASGITransport(server)) as client:
            with pytest.raises(ApiError):
                await client.info()
        assert len(server.seen) == 1

    async def test_a_deadline_is_told_and_kept(self, client: AsyncClient, server: Moody):
        """Nobody works: the service or the client gives up, whoever sees first that time is over."""
        with pytest.raises((ApiError, OutOfTime)):
            await client.parse(PHOTO, deadline=0.3)
        assert 0 < int(server.seen[0]["x-deadline-ms"]) <= 300

    async def test_a_client_may_give_up_at_once(self, server: Moody):
        server.moods = [503, 503]
        async with AsyncClient("http://s", retry=NEVER, transport=httpx.ASGITransport(server)) as client:
            with pytest.raises(ApiError):
                await client.info()
        assert len(server.seen) == 1


class TestJobs:
    """A caller need not wait, and may come back."""

    async def test_a_job_is_submitted_watched_and_fetched(
        self, client: AsyncClient, server: Moody, model: Bands
    ):
        job = await client.submit(PHOTO, prompts=[GATE_PROMPT])
        assert job.status in ("queued", "running") and not job.ended
        asyncio.get_running_loop().call_later(0.2, model.gate.set)
        told = [event async for event in client.events(job.id)]
        assert told[0].status == "queued" and told[-1].status == "done"
        assert [event.last for event in told] == [False] * (len(told) - 1) + [True]
        server.moods = [503]
        missed = [event.status async for event in client.events(job.id, told[0].id)]
        assert missed == [event.status for event in told[1:]]
        assert [event async for event in client.events(job.id, told[-1].id)] == []
        assert (await client.wait(job.id)).segments[0].label == GATE_PROMPT
        assert (await client.job(job.id)).parsing().id == job.id

    async def test_an_address_to_call_back_goes_along_and_is_the_services_to_judge(self, client: AsyncClient):
        with pytest.raises(ApiError, match="callback_unavailable"):
            await client.submit(PHOTO, callback_url="https://example.invalid/done")

    async def test_a_waiting_job_is_cancelled(self, client: AsyncClient):
        job = await client.submit(PHOTO)
        assert (await client.cancel(job.id)).status == "cancelled"
        with pytest.raises(ApiError) as caught:
            await client.wait(job.id)
        assert caught.value.code == "job_cancelled"
        with pytest.raises(ApiError, match="job_not_found"):
            _ = [event async for event in client.events("0" * 32)]

    async def test_a_job_that_takes_too_long_is_left(self, client: AsyncClient):
        job = await client.submit(PHOTO)
        with pytest.raises(TimeoutError):
            await client.wait(job.id, timeout=0.2)

    async def test_a_parse_that_outlasts_the_services_wait_is_waited_for(
        self, make_settings: MakeSettings, jobs: Jobs, model: Bands
    ):
        transport = httpx.ASGITransport(api.create(make_settings(wait_seconds=0.05), jobs))
        async with AsyncClient("http://s", retry=QUICK, transport=transport) as client:
            asyncio.get_running_loop().call_later(0.4, model.gate.set)
            parsing = await client.parse(PHOTO, prompts=[GATE_PROMPT], exclude=["timings_ms"])
        assert parsing.segments[0].label == GATE_PROMPT

    @pytest.mark.usefixtures("model")
    async def test_a_failed_job_is_its_error(self, client: AsyncClient):
        job = await client.submit(PHOTO, prompts=[FAULT_PROMPT])
        with pytest.raises(ApiError) as caught:
            await client.wait(job.id)
        assert (caught.value.code, caught.value.status) == ("parse_failed", 500)


def pictures(taken: list[int]) -> Iterator[bytes]:
    """Thirty, each of another width, and one that is none."""
    for number in range(30):
        taken.append(number)
        yield b"nothing" if number == 7 else encoded((number + 1, 9))


@pytest.mark.usefixtures("model")
class TestMany:
    """Many pictures keep their order, and fail alone."""

    async def test_outcomes_come_in_order_and_a_bad_picture_fails_alone(self, client: AsyncClient):
        taken: list[int] = []
        seen = []
        async for outcome in client.map(pictures(taken), concurrency=3, prompts=["hat"]):
            seen.append(outcome)
            assert len(taken) <= len(seen) + 6, "more was taken than is in hand"
        assert [outcome.index for outcome in seen] == list(range(30))
        assert [outcome.index for outcome in seen if outcome.error] == [7]
        assert [o.parsing.image.width for o in seen if o.parsing] == [n + 1 for n in range(30) if n != 7]

    async def test_the_blocking_client_does_the_same(self, server: Moody, tmp_path: Path):
        server.moods = [503]
        path = tmp_path / "photo.png"
        path.write_bytes(PHOTO)

        def use(url: str) -> None:
            with Client(url, retry=QUICK) as client:
                parsing = client.parse(path, prompts=["hat"])
                assert parsing.segments[0].mask_array()[0].all()
                outcomes = client.parse_batch(pictures([]), concurrency=3, prompts=["hat"])
                assert [outcome.index for outcome in outcomes if outcome.error] == [7]
                job = client.submit(PHOTO, prompts=["scarf"])
                assert client.wait(job.id, timeout=20).segments[0].label == "scarf"
                assert [event.status for event in client.events(job.id)][-1] == "done"
                assert client.cancel(job.id).status == client.job(job.id).status == "done"
                assert client.export(PHOTO, "png").startswith(b"\x89PNG")
                assert client.info()["service"] == "spectrum"
                with pytest.raises(ValueError, match="at least 1"):
                    client.parse_batch([PHOTO], concurrency=0)

        async with listening(server) as url:
            await asyncio.to_thread(use, url)


def test_import_of_the_client_leaves_torch_and_the_server_unloaded():
    names = ("torch", "model", "fastapi", "redis")
    code = f"import sys, service.client; print(*(name in sys.modules for name in {names}))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "False False False False"


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("number", [0, 1])
async def test_the_documented_calls_run(server: Moody, tmp_path: Path, number: int):
    """The Python of docs/clients.md, word for word but for the address."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[number]
    for name in ("photo", "a", "b", "c"):
        (tmp_path / f"{name}.jpg").write_bytes(encoded((9, 9), "JPEG"))
    async with listening(server) as url:
        argv = [sys.executable, "-W", "error", "-c", code.replace(LOCAL, url)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        run = partial(subprocess.run, argv, cwd=tmp_path, env=environment, capture_output=True, text=True)
        ran = await asyncio.to_thread(run, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "denim jacket" in ran.stdout
