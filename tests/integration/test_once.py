"""Equal pictures are computed once, requests sent again are not new ones, and nobody computes for nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from service import api
from service.delivery.jobs import Jobs
from service.errors import ParseFailed
from service.settings import Settings
from service.web.callbacks import Deliverer
from tests.integration.test_api import (
    GATE_PROMPT,
    MODEL,
    Bands,
    as_json,
    assert_problem,
    client_of,
    encoded,
    form,
    worker_of,
)
from tests.integration.test_events import served
from tests.integration.test_servers import cluster

MakeSettings = Callable[..., Settings]
Connect = Callable[..., Jobs]
ASYNC = {"Prefer": "respond-async"}
FRESH = {"Cache-Control": "no-cache"}
CALLS = {
    "webhook_secret": "s" * 24,
    "webhook_tries": 1,
    "url_ports": (1,),
    "url_allow_networks": ["127.0.0.1/32"],
}


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(wait_seconds=20, lease_seconds=30)


@pytest.fixture
async def client(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    """The API without any worker."""
    async with client_of(settings, jobs) as client:
        yield client


@pytest.fixture
async def model(settings: Settings, connect: Connect) -> AsyncIterator[Bands]:
    """A worker at the other end of the queue."""
    model = Bands()
    async with worker_of(settings, connect(lease_seconds=30), model):
        yield model


@pytest.fixture
def counted() -> Callable[..., float]:
    """How much a counter has grown since the test began."""
    began = {
        sample.name + str(sample.labels): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }

    def grown(name: str, **labels: str) -> float:
        return (REGISTRY.get_sample_value(name, labels) or 0.0) - began.get(name + str(labels), 0.0)

    return grown


@asynccontextmanager
async def caller_of(settings: Settings, jobs: Jobs, **headers: str) -> AsyncIterator[asyncio.Event]:
    """A caller who posts a picture and closes the connection at the event; the block's end awaits that."""
    left, told = (
        asyncio.Event(),
        [{"type": "http.request", "body": httpx.Request("POST", "http://a", **as_json()).read()}],
    )
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/parse",
        "raw_path": b"/parse",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")]
        + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }

    async def receive() -> dict[str, Any]:
        if told:
            return told.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(f"nobody is there for {message}")

    calling = asyncio.create_task(api.create(settings, jobs)(scope, receive, send))  # type: ignore[arg-type]
    yield left
    left.set()
    await calling


async def until(promise: Callable[[], Any]) -> None:
    """Return once the promise holds."""
    while not await promise():
        await asyncio.sleep(0.01)


async def joined(jobs: Jobs, job_id: str, count: int) -> None:
    """Return once so many want the job."""

    async def wanted() -> bool:
        return int(await jobs.broker.client.get(jobs.broker.key("wanted", job_id)) or 0) == count

    await until(wanted)


async def only_job(jobs: Jobs) -> str:
    """The id of the one job that waits."""
    await until(jobs.depth)
    waiting: Any = await jobs.broker.client.xrange(jobs.broker.key("work"))
    ((_, fields),) = waiting
    return str(fields[b"job"].decode())


