"""A job's end is told to the address that its caller named: signed, again until it has arrived, and once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from service import api, signing
from service.delivery.callbacks import pause, ttl
from service.delivery.jobs import Jobs
from service.errors import ParseFailed
from service.settings import Settings
from service.web.callbacks import Deliverer
from tests.integration.test_api import Bands, as_json, assert_problem, client_of, encoded, form, worker_of

MakeSettings = Callable[..., Settings]
Connect = Callable[..., Jobs]
ASYNC = {"Prefer": "respond-async"}
SECRET = "whsec_c3BlY3RydW0gc2lnbnMgaXRzIGNhbGxiYWNrcw=="


@dataclass
class Receiver:
    """Somebody's server: it answers with the statuses in turn, the last of them for ever."""

    statuses: list[int] = field(default_factory=lambda: [200])
    headers: str = ""
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/told?of=us"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        assert head[0] == "POST /told?of=us HTTP/1.1"
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        raw = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:] if line}
        self.messages.append((raw, await reader.readexactly(int(headers["content-length"]))))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(
            f"HTTP/1.1 {status} X\r\n{self.headers}content-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def read(self, secret: str = SECRET) -> list[dict[str, Any]]:
        """Every message that came, its signature checked."""
        return [signing.verify(secret, headers, body) for headers, body in self.messages]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


@pytest.fixture
def settings(make_settings: MakeSettings, receiver: Receiver) -> Settings:
    return make_settings(
        lease_seconds=30,
        webhook_secret=SECRET,
        webhook_first_pause_seconds=0.01,
        webhook_longest_pause_seconds=0.02,
        webhook_tries=3,
        url_ports=(receiver.port, 1),
        url_allow_networks=["127.0.0.1/32"],
    )


@pytest.fixture
async def client(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings, jobs) as client:
        yield client


@asynccontextmanager
async def delivering(settings: Settings, jobs: Jobs) -> AsyncIterator[Deliverer]:
    """A replica that delivers for the length of the block."""
    deliverer, stop = Deliverer(jobs, settings), asyncio.Event()
    running = asyncio.create_task(deliverer.run(stop))
    yield deliverer
    stop.set()
    await running


async def deliver_all(settings: Settings, jobs: Jobs, *, at_least: int = 1) -> None:
    """Until so many were begun and nothing is left to do."""
    deliverer, begun = Deliverer(jobs, settings), 0
    while begun < at_least or await jobs.broker.client.zcard(jobs.broker.key("callbacks")):
        begun += await deliverer.begin_due()
        await deliverer.settled()
        await asyncio.sleep(0.005)


async def done(jobs: Jobs, connect: Connect) -> None:
    """End the job that waits."""
    (claimed,) = await connect().claim("w", 1, 1000)
    await jobs.finish(claimed, {"id": claimed.id, "persons": []})


async def states(client: httpx.AsyncClient, job_id: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await client.get(f"/jobs/{job_id}")).json()["callbacks"]
    return told


async def posted(client: httpx.AsyncClient, url: str, **fields: Any) -> str:
    answer = await client.post("/parse", **form(callback_url=url, **fields), headers=ASYNC)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


class TestDelivery:
    """What is sent, and when it is sent again."""

    async def test_the_end_of_a_job_is_told_with_its_result(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        job_id = await posted(client, receiver.url, metadata='{"order": "7"}')
        assert [(told["status"], told["tries"]) for told in await states(client, job_id)] == [("pending", 0)]
        async with delivering(settings, jobs), worker_of(settings, connect(), Bands()):
            while not receiver.messages:
                await asyncio.sleep(0.01)
        (message,) = receiver.read()
        kept = (await client.get(f"/jobs/{job_id}")).json()
        assert message == {name: kept[name] for name in ("id", "status", "result", "metadata")}
        assert message["status"] == "done" and message["metadata"] == {"order": "7"}
        (state,) = kept["callbacks"]
        assert (state["status"], state["tries"], state["last_answer"]) == ("delivered", 1, 200)
        assert receiver.messages[0][0]["content-type"] == "application/json"
        assert receiver.messages[0][0]["webhook-id"] == state["id"]

    async def test_nothing_is_told_before_the_end(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, receiver: Receiver
    ):
        await posted(client, receiver.url)
        assert await Deliverer(jobs, settings).begin_due() == 0

    @pytest.mark.parametrize("end", ["failed", "cancelled"])
    async def test_other_ends_are_told_as_well(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        jobs: Jobs,
        connect: Connect,
        receiver: Receiver,
        end: str,
    ):
        job_id = await posted(client, receiver.url)
        if end == "failed":
            (claimed,) = await connect().claim("w", 1, 1000)
            await jobs.fail(claimed, ParseFailed())
        else:
            await client.delete(f"/jobs/{job_id}")
        await deliver_all(settings, jobs)
        (message,) = receiver.read()
        assert message["status"] == end and message["error"]["code"]

    async def test_it_is_sent_again_until_it_has_arrived(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        receiver.statuses = [500, 302, 204]
        job_id = await posted(client, receiver.url)
        await done(jobs, connect)
        await deliver_all(settings, jobs)
        assert len({body for _, body in receiver.messages}) == 1 and len(receiver.read()) == 3
        assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
        (state,) = await states(client, job_id)
        assert (state["status"], state["tries"]) == ("delivered", 3)

    @pytest.mark.parametrize(("status", "heeded"), [(429, True), (503, True), (500, False)])
    async def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(
        self,
        settings: Settings,
        jobs: Jobs,
        connect: Connect,
        receiver: Receiver,
        status: int,
        heeded: bool,
    ):
        patient = settings.model_copy(update={"webhook_longest_pause_seconds": 5_000})
        receiver.statuses, receiver.headers = [status, 200], "Retry-After: 4000\r\n"
        async with client_of(patient, jobs) as client:
            await posted(client, receiver.url)
        await done(jobs, connect)
        deliverer = Deliverer(jobs, patient)
        assert await deliverer.begin_due() == 1
        await deliverer.settled()
        broker = jobs.broker
        waiting: Any = await broker.client.zrange(broker.key("callbacks"), 0, -1, withscores=True)
        ((callback, due),) = waiting
        assert (due / 1000 - time.time() > 3_000) == heeded
        kept = await broker.client.ttl(broker.key("callback", callback.decode()))
        assert kept > ttl(patient) + (3_000 if heeded else -60)

    async def test_it_is_given_up_after_the_last_try(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        receiver.statuses = [503]
        job_id = await posted(client, receiver.url)
        await done(jobs, connect)
        await deliver_all(settings, jobs)
        assert len(receiver.messages) == 3
        (state,) = await states(client, job_id)
        assert (state["status"], state["last_answer"]) == ("failed", 503)

    async def test_a_receiver_that_wants_none_gets_none(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        receiver.statuses = [410]
        job_id = await posted(client, receiver.url)
        await done(jobs, connect)
        await deliver_all(settings, jobs)
        assert len(receiver.messages) == 1
        assert (await states(client, job_id))[0]["status"] == "gone"

    async def test_a_receiver_that_is_away_is_told_by_its_error(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect
    ):
        job_id = await posted(client, "http://127.0.0.1:1/nobody")
        await done(jobs, connect)
        await deliver_all(settings, jobs)
        (state,) = await states(client, job_id)
        assert (state["status"], state["last_error"]) == ("failed", "url_unreachable")

    async def test_what_was_sent_once_is_sent_whole_when_the_answer_is_forgotten(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        receiver.statuses = [500, 200]
        job_id = await posted(client, receiver.url)
        await done(jobs, connect)
        first = Deliverer(jobs, settings)
        while not receiver.messages:
            await first.begin_due()
            await first.settled()
        await jobs.broker.client.delete(jobs.broker.key("result", job_id))  # as its time to live does
        await deliver_all(settings, jobs, at_least=1)
        assert [message["status"] for message in receiver.read()] == ["done", "done"]

    async def test_a_replica_that_dies_leaves_it_to_another(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        await posted(client, receiver.url)
        await done(jobs, connect)
        dead = Deliverer(jobs, settings)
        (taken,) = await dead.callbacks.take(5, lease_seconds=0.05)
        assert await dead.callbacks.take(5, lease_seconds=0.05) == []  # it has a lease
        await deliver_all(settings, connect())
        assert [message["id"] for message in receiver.read()] == [taken.job_id]

    async def test_two_replicas_deliver_each_once(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        for width in range(1, 9):
            await posted(client, receiver.url, **{"prompts": f"hat {width}"})
            await done(jobs, connect)
        far = connect()
        await asyncio.gather(deliver_all(settings, jobs, at_least=0), deliver_all(settings, far, at_least=0))
        ids = [message["id"] for message in receiver.read()]
        assert len(ids) == len(set(ids)) == 8

    async def test_the_application_delivers_while_it_runs(
        self, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        app = api.create(settings, jobs)
        async with app.router.lifespan_context(app), client_of(settings, jobs) as client:
            await posted(client, receiver.url)
            await done(jobs, connect)
            while not receiver.messages:
                await asyncio.sleep(0.02)
        assert len(receiver.read()) == 1


class TestAsking:
    """Which requests get a callback."""

    async def test_everybody_who_shares_a_job_is_told_with_their_own_metadata(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        for _ in range(2):
            await posted(client, receiver.url)
        await done(jobs, connect)
        await deliver_all(settings, jobs, at_least=2)
        ids = [message["id"] for message in receiver.read()]
        assert len(ids) == 2 and len(set(ids)) == 1
        assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 2

    async def test_a_kept_answer_is_told_at_once(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        async with worker_of(settings, connect(), Bands()):
            answer = await client.post("/parse", **form())
            again = await client.post("/parse", **as_json(callback_url=receiver.url, metadata={"a": "b"}))
        assert again.headers["x-cache"] == "hit"
        await deliver_all(settings, jobs)
        (message,) = receiver.read()
        assert (message["id"], message["metadata"]) == (answer.json()["id"], {"a": "b"})

    async def test_a_request_sent_again_is_told_once(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect, receiver: Receiver
    ):
        headers = ASYNC | {"Idempotency-Key": "k"}
        for _ in range(3):
            await client.post("/parse", **form(callback_url=receiver.url), headers=headers)
        await done(jobs, connect)
        await deliver_all(settings, jobs)
        await client.post("/parse", **form(callback_url=receiver.url), headers=headers)
        assert len(receiver.messages) == 1
        assert await Deliverer(jobs, settings).begin_due() == 0

    async def test_a_refused_request_is_told_nothing(
        self, settings: Settings, connect: Connect, jobs: Jobs, receiver: Receiver
    ):
        await jobs.submit(b"another", {})
        full = connect(queue_depth=2)
        async with client_of(settings, full) as client:
            request = form(callback_url=receiver.url)
            assert (await client.post("/parse", **request, headers=ASYNC)).status_code == 202
            other = form(encoded((9, 6)), callback_url=receiver.url)
            assert (await client.post("/parse", **other, headers=ASYNC)).status_code == 503
        assert await jobs.broker.client.zcard(jobs.broker.key("callbacks")) == 1

    async def test_a_job_that_nobody_ends_is_told_as_expired(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, receiver: Receiver
    ):
        job_id = await posted(client, receiver.url)
        due: Any = await jobs.broker.client.zrange(jobs.broker.key("callbacks"), 0, -1, withscores=True)
        ((callback, _),) = due
        await jobs.broker.client.delete(jobs.broker.key("image", job_id))  # as its time to live does
        await jobs.broker.client.zadd(jobs.broker.key("callbacks"), {callback: 0})
        await deliver_all(settings, jobs)
        (message,) = receiver.read()
        assert (message["status"], message["error"]["code"]) == ("expired", "job_expired")

    async def test_without_a_secret_there_are_no_callbacks(
        self, make_settings: MakeSettings, jobs: Jobs, receiver: Receiver
    ):
        async with client_of(make_settings(), jobs) as client:
            response = await client.post("/parse", **form(callback_url=receiver.url))
        assert_problem(response, 422, "callback_unavailable")

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("http://169.254.169.254/latest", "url_refused"),
            ("http://10.0.0.1/", "url_refused"),
            ("http://127.0.0.1:22/", "url_refused"),
            ("http://[::1]/", "url_refused"),
            ("file:///etc/passwd", "url_invalid"),
            ("http://user:word@example.com/", "url_invalid"),
        ],
    )
    async def test_an_address_that_pictures_may_not_come_from_is_not_called(
        self, client: httpx.AsyncClient, jobs: Jobs, url: str, code: str
    ):
        assert (await client.post("/parse", **form(callback_url=url))).json()["code"] == code
        assert await jobs.depth() == 0


def test_pauses_grow_and_all_tries_lie_within_the_time_that_is_kept() -> None:
    settings = Settings.model_validate({"webhook_tries": 8})
    pauses = [pause(settings, tries, 1.0) for tries in range(1, 8)]
    assert pauses == sorted(pauses) and pauses[0] == 5 and pauses[-1] == 14_400
    assert 3_600 < sum(pauses) < ttl(settings)
    assert pause(settings, 1, asked=60.0) == 60 and pause(settings, 1, asked=1e6) == 14_400
    assert json.dumps(pauses)
