"""Workers against a real server: what they owe to callers, whatever happens to them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.delivery.jobs import GROUP, Jobs, JobView
from service.programs.embedded import EmbeddedValkey
from service.settings import Settings
from service.worker.batching import Budget
from service.worker.holding import Holding
from service.worker.pieces import Piece
from service.worker.pipeline import FRESH_SECONDS, Pipeline
from service.worker.process import published, work
from tests.integration.conftest import MakeSettings
from tests.integration.fake_worker import GATED, TORN, FakeModel

Connect = Callable[..., Jobs]
PICTURE, SUM = bytes([1, 2, 3]), 6
ROOT = Path(__file__).resolve().parents[2]
BUDGET = Budget(pixels=1_000, count=8)


@pytest.fixture
def model() -> FakeModel:
    """A model whose gate is shut."""
    return FakeModel()


@asynccontextmanager
async def working(jobs: Jobs, model: FakeModel, **options: Any) -> AsyncIterator[asyncio.Event]:
    """A worker in this process until the block ends; the event stops it earlier."""
    stop = asyncio.Event()
    given: dict[str, Any] = {"consumer": "w", "budget": BUDGET, "lease_seconds": 600.0} | options
    task = asyncio.create_task(work(jobs, model.craft(given.pop("lanes", 1)), stop, **given))
    try:
        yield stop
    finally:
        stop.set()
        model.gate.set()
        assert await task


async def ended(jobs: Jobs, *job_ids: str) -> list[JobView]:
    """The jobs once they have ended."""
    views = await asyncio.gather(*(jobs.wait(job_id, 120) for job_id in job_ids))
    assert all(views)
    return [view for view in views if view is not None]


async def true(condition: Callable[[], bool]) -> None:
    """Return once it is."""
    while not condition():
        await asyncio.sleep(0.01)


async def all_decoded(model: FakeModel, count: int) -> None:
    """So many pictures have been decoded, and those not on the device lie ready."""
    await true(lambda: len(model.decoded) == count)
    await asyncio.sleep(0.05)


def codes(views: list[JobView]) -> list[str]:
    """The error's code of each job, or how it ended otherwise."""
    return [view.error["code"] if view.error else view.status for view in views]


async def test_each_caller_gets_the_answer_to_their_own_picture(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model):
        sent = [await jobs.submit(bytes([number] * 3), {}) for number in range(20)]
        views = await ended(jobs, *sent)
    assert [view.result for view in views] == [
        {"id": job_id, "sum": 3 * number, "stages": ["decode", "queue"]} for number, job_id in enumerate(sent)
    ]
    assert await jobs.depth() == 0


async def test_a_lone_job_costs_a_worker_few_calls_of_redis(jobs: Jobs, model: FakeModel) -> None:
    async def calls() -> int:
        told: Any = await jobs.broker.client.info("commandstats")
        return int(told.get("cmdstat_evalsha", {"calls": 0})["calls"])

    async with working(jobs, model):
        before = await calls()
        for _ in range(10):
            job_id = await jobs.submit(PICTURE, {})
            view = await jobs.wait(job_id, 120, fresh=True)
            assert view is not None and view.result and view.result["sum"] == SUM
        # To submit, to claim with the picture, to finish, and on a slow machine to begin; the answer comes
        # with the reply.
        assert await calls() - before <= 45


async def test_what_waits_while_the_model_computes_shares_the_next_call(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model):
        first = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        others = [await jobs.submit(PICTURE, {"prompts": [str(number)]}) for number in range(8)]
        await all_decoded(model, 9)
        model.gate.set()
        await ended(jobs, first, *others)
    assert model.batches == [1, 8]