class TestEqualPictures:
    """One computation serves all who ask the same."""

    async def test_twenty_equal_posts_at_once_are_computed_once(
        self, client: httpx.AsyncClient, model: Bands, counted: Callable[..., float]
    ):
        answers = await asyncio.gather(*(client.post("/parse", **form(prompts=["hat"])) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
        assert model.parsed == 1
        told = [answer.headers["x-cache"] for answer in answers]
        assert told.count("miss") == 1 and set(told) <= {"miss", "shared", "hit"}
        outcomes = {name: counted("parse_cache_total", outcome=name) for name in ("miss", "shared", "hit")}
        assert outcomes["miss"] == 1 and sum(outcomes.values()) == 20

    async def test_a_kept_answer_is_served_again(self, client: httpx.AsyncClient, model: Bands):
        first = await client.post("/parse", **form(prompts=["hat"]))
        again = await client.post("/parse", **as_json(prompts=["hat"]))
        assert (first.headers["x-cache"], again.headers["x-cache"]) == ("miss", "hit")
        assert first.json() == again.json() and model.parsed == 1
        later = await client.post("/parse", **form(prompts=["hat"]), headers=ASYNC)
        assert (later.status_code, later.json()["id"]) == (202, first.json()["id"])

    @pytest.mark.usefixtures("model")
    @pytest.mark.parametrize(
        "other",
        [
            form(encoded((9, 6))),
            form(prompts=["hat"]),
            form(caption="a hat"),
            form(body_parts="true"),
            form(min_score="0.5"),
            form(mask_format="png"),
        ],
    )
    async def test_what_asks_another_thing_is_computed_anew(
        self, client: httpx.AsyncClient, other: dict[str, Any]
    ):
        await client.post("/parse", **form())
        assert (await client.post("/parse", **other)).headers["x-cache"] == "miss"

    @pytest.mark.parametrize("wish", ["no-cache", "max-age=0, no-store"])
    async def test_a_caller_may_want_an_answer_of_their_own(
        self, client: httpx.AsyncClient, model: Bands, wish: str
    ):
        await client.post("/parse", **form())
        own = await client.post("/parse", **form(), headers={"Cache-Control": wish})
        assert own.status_code == 200 and "x-cache" not in own.headers
        assert model.parsed == 2

    async def test_those_who_wait_at_another_replica_are_told(
        self, client: httpx.AsyncClient, settings: Settings, connect: Connect, jobs: Jobs, model: Bands
    ):
        far = connect()
        async with client_of(settings, far) as other:
            request = form(prompts=[GATE_PROMPT])
            first = asyncio.create_task(client.post("/parse", **request))
            job_id = await only_job(jobs)
            second = asyncio.create_task(other.post("/parse", **request))
            await joined(jobs, job_id, 2)
            listeners = await jobs.broker.client.smembers(jobs.broker.key("listeners", job_id))
            assert listeners == {far.replies.stream.encode()}  # beside the one that submitted the job
            model.gate.set()
            assert (await first).json() == (await second).json()
        for queue in (jobs, far):
            assert await queue.broker.client.xlen(queue.replies.stream) == 1
        assert model.parsed == 1

    async def test_a_failure_serves_nobody_else(
        self, client: httpx.AsyncClient, jobs: Jobs, connect: Connect
    ):
        first = (await client.post("/parse", **form(), headers=ASYNC)).json()["id"]
        (claimed,) = await connect().claim("w", 1, 1000)
        await jobs.fail(claimed, ParseFailed())
        assert (await client.post("/parse", **form(), headers=ASYNC)).json()["id"] != first

    async def test_nothing_is_shared_where_the_cache_is_off(
        self, make_settings: MakeSettings, jobs: Jobs, model: Bands
    ):
        async with client_of(make_settings(cache_ttl_seconds=0), jobs) as client:
            answers = [await client.post("/parse", **form()) for _ in range(2)]
        assert model.parsed == 2 and not any("x-cache" in answer.headers for answer in answers)

    async def test_an_answer_of_another_model_is_not_served(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect
    ):
        old, new = Bands(), Bands()
        async with worker_of(settings, connect(), old):
            first = await client.post("/parse", **form())
        await jobs.retire((await jobs.workers())[0]["worker"])
        async with worker_of(settings, connect(), new), client_of(settings, jobs) as fresh:
            (worker,) = await jobs.workers()
            await jobs.beat(worker["worker"], {**MODEL, "revision": "111111111111"}, 60)
            second = await fresh.post("/parse", **form())
        assert (old.parsed, new.parsed) == (1, 1)
        assert first.headers["etag"] and "etag" not in second.headers  # the model says what it is itself

    async def test_nothing_is_shared_while_models_change(
        self, client: httpx.AsyncClient, jobs: Jobs, model: Bands
    ):
        await jobs.beat("newer", {**MODEL, "revision": "111111111111"}, 60)
        for _ in range(2):
            assert "x-cache" not in (await client.post("/parse", **form())).headers
        assert model.parsed == 2

    async def test_no_job_is_shared_that_the_queue_refused(
        self, make_settings: MakeSettings, connect: Connect, jobs: Jobs
    ):
        full = connect(queue_depth=1)
        async with client_of(make_settings(), full) as client:
            await jobs.submit(b"another", {})
            refused = await client.post("/parse", **form(), headers=ASYNC | {"Idempotency-Key": "k"})
            assert_problem(refused, 503, "overloaded")
            (claimed,) = await jobs.claim("w", 1, 1000)
            await jobs.finish(claimed, {})
            await asyncio.sleep(0.06)  # how long the load that was seen last counts
            taken = await client.post("/parse", **form(), headers=ASYNC | {"Idempotency-Key": "k"})
        assert taken.headers["x-cache"] == "miss" and await jobs.get(taken.json()["id"])


class TestEtag:
    """Who has an answer need not get it again."""

    async def test_an_answer_that_the_caller_has_is_not_sent(
        self, client: httpx.AsyncClient, jobs: Jobs, model: Bands
    ):
        first = await client.post("/parse", **form(prompts=["hat"]))
        tag = first.headers["etag"]
        again = await client.post("/parse", **form(prompts=["hat"]), headers={"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b"")
        assert model.parsed == 1 and await jobs.depth() == 0

    @pytest.mark.usefixtures("model")
    async def test_what_goes_out_otherwise_has_another_tag(self, client: httpx.AsyncClient):
        requests = [
            form(),
            form(prompts=["hat"]),
            form(mask_format="none"),
            form(exclude="persons"),
            form(metadata='{"a": "b"}'),
        ]
        tags = [(await client.post("/parse", **request)).headers["etag"] for request in requests]
        tags.append((await client.post("/parse?format=coco", **form())).headers.get("etag", "none"))
        assert len(set(tags)) == len(tags)
        assert all(tag.startswith('"') and tag.endswith('"') for tag in tags[:-1])


class TestIdempotency:
    """The same key is the same request, whatever became of it."""

    async def test_two_at_once_make_one_job(self, client: httpx.AsyncClient, model: Bands):
        headers = FRESH | {"Idempotency-Key": "order 7".replace(" ", "-")}
        answers = await asyncio.gather(*(client.post("/parse", **form(), headers=headers) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert model.parsed == 1

    async def test_it_holds_while_the_job_waits_and_after_it_failed(
        self, client: httpx.AsyncClient, jobs: Jobs, connect: Connect
    ):
        headers = ASYNC | FRESH | {"Idempotency-Key": "k"}
        first = (await client.post("/parse", **form(), headers=headers)).json()["id"]
        assert (await client.post("/parse", **form(), headers=headers)).json()["id"] == first
        assert await jobs.depth() == 1
        (claimed,) = await connect().claim("w", 1, 1000)
        await jobs.fail(claimed, ParseFailed())
        assert (await client.post("/parse", **form(), headers=headers)).json()["id"] == first
        answer = await client.post("/parse", **form(), headers={"Idempotency-Key": "k"})
        assert_problem(answer, 500, "parse_failed")

    @pytest.mark.parametrize(
        "other", [form(encoded((9, 6))), form(prompts=["hat"]), form(metadata='{"a":"b"}')]
    )
    async def test_another_request_under_the_key_is_refused(
        self, client: httpx.AsyncClient, jobs: Jobs, other: dict[str, Any]
    ):
        headers = ASYNC | {"Idempotency-Key": "k"}
        await client.post("/parse", **form(), headers=headers)
        assert_problem(await client.post("/parse", **other, headers=headers), 422, "idempotency_key_reused")
        assert await jobs.depth() == 1

    async def test_a_key_of_an_equal_picture_names_the_job_that_answers_both(
        self, client: httpx.AsyncClient, jobs: Jobs
    ):
        first = (await client.post("/parse", **form(), headers=ASYNC)).json()["id"]
        for _ in range(2):
            headers = ASYNC | {"Idempotency-Key": "k"}
            assert (await client.post("/parse", **form(), headers=headers)).json()["id"] == first
        await joined(jobs, first, 2)

    async def test_an_answer_that_is_forgotten_is_not_made_again(self, client: httpx.AsyncClient, jobs: Jobs):
        headers = ASYNC | {"Idempotency-Key": "k"}
        job_id = (await client.post("/parse", **form(), headers=headers)).json()["id"]
        await jobs.cancel(job_id)
        for kind in ("job", "result"):  # as their time to live does
            await jobs.broker.client.delete(jobs.broker.key(kind, job_id))
        assert_problem(await client.post("/parse", **form(), headers=headers), 410, "job_expired")

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\x7f"])
    async def test_a_key_out_of_shape_is_refused(self, client: httpx.AsyncClient, key: str):
        response = await client.post("/parse", **form(), headers={"Idempotency-Key": key})
        assert_problem(response, 422, "invalid_field")


class TestLeaving:
    """Work that nobody can use is not done; what one of many gives up is."""

    async def test_a_caller_who_leaves_cancels_the_job(
        self, settings: Settings, jobs: Jobs, counted: Callable[..., float]
    ):
        async with caller_of(settings, jobs) as left:
            job_id = await only_job(jobs)
            left.set()
        assert (await jobs.get(job_id)).status == "cancelled"
        assert counted("parse_disconnects_total") == 1

    async def test_a_closed_socket_is_a_caller_who_left(self, settings: Settings, jobs: Jobs):
        async with served(settings, jobs) as client:
            asking = asyncio.create_task(client.post("/parse", **form()))
            job_id = await only_job(jobs)
            asking.cancel()  # closes the connection

            async def cancelled() -> bool:
                return (await jobs.get(job_id)).status == "cancelled"

            await until(cancelled)
        with pytest.raises(asyncio.CancelledError):
            await asking

    async def test_the_job_goes_on_for_those_who_wait(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect
    ):
        async with caller_of(settings, jobs) as left:
            job_id = await only_job(jobs)
            waiting = asyncio.create_task(client.post("/parse", **as_json()))
            await joined(jobs, job_id, 2)
            left.set()
        assert (await jobs.get(job_id)).status == "queued"
        async with worker_of(settings, connect(), Bands()):
            answer = await waiting
        assert (answer.status_code, answer.json()["id"]) == (200, job_id)

    async def test_a_caller_who_can_come_back_cancels_nothing(self, make_settings: MakeSettings, jobs: Jobs):
        hasty = make_settings(wait_seconds=0.2, lease_seconds=30)
        with pytest.raises(AssertionError, match="nobody is there"):  # it is answered all the same
            async with caller_of(hasty, jobs, idempotency_key="k") as left:
                job_id = await only_job(jobs)
                left.set()
        assert (await jobs.get(job_id)).status == "queued"

    async def test_a_job_of_two_is_cancelled_by_both(self, client: httpx.AsyncClient):
        ids = [(await client.post("/parse", **form(), headers=ASYNC)).json()["id"] for _ in range(2)]
        assert ids[0] == ids[1]
        assert (await client.delete(f"/jobs/{ids[0]}")).json()["status"] == "queued"
        assert (await client.delete(f"/jobs/{ids[0]}")).json()["status"] == "cancelled"
        assert (await client.post("/parse", **form(), headers=ASYNC)).json()["id"] != ids[0]

    async def test_what_ends_a_joined_job_early_does_not_end_the_wait(
        self, client: httpx.AsyncClient, settings: Settings, jobs: Jobs, connect: Connect
    ):
        job_id = (await client.post("/parse", **form(), headers=ASYNC)).json()["id"]
        waiting = asyncio.create_task(client.post("/parse", **form()))
        await joined(jobs, job_id, 2)
        await jobs.cancel(job_id)
        async with worker_of(settings, connect(), Bands()):
            answer = await waiting
        assert answer.status_code == 200 and answer.json()["id"] != job_id


class TestDeadlines:
    """One deadline for all that has to happen."""

    async def test_past_the_deadline_there_is_no_answer(self, client: httpx.AsyncClient, connect: Connect):
        response = await client.post("/parse", **form(), headers={"X-Deadline-Ms": "80"})
        assert_problem(response, 504, "deadline_exceeded")
        assert await connect().claim("w", 1, 50) == []  # nor any work

    async def test_a_job_carries_its_deadline(self, client: httpx.AsyncClient, jobs: Jobs):
        headers = ASYNC | {"X-Deadline-Ms": "60000"}
        job_id = (await client.post("/parse", **form(), headers=headers)).json()["id"]
        assert await jobs.broker.client.hget(jobs.broker.key("job", job_id), "deadline")

    @pytest.mark.parametrize("later", [{"X-Deadline-Ms": "500000"}, {}])
    async def test_who_joins_with_more_time_gives_it_to_the_job(
        self, client: httpx.AsyncClient, jobs: Jobs, later: dict[str, str]
    ):
        first = ASYNC | {"X-Deadline-Ms": "60000"}
        job_id = (await client.post("/parse", **form(), headers=first)).json()["id"]
        key = jobs.broker.key("job", job_id)
        before: Any = await jobs.broker.client.hget(key, "deadline")
        assert (await client.post("/parse", **form(), headers=ASYNC | later)).json()["id"] == job_id
        after: Any = await jobs.broker.client.hget(key, "deadline")
        assert after is None if not later else float(after) > float(before)

    async def test_a_wait_that_is_over_before_the_deadline_leaves_a_job(self, client: httpx.AsyncClient):
        headers = {"X-Deadline-Ms": "60000", "Prefer": "wait=0"}
        assert (await client.post("/parse", **form(), headers=headers)).status_code == 202

    @pytest.mark.parametrize("deadline", ["0", "-5", "soon", "1.5", "600001", "", "9" * 30])
    async def test_a_deadline_out_of_range_is_refused(self, client: httpx.AsyncClient, deadline: str):
        response = await client.post("/parse", **form(), headers={"X-Deadline-Ms": deadline})
        assert_problem(response, 422, "invalid_field")


async def test_all_of_it_works_where_keys_lie_on_a_cluster(tmp_path: Path):
    async with cluster(tmp_path, 1) as (port,):
        settings = Settings.model_validate({"redis_url": f"redis+cluster://127.0.0.1:{port}", **CALLS})
        jobs, far = Jobs.connect(settings), Jobs.connect(settings)
        async with client_of(settings, jobs) as client, worker_of(settings, far, Bands()):
            headers = {"Idempotency-Key": "k"}
            first = await client.post("/parse", **form(callback_url="http://127.0.0.1:1/"), headers=headers)
            again = await client.post("/parse", **form(callback_url="http://127.0.0.1:1/"), headers=headers)
            hit = await client.post("/parse", **form())
            job_id = first.json()["id"]
            assert {answer.json()["id"] for answer in (first, again, hit)} == {job_id}
            assert hit.headers["x-cache"] == "hit"
            assert '"done"' in (await client.get(f"/jobs/{job_id}/events")).text
            deliverer = Deliverer(jobs, settings)
            assert await deliverer.begin_due() == 1
            await deliverer.settled()
            (called,) = (await client.get(f"/jobs/{job_id}")).json()["callbacks"]
            assert (called["status"], called["last_error"]) == ("failed", "url_unreachable")
            waiting = (await client.post("/parse", **form(prompts=["x"]), headers=ASYNC)).json()["id"]
            assert (await client.delete(f"/jobs/{waiting}")).status_code == 200
        await jobs.close()
        await far.close()


class TestMetadata:
    """What a caller gives along comes back, to them."""

    async def test_everybody_gets_their_own_back(self, client: httpx.AsyncClient, model: Bands):
        given = [{"order": "1", "ä": "ö"}, {"order": "2"}, None]
        requests = [form(metadata=json.dumps(given[0])), as_json(metadata=given[1]), form()]
        answers = [(await client.post("/parse", **request)).json() for request in requests]
        assert [answer.get("metadata") for answer in answers] == given
        assert model.parsed == 1

    async def test_a_job_shows_those_it_was_made_with(self, client: httpx.AsyncClient):
        made = [
            (await client.post("/parse", **as_json(metadata={"order": order}), headers=ASYNC)).json()["id"]
            for order in ("1", "2", "2")
        ]
        assert made[0] != made[1] == made[2]
        for job_id, order in zip(made, ("1", "2", "2"), strict=True):
            assert (await client.get(f"/jobs/{job_id}")).json()["metadata"] == {"order": order}

    @pytest.mark.parametrize("metadata", ["[]", '{"a": 1}', "{", '{"a": {}}', json.dumps({"a": "x" * 3000})])
    async def test_other_than_a_few_texts_is_refused(self, client: httpx.AsyncClient, metadata: str):
        assert_problem(await client.post("/parse", **form(metadata=metadata)), 422, "invalid_field")
