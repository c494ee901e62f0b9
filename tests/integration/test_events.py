"""A job's events reach whoever listens, in order, whole after a lost connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn

from service import api
from service.delivery.jobs import Jobs
from service.errors import ParseFailed
from service.programs.embedded import free_port
from service.settings import Settings
from tests.integration.test_api import GATE_PROMPT, Bands, assert_problem, client_of, form, worker_of

MakeSettings = Callable[..., Settings]
Connect = Callable[..., Jobs]
ASYNC = {"Prefer": "respond-async"}


@dataclass
class Told:
    """One event as a client gets it."""

    id: str | None
    kind: str
    data: dict[str, Any]


async def read(lines: AsyncIterator[str]) -> AsyncIterator[Told]:
    """The events of a stream's lines (HTML standard, 9.2.6); comments and retry are left out."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line == "" and "data" in fields:
            yield Told(fields.get("id"), fields["event"], json.loads(fields["data"]))
        if line == "":
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")


async def events_of(client: httpx.AsyncClient, job_id: str, **headers: str) -> list[Told]:
    async with client.stream("GET", f"/jobs/{job_id}/events", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [event async for event in read(response.aiter_lines())]


@asynccontextmanager
async def served(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    """The API behind a socket: the transport of the other tests hands whole answers out."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(api.create(settings, jobs), port=port, log_level="error", ws="none")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.should_exit = True
    await serving


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(wait_seconds=20, lease_seconds=30, event_heartbeat_seconds=0.05, event_streams=2)


@pytest.fixture
async def client(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings, jobs) as client:
        yield client


async def posted(client: httpx.AsyncClient, **fields: Any) -> str:
    return str((await client.post("/parse", **form(**fields), headers=ASYNC)).json()["id"])


async def test_a_stream_tells_each_status_and_ends_with_the_job(
    client: httpx.AsyncClient, settings: Settings, connect: Connect
):
    job_id = await posted(client, metadata='{"order": "7"}')
    listening = asyncio.create_task(events_of(client, job_id))
    async with worker_of(settings, connect(), Bands()):
        told = await listening
    assert [event.kind for event in told] == ["status", "status", "end"]
    assert [event.data["status"] for event in told] == ["queued", "running", "done"]
    assert told[-1].data == (await client.get(f"/jobs/{job_id}")).json()
    assert told[-1].data["result"]["persons"] and told[-1].data["metadata"] == {"order": "7"}
    assert len({event.id for event in told}) == 3


async def test_events_come_while_the_job_runs(settings: Settings, jobs: Jobs, connect: Connect):
    model = Bands()
    async with served(settings, jobs) as client, worker_of(settings, connect(), model):
        job_id = await posted(client, prompts=[GATE_PROMPT])
        async with client.stream("GET", f"/jobs/{job_id}/events") as response:
            heard = read(response.aiter_lines())
            while (await anext(heard)).data["status"] != "running":
                pass
            model.gate.set()
            assert [event.data["status"] async for event in heard] == ["done"]


async def test_a_silent_stream_shows_that_it_lives(settings: Settings, jobs: Jobs):
    async with served(settings, jobs) as client:
        job_id = await posted(client)
        async with client.stream("GET", f"/jobs/{job_id}/events") as response:
            async for line in response.aiter_lines():
                if line.startswith(":"):
                    break


async def test_a_lost_connection_loses_no_event(
    client: httpx.AsyncClient, settings: Settings, connect: Connect
):
    job_id = await posted(client)
    async with worker_of(settings, connect(), Bands()):
        whole = await events_of(client, job_id)
    for seen, event in enumerate(whole[:-1], start=1):
        assert await events_of(client, job_id, **{"Last-Event-ID": event.id or ""}) == whole[seen:]
    assert await events_of(client, job_id, **{"Last-Event-ID": "no id"}) == whole


async def test_who_has_heard_the_end_is_not_told_to_come_back(client: httpx.AsyncClient, jobs: Jobs):
    job_id = await posted(client)
    await jobs.cancel(job_id)
    last = (await events_of(client, job_id))[-1]
    again = await client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": last.id or ""})
    assert again.status_code == 204


async def test_every_listener_is_told_at_every_replica(
    client: httpx.AsyncClient, settings: Settings, connect: Connect, jobs: Jobs
):
    far = connect()
    async with client_of(settings, far) as other:
        job_id = await posted(client)
        listening = [asyncio.create_task(events_of(each, job_id)) for each in (client, other)]
        key = jobs.broker.key("listeners", job_id)
        while await jobs.broker.client.scard(key) < 2:
            await asyncio.sleep(0.01)
        (claimed,) = await connect().claim("w", 1, 1000)
        await jobs.fail(claimed, ParseFailed())
        first, second = await asyncio.gather(*listening)
    assert first == second
    assert first[-1].data["error"]["code"] == "parse_failed"
    assert await far.broker.client.xlen(far.replies.stream) == 1


async def test_a_job_that_is_forgotten_ends_its_streams(client: httpx.AsyncClient, jobs: Jobs):
    job_id = await posted(client)
    listening = asyncio.create_task(events_of(client, job_id))
    while not await jobs.broker.client.exists(jobs.broker.key("listeners", job_id)):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # the stream looks at the job once it listens
    for kind in ("image", "job"):  # as their time to live does
        await jobs.broker.client.delete(jobs.broker.key(kind, job_id))
    assert (await listening)[-1].data["status"] == "expired"


async def test_streams_are_bounded_and_free_their_places(settings: Settings, jobs: Jobs):
    async with served(settings, jobs) as client:
        job_id = await posted(client)
        address = f"/jobs/{job_id}/events"
        async with client.stream("GET", address), client.stream("GET", address):
            assert_problem(await client.get(address), 503, "too_many_streams")
        await jobs.cancel(job_id)
        while (last := await client.get(address)).status_code == 503:
            await asyncio.sleep(0.02)
        assert "cancelled" in last.text


async def test_a_process_that_drains_ends_its_streams(settings: Settings, jobs: Jobs):
    app = api.create(settings, jobs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://spectrum") as client:
        job_id = await posted(client)
        listening = asyncio.create_task(events_of(client, job_id))
        while not await jobs.broker.client.exists(jobs.broker.key("listeners", job_id)):
            await asyncio.sleep(0.01)
        app.state.draining = True
        assert [event.kind for event in await listening] in ([], ["status"])


@pytest.mark.parametrize("job_id", ["0" * 32, "no-id"])
async def test_an_unknown_job_has_no_events(client: httpx.AsyncClient, job_id: str):
    assert_problem(await client.get(f"/jobs/{job_id}/events"), 404, "job_not_found")


class TestLongPoll:
    """GET /jobs/{id} may wait as well."""

    async def test_a_job_is_waited_for(self, client: httpx.AsyncClient, settings: Settings, connect: Connect):
        job_id = await posted(client)
        asking = asyncio.create_task(client.get(f"/jobs/{job_id}", headers={"Prefer": "wait=15"}))
        async with worker_of(settings, connect(), Bands()):
            assert (await asking).json()["status"] == "done"

    async def test_no_longer_than_asked_for(self, client: httpx.AsyncClient):
        job_id = await posted(client)
        told = await client.get(f"/jobs/{job_id}", headers={"Prefer": "wait=0"})
        assert told.json()["status"] == "queued"