async def test_two_lanes_compute_at_once_and_share_what_waits(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model, lanes=2):
        first = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        assert codes(await ended(jobs, await jobs.submit(PICTURE, {}))) == [
            "done"
        ]  # past the one at the gate
        model.entered.clear()
        second = await jobs.submit(PICTURE, {"gate": 1, "prompts": ["another"]})
        await asyncio.to_thread(model.entered.wait, 60)
        others = [await jobs.submit(PICTURE, {"prompts": [str(number)]}) for number in range(8)]
        await all_decoded(model, 11)
        model.gate.set()
        views = await ended(jobs, first, second, *others)
    assert all(view.result and view.result["sum"] == SUM for view in views)
    assert model.batches[:3] == [1, 1, 1]
    assert max(model.batches) <= 4  # of eight that wait
    assert sum(model.batches) == 11


async def test_of_two_lanes_only_one_works_beside_a_job_that_came_back(
    connect: Connect, model: FakeModel
) -> None:
    before = connect()
    suspect = await before.submit(PICTURE, {"gate": 1})
    lost = await before.claim("before", 1, 50)
    await before.begin("before", lost)
    await before.release("before", lost, untried=False)
    async with working(connect(), model, lanes=2):
        await asyncio.to_thread(model.entered.wait, 60)
        other = await before.submit(PICTURE, {})
        assert await before.wait(other, 0.5) is None
        assert model.batches == [1]
        model.gate.set()
        assert codes(await ended(before, suspect, other)) == ["done", "done"]


async def test_a_picture_that_breaks_the_reading_fails_alone(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model):
        alone = await jobs.submit(PICTURE, {"unreadable": "no sense in it"})
        assert codes(await ended(jobs, alone)) == ["parse_failed"]
        first = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        sent = [await jobs.submit(PICTURE, request) for request in ({}, {"unreadable": "nor in this"}, {})]
        await all_decoded(model, 5)
        model.gate.set()
        views = await ended(jobs, first, *sent)
    assert codes(views) == ["done", "done", "parse_failed", "done"]
    assert model.batches == [1, 1, 3]


async def test_a_picture_that_is_still_to_be_decoded_shares_no_call(jobs: Jobs, model: FakeModel) -> None:
    for number in range(3):
        await jobs.submit(PICTURE, {"prompts": [str(number)]})
    claimed = await jobs.claim("w", 3, 50)
    pipeline = Pipeline(
        Holding(jobs, "w", 600.0),
        model.craft(),
        asyncio.Event(),
        BUDGET,
        decode_threads=1,
        forward_seconds=60.0,
    )
    decoded, straight, last = (Piece(job, ready=True) for job in claimed)
    straight.data = PICTURE
    pipeline.ahead = {piece.job.id: piece for piece in (decoded, straight, last)}
    assert await pipeline._next() == [straight]
    assert await pipeline._next() == [decoded, last]
    await pipeline.let_go()


async def test_a_torn_picture_fails_alone(jobs: Jobs, model: FakeModel) -> None:
    sent = [await jobs.submit(picture, {}) for picture in (PICTURE, TORN, PICTURE)]
    async with working(jobs, model):
        views = await ended(jobs, *sent)
    assert codes(views) == ["done", "image_undecodable", "done"]


async def test_a_torn_picture_that_the_device_waits_for_fails_and_the_next_one_does_not(
    jobs: Jobs, model: FakeModel
) -> None:
    async with working(jobs, model):
        for picture, code in ((TORN, "image_undecodable"), (PICTURE, "done")):
            assert codes(await ended(jobs, await jobs.submit(picture, {}))) == [code]
    assert model.batches == [1]


async def test_a_poisoned_picture_in_a_batch_fails_alone(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model):
        first = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        requests: list[dict[str, Any]] = [{}, {"raises": "CUDA out of memory"}, {}, {}]
        sent = [await jobs.submit(PICTURE, request) for request in requests]
        await all_decoded(model, 5)
        model.gate.set()
        views = await ended(jobs, first, *sent)
    assert codes(views) == ["done", "done", "parse_failed", "done", "done"]
    assert all(view.result and view.result["sum"] == SUM for view in views if view.status == "done")
    assert model.batches == [1, 4, 1, 1, 1, 1]


async def test_an_answer_that_cannot_be_written_fails_alone_and_tells_no_secret(
    jobs: Jobs, model: FakeModel
) -> None:
    sent = [await jobs.submit(PICTURE, request) for request in ({}, {"unrenderable": 1}, {})]
    async with working(jobs, model):
        views = await ended(jobs, *sent)
    assert codes(views) == ["done", "internal_error", "done"]
    assert "secret" not in str(views)


async def test_a_job_cancelled_ahead_of_the_model_is_never_computed(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model):
        first = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        second = await jobs.submit(PICTURE, {})
        await all_decoded(model, 2)
        assert await jobs.cancel(second)
        model.gate.set()
        assert codes(await ended(jobs, first, second)) == ["done", "job_cancelled"]
    assert model.batches == [1]
    assert await jobs.depth() == 0


async def test_a_job_cancelled_before_its_turn_is_not_even_decoded(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model, decode_threads=1):
        # One on its way through the device, which decodes as well, and one in the thread for decoding.
        first = await jobs.submit(GATED, {})
        await true(lambda: len(model.decoded) == 1)
        before = await jobs.submit(GATED, {"prompts": ["before"]})
        await true(lambda: len(model.decoded) == 2)
        second, third = [await jobs.submit(PICTURE, {}) for _ in range(2)]
        while (await jobs.get(second)).status != "running":
            await asyncio.sleep(0.01)
        assert await jobs.cancel(second)
        model.gate.set()
        views = await ended(jobs, first, before, second, third)
    assert codes(views) == ["done", "done", "job_cancelled", "done"]
    assert len(model.decoded) == 3


async def test_a_job_cancelled_while_it_is_decoded_never_reaches_the_model(
    jobs: Jobs, model: FakeModel
) -> None:
    async with working(jobs, model):
        job_id = await jobs.submit(GATED, {})
        await true(lambda: len(model.decoded) == 1)
        assert await jobs.cancel(job_id)
        await asyncio.sleep(2 * FRESH_SECONDS)
        model.gate.set()
        while await jobs.depth():
            await asyncio.sleep(0.01)
    assert model.batches == []


async def test_an_answer_that_comes_after_a_cancellation_is_dropped(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model):
        job_id = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        assert await jobs.cancel(job_id)
        model.gate.set()
        while await jobs.depth():
            await asyncio.sleep(0.01)
        assert codes(await ended(jobs, job_id)) == ["job_cancelled"]
    assert model.batches == [1]


async def test_a_deadline_that_passes_during_decoding_keeps_the_model_from_it(
    jobs: Jobs, model: FakeModel
) -> None:
    async with working(jobs, model):
        late = await jobs.submit(GATED, {}, deadline=time.time() + 600)
        await true(lambda: len(model.decoded) == 1)
        await jobs.broker.client.hset(jobs.broker.key("job", late), "deadline", "1")  # as time does
        await asyncio.sleep(2 * FRESH_SECONDS)
        model.gate.set()
        assert codes(await ended(jobs, late)) == ["deadline_exceeded"]
    assert model.batches == []


async def test_renewal_keeps_a_long_job_from_running_twice(connect: Connect, model: FakeModel) -> None:
    mine, other = connect(lease_seconds=4.0), connect(lease_seconds=4.0)
    client, stream = mine.broker.client, mine.broker.key("work")

    async def pending() -> dict[str, Any]:
        (entry,) = await client.xpending_range(stream, GROUP, "-", "+", 1)
        return dict(entry)

    async with working(mine, model, lease_seconds=4.0):
        job_id = await mine.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        entry = (await pending())["message_id"]
        for _ in range(2):  # grown old by more than a lease in all, and young again each time
            await client.xclaim(stream, GROUP, "w", 0, [entry], idle=2_500, justid=True)
            while (await pending())["time_since_delivered"] >= 2_500:
                await asyncio.sleep(0.05)
        assert (await pending())["times_delivered"] == 1  # renewed, not claimed anew
        assert await other.claim("other", 1, 1) == []
        model.gate.set()
        assert codes(await ended(mine, job_id)) == ["done"]
    assert model.batches == [1]


async def test_a_job_that_came_back_goes_to_the_model_alone(connect: Connect, model: FakeModel) -> None:
    before = connect()
    sent = [await before.submit(PICTURE, {}) for _ in range(3)]
    lost = await before.claim("before", 2, 50)
    await before.begin("before", lost)
    await before.release("before", lost, untried=False)
    async with working(connect(), model):
        views = await ended(before, *sent)
    assert codes(views) == ["done"] * 3
    assert model.batches == [1, 1, 1]


@pytest.mark.parametrize("where", ["raises", "unreadable"])
async def test_a_lost_device_ends_the_worker_and_loses_no_job(
    connect: Connect, model: FakeModel, where: str
) -> None:
    jobs, heir = connect(), connect()
    job_id = await jobs.submit(PICTURE, {where: "CUDA error: an illegal memory access was encountered"})
    task = work(jobs, model.craft(), asyncio.Event(), consumer="w", budget=BUDGET)
    with pytest.raises(ExceptionGroup) as lost:
        await asyncio.wait_for(task, 60)
    assert "illegal memory access" in repr(lost.value)
    (again,) = await heir.claim("heir", 1, 50)
    assert (again.id, again.tries) == (job_id, 1)


async def test_a_model_that_never_answers_ends_the_worker_and_its_picture_counts_as_tried(
    connect: Connect, model: FakeModel
) -> None:
    jobs, heir = connect(), connect()
    job_id = await jobs.submit(PICTURE, {"gate": 1})
    task = work(jobs, model.craft(), asyncio.Event(), consumer="w", budget=BUDGET, forward_seconds=0.2)
    with pytest.raises(ExceptionGroup) as stuck:
        await asyncio.wait_for(task, 60)
    (why,) = stuck.value.exceptions if len(stuck.value.exceptions) == 1 else (stuck.value,)
    assert "has not answered for 0.2 s" in repr(why)
    (again,) = await heir.claim("heir", 1, 50)
    assert (again.id, again.tries) == (job_id, 1)
    model.gate.set()


# Stopping


async def test_a_drain_finishes_what_is_in_hand_and_claims_no_more(jobs: Jobs, model: FakeModel) -> None:
    async with working(jobs, model) as stop:
        in_hand = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        stop.set()
        await asyncio.sleep(0.7)  # a claim that waits already may still bring one
        late = await jobs.submit(PICTURE, {})
        model.gate.set()
        assert codes(await ended(jobs, in_hand)) == ["done"]
    view = await jobs.get(late)
    assert view is not None and view.status == "queued"
    assert model.batches == [1]


async def test_a_drain_that_takes_too_long_gives_its_jobs_back(connect: Connect, model: FakeModel) -> None:
    jobs, heir = connect(), connect()
    hanging = await jobs.submit(PICTURE, {"gate": 1})
    stop = asyncio.Event()
    task = asyncio.create_task(
        work(jobs, model.craft(), stop, consumer="w", budget=BUDGET, lease_seconds=600.0, drain_seconds=0.1)
    )
    await asyncio.to_thread(model.entered.wait, 60)
    ahead = await jobs.submit(PICTURE, {})
    await all_decoded(model, 2)
    stop.set()
    assert not await task
    taken = {job.id: job.tries for job in await heir.claim("heir", 8, 50)}
    model.gate.set()
    assert taken == {hanging: 1, ahead: 0}


async def test_a_heartbeat_that_cannot_be_told_is_not_the_last(jobs: Jobs):
    info: dict[str, Any] = {"name": "mini", "odd": object()}
    async with published(jobs, "w", info, 0.05):
        assert not await jobs.workers()
        del info["odd"]
        for _ in range(400):
            if await jobs.workers():
                break
            await asyncio.sleep(0.05)
        assert [worker["name"] for worker in await jobs.workers()] == ["mini"]


async def test_a_worker_is_listed_exactly_while_it_works(connect: Connect) -> None:
    jobs, other = connect(), connect()
    async with published(jobs, "w", {"name": "mini"}, 0.05):
        while not await other.workers():
            await asyncio.sleep(0.01)
        assert await other.workers() == [{"worker": "w", "name": "mini"}]
    assert await other.workers() == []


# The broker away


async def test_an_answer_found_while_thebroker_hangs_is_told_when_it_is_back(
    own_server: EmbeddedValkey, model: FakeModel
) -> None:
    jobs = Jobs.connect(Settings(redis_url=own_server.url, redis_timeout_seconds=0.5))
    pid = own_server.pid or 0
    async with working(jobs, model):
        job_id = await jobs.submit(PICTURE, {"gate": 1})
        await asyncio.to_thread(model.entered.wait, 60)
        os.kill(pid, signal.SIGSTOP)
        model.gate.set()
        await asyncio.sleep(3)
        os.kill(pid, signal.SIGCONT)
        assert codes(await ended(jobs, job_id)) == ["done"]
    assert model.batches == [1]
    await jobs.close()


async def test_a_worker_serves_on_after_abroker_that_came_back_empty(
    own_server: EmbeddedValkey, model: FakeModel
) -> None:
    lease = 5.0  # after which what a broken connection swallowed comes again
    jobs = Jobs.connect(Settings(redis_url=own_server.url, lease_seconds=lease))
    async with working(jobs, model, lease_seconds=lease):
        first = await jobs.submit(PICTURE, {})
        await ended(jobs, first)
        own_server.halt()
        await asyncio.sleep(0.5)
        own_server.start()
        second = await jobs.submit(PICTURE, {})
        assert codes(await ended(jobs, second)) == ["done"]
    await jobs.close()


# Workers as processes


@contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with the fake model, ended with the block at the latest."""
    environment = os.environ | {
        "REDIS_URL": settings.redis_url or "",
        "SPECTRUM_KEY_PREFIX": settings.key_prefix,
        "SPECTRUM_LEASE_SECONDS": str(settings.lease_seconds),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.integration.fake_worker"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as worker:
        try:
            yield worker
        finally:
            worker.kill()


async def test_kill_9_of_a_worker_during_a_job_and_the_job_still_ends_once(
    connect: Connect, make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(lease_seconds=1.0)
    jobs = connect(lease_seconds=1.0)
    log = tmp_path / "log"
    job_id = await jobs.submit(PICTURE, {"log": str(log), "hang_once": 1})
    with process(settings) as victim:
        await true(log.exists)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    view = await jobs.get(job_id)
    assert view is not None and view.status == "running"
    with process(settings):
        (view,) = await ended(jobs, job_id)
    assert view.status == "done" and view.result and view.result["sum"] == SUM
    assert log.read_text().split() == ["read", "read"]
    told: Any = await jobs.broker.client.xrange(jobs.replies.stream)
    assert [fields[b"job"] for _, fields in told] == [job_id.encode()]
    assert await jobs.depth() == 0


async def test_sigterm_drains_a_worker(connect: Connect, make_settings: MakeSettings, tmp_path: Path) -> None:
    jobs = connect()
    log = tmp_path / "log"
    with process(make_settings()) as worker:
        while not await jobs.workers():
            await asyncio.sleep(0.05)
        sent = [await jobs.submit(PICTURE, {"log": str(log)}) for _ in range(20)]
        await true(log.exists)
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 120) == 0
        assert await jobs.workers() == []
    views = [await jobs.get(job_id) for job_id in sent]
    states = [view.status for view in views if view is not None]
    assert set(states) <= {"done", "queued"} and states[0] == "done" and len(states) == 20
