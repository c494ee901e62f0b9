"""The queue against a real server."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from os import kill
from typing import Any

import pytest
from redis.asyncio import Redis

import service.delivery.outcomes
from service import metrics
from service.delivery.base import REPLY_BYTES
from service.delivery.jobs import GROUP, Claimed, Jobs, JobView
from service.errors import DeadlineExceeded, ImageUndecodable, Overloaded, QueueOutOfMemory, QueueUnavailable
from service.programs.embedded import EmbeddedValkey
from service.settings import Settings

Connect = Callable[..., Jobs]
PICTURE = b"\x00\xff any bytes"


async def keys_of(jobs: Jobs) -> dict[str, int]:
    """Every key under the queue's prefix and its time to live in seconds, -1 for ever."""
    client: Redis = jobs.broker.client
    names = [name.decode() async for name in client.scan_iter(f"{jobs.broker.key()}*", count=1000)]
    return {name: await client.ttl(name) for name in names}


async def claim_one(jobs: Jobs, consumer: str = "w") -> Claimed:
    """The one job that waits."""
    (claimed,) = await jobs.claim(consumer, 10, 50)
    return claimed


async def seen(jobs: Jobs, job_id: str) -> JobView:
    """A job that must be there."""
    view = await jobs.get(job_id)
    assert view is not None
    return view


def code_of(view: JobView | None) -> tuple[str, str]:
    """The status and the error's code of a job that failed."""
    assert view is not None and view.error is not None
    return view.status, view.error["code"]


async def fall_silent(jobs: Jobs, *held: Claimed) -> None:
    """As if the jobs' worker had not renewed for more than a lease."""
    client, work = jobs.broker.client, jobs.broker.key("work")
    for claimed in held:
        pending: Any = await client.xpending_range(work, GROUP, claimed.entry, claimed.entry, 1)
        await client.xclaim(
            work, GROUP, pending[0]["consumer"], 0, [claimed.entry], idle=601_000, justid=True
        )


async def test_a_job_goes_from_hand_to_hand(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {"prompts": ["red hat", "\ud800 lone"]})
    assert (await seen(jobs, job_id)).wire() == {"id": job_id, "status": "queued"}
    claimed = await claim_one(jobs)
    assert (claimed.id, claimed.tries) == (job_id, 0)
    assert claimed.request == {"prompts": ["red hat", "\ud800 lone"]}
    assert (await seen(jobs, job_id)).status == "running"
    assert await jobs.fetch(claimed) == PICTURE
    assert await jobs.finish(claimed, {"persons": []})
    assert (await seen(jobs, job_id)).wire() == {"id": job_id, "status": "done", "result": {"persons": []}}
    assert await jobs.depth() == 0


async def test_a_failure_is_kept_as_its_problem_document(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    await jobs.fail(await claim_one(jobs), ImageUndecodable("Torn at row 3."))
    view = await seen(jobs, job_id)
    assert view.result is None and code_of(view) == ("failed", "image_undecodable")
    assert view.wire()["error"]["detail"] == "Torn at row 3."


async def test_the_second_end_of_a_job_changes_nothing(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    claimed = await claim_one(jobs)
    assert await jobs.finish(claimed, {"by": "first"})
    assert not await jobs.finish(claimed, {"by": "second"})
    assert not await jobs.fail(claimed, ImageUndecodable())
    assert (await seen(jobs, job_id)).result == {"by": "first"}


async def test_a_late_end_does_not_revive_an_expired_answer(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    claimed = await claim_one(jobs)
    await jobs.finish(claimed, {})
    await jobs.broker.client.delete(jobs.broker.key("result", job_id))  # as its time to live does
    assert not await jobs.finish(claimed, {})
    assert not await jobs.cancel(job_id)
    assert (await seen(jobs, job_id)).status == "expired"


async def test_nothing_is_left_behind_but_what_expires(jobs: Jobs) -> None:
    for _ in range(3):
        await jobs.submit(PICTURE, {})
    done, failed, cancelled = await jobs.claim("w", 3, 50)
    await jobs.finish(done, {})
    await jobs.fail(failed, ImageUndecodable())
    await jobs.cancel(cancelled.id)
    await jobs.begin("w", [cancelled])
    kept = await keys_of(jobs)
    lasting = {name.split(":")[1] for name, ttl in kept.items() if ttl == -1}
    assert lasting == {"work"}  # an empty stream
    assert not [name for name in kept if ":image:" in name]
    assert await jobs.depth() == 0


async def test_all_keys_lie_in_one_slot_of_a_cluster(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    await jobs.beat("w", {}, 9)
    await jobs.finish(await claim_one(jobs), {})
    assert await jobs.get(job_id)
    assert all(name.startswith("{test-") and "}:" in name for name in await keys_of(jobs))


async def test_strangers_ids_name_no_job(jobs: Jobs) -> None:
    for stranger in ("0" * 32, "", "*", "../work", "0" * 31 + "\n"):
        assert await jobs.get(stranger) is None
        assert not await jobs.cancel(stranger)
        assert await jobs.wait(stranger, 5) is None


# Admission


async def test_the_depth_limit_holds_against_a_crowd(connect: Connect) -> None:
    jobs = connect(queue_depth=5)
    answers = await asyncio.gather(*(jobs.submit(PICTURE, {}) for _ in range(20)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert len(refused) == 15 and await jobs.depth() == 5
    assert all(1 <= (error.retry_after or 0) <= 60 for error in refused)
    await jobs.finish((await jobs.claim("w", 1, 50))[0], {})
    assert await jobs.submit(PICTURE, {})


async def test_a_queue_that_has_waited_too_long_takes_no_more(connect: Connect) -> None:
    jobs, patient = connect(queue_age_seconds=0.05), connect(queue_age_seconds=600)
    first = await jobs.submit(PICTURE, {})
    await asyncio.sleep(0.1)
    assert await patient.would_refuse() is None
    with pytest.raises(Overloaded, match="too long"):
        await jobs.submit(PICTURE, {})
    refusal = await jobs.would_refuse()
    assert isinstance(refusal, Overloaded) and refusal.retry_after
    claimed = await claim_one(jobs)  # what a worker has in work does not wait any more
    assert claimed.id == first and await jobs.submit(PICTURE, {})


async def test_a_look_at_a_full_queue_foretells_the_refusal_and_asks_once(connect: Connect) -> None:
    jobs = connect(queue_depth=2)
    await jobs.submit(PICTURE, {})
    assert await jobs.would_refuse() is None
    await jobs.submit(PICTURE, {})
    await asyncio.sleep(0.06)
    before = await commands(jobs)
    refusals = await asyncio.gather(*(jobs.would_refuse() for _ in range(50)))
    assert all(isinstance(refusal, Overloaded) for refusal in refusals)
    assert len({refusal.retry_after for refusal in refusals if refusal}) > 1  # they do not all come at once
    assert await commands(jobs) <= before + 10


async def commands(jobs: Jobs) -> int:
    """How many scripts the server has run."""
    stats: Any = await jobs.broker.client.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


async def test_a_look_at_a_broker_that_is_away_tells_so() -> None:
    jobs = Jobs.connect(Settings(redis_url="redis://127.0.0.1:1", redis_timeout_seconds=0.2))
    assert isinstance(await jobs.would_refuse(), QueueUnavailable)
    await jobs.close()


async def test_a_submission_sent_twice_is_one_job(jobs: Jobs) -> None:
    job_id = "a" * 32
    assert await jobs.submit(PICTURE, {}, job_id=job_id) == job_id
    assert await jobs.submit(PICTURE, {}, job_id=job_id) == job_id
    assert await jobs.depth() == 1


@pytest.mark.parametrize("stranger", ["", "A" * 32, "a" * 31, "a:b" + "c" * 29])
async def test_an_id_that_is_none_is_refused(jobs: Jobs, stranger: str) -> None:
    with pytest.raises(ValueError, match="32 hex digits"):
        await jobs.submit(PICTURE, {}, job_id=stranger)


async def test_a_full_server_refuses_pictures_and_still_ends_jobs(own_server: EmbeddedValkey) -> None:
    jobs = Jobs.connect(Settings(redis_url=own_server.url))
    try:
        job_id = await jobs.submit(PICTURE, {})
        with pytest.raises(QueueOutOfMemory):
            for _ in range(40):
                await jobs.submit(bytes(2**20), {})
        await jobs.broker.client.config_set("maxmemory", "1mb")
        with pytest.raises(QueueOutOfMemory):
            await jobs.submit(b"", {})
        claimed = (await jobs.claim("w", 1, 50))[0]
        await jobs.beat("w", {}, 9)
        assert await jobs.renew("w", [claimed]) == set()
        assert await jobs.finish(claimed, {"fits": True})
        assert (await seen(jobs, job_id)).status == "done"
    finally:
        await jobs.close()


# Waiting


async def test_the_reply_stream_wakes_who_waits(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.delivery.outcomes, "LOOK_SECONDS", 1000.0)
    first, second = await jobs.submit(PICTURE, {}), await jobs.submit(PICTURE, {})
    waiting = [asyncio.create_task(jobs.wait(job_id, 60)) for job_id in (first, second, first)]
    for claimed in await jobs.claim("w", 2, 50):
        await asyncio.sleep(0.05)
        await jobs.finish(claimed, {"of": claimed.id})
    views = await asyncio.gather(*waiting)
    assert [view and view.result for view in views] == [{"of": job} for job in (first, second, first)]


async def test_a_waiter_whose_reply_is_lost_looks_itself(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.delivery.outcomes, "LOOK_SECONDS", 0.05)
    here, elsewhere = connect(), connect()
    job_id = await here.submit(PICTURE, {})  # its reply goes to the stream of `here`
    waiting = asyncio.create_task(elsewhere.wait(job_id, 60))
    await asyncio.sleep(0.05)
    await here.finish(await claim_one(here), {})
    view = await waiting
    assert view is not None and view.status == "done"


@pytest.mark.parametrize("length", [10, REPLY_BYTES + 1])
@pytest.mark.parametrize("late", [False, True])
async def test_who_has_just_submitted_a_job_is_told_of_its_end_without_a_look(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, length: int, late: bool
) -> None:
    monkeypatch.setattr(service.delivery.outcomes, "LOOK_SECONDS", 1000.0)
    jobs.replies.listen()
    request = {"caller": "somebody", "metadata": {"order": "7"}}
    job_id = await jobs.submit(PICTURE, request)
    waiting = asyncio.create_task(jobs.wait(job_id, 60, fresh=True))
    claimed = await claim_one(jobs)
    if late:  # its end is read before anybody waits for it
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await jobs.finish(claimed, {"text": length * "x"})
    if late:
        while job_id not in jobs.replies._ended:
            await asyncio.sleep(0.01)
        waiting = asyncio.create_task(jobs.wait(job_id, 60, fresh=True))
    view = await waiting
    assert view == await jobs.get(job_id) and view is not None and view.ended
    assert (view.caller, view.metadata) == ("somebody", {"order": "7"})


async def test_replies_that_were_read_do_not_pile_up(jobs: Jobs) -> None:
    jobs.replies.listen()
    for _ in range(5):
        job_id = await jobs.submit(PICTURE, {})
        await jobs.finish(await claim_one(jobs), {})
        await jobs.wait(job_id, 60, fresh=True)
    while await jobs.broker.client.xlen(jobs.replies.stream) > 1:
        await asyncio.sleep(0.01)


async def test_waiting_ends_without_a_view_where_the_job_does_not_end(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    assert await jobs.wait(job_id, 0.1) is None


async def test_a_cancelled_wait_leaves_nobody_waiting(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    waiting = asyncio.create_task(jobs.wait(job_id, 60))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not jobs.replies._waiting


# Leases


async def test_a_renewed_lease_keeps_a_job_from_another(connect: Connect) -> None:
    mine, other = connect(), connect()
    await mine.submit(PICTURE, {})
    claimed = await claim_one(mine, "mine")
    await fall_silent(mine, claimed)
    assert await mine.renew("mine", [claimed]) == set()
    assert await other.claim("other", 1, 1) == []
    assert await mine.finish(claimed, {})


async def test_a_silent_workers_job_goes_to_another_and_does_not_come_back(connect: Connect) -> None:
    silent, other = connect(), connect()
    job_id = await silent.submit(PICTURE, {})
    stale = await claim_one(silent, "silent")
    await fall_silent(silent, stale)
    taken = await claim_one(other, "other")
    assert taken.id == job_id
    assert await silent.renew("silent", [stale]) == {job_id}  # woke late: it must not steal it back
    assert await other.renew("other", [taken]) == set()
    assert await silent.finish(stale, {"by": "silent"})  # but who is first is first
    assert not await other.finish(taken, {"by": "other"})


async def test_a_sweep_of_many_small_steps_misses_nobody(connect: Connect) -> None:
    lost, heir = connect(), connect()
    sent = {await lost.submit(PICTURE, {}) for _ in range(25)}
    await fall_silent(lost, *await lost.claim("lost", 30, 50))
    found = []
    while step := await heir.claim("heir", 4, 1):
        found += [job.id for job in step]
    assert len(found) == 25 and set(found) == sent


async def lose_worker(jobs: Jobs, claimed: Claimed, step: str) -> None:
    """As if the job's worker had been killed during that step."""
    if step == "fetch":
        await jobs.fetch(claimed)
    elif step == "begin":
        await jobs.begin("w", [claimed])
    elif step == "rest":
        await jobs.fetch(claimed)
        await jobs.rest("w", [claimed])
    await fall_silent(jobs, claimed)


@pytest.mark.parametrize("step", ["fetch", "begin", "hand"])
async def test_a_job_that_costs_too_many_workers_becomes_a_dead_letter(connect: Connect, step: str) -> None:
    job_id = await connect().submit(PICTURE, {"prompts": ["hat"]})
    for tries in (0, 1):
        worker = connect(delivery_limit=2)
        consumer = f"w{tries}" if step == "hand" else "w"
        (claimed,) = await worker.claim(consumer, 1, 1000, hand=step == "hand")
        assert claimed.tries == tries and claimed.suspect == (tries > 0)
        await lose_worker(worker, claimed, "fetch" if step == "hand" else step)
    jobs = connect(delivery_limit=2)
    assert await jobs.claim("w", 1, 1) == []
    assert code_of(await jobs.get(job_id)) == ("failed", "delivery_limit")
    assert await jobs.depth() == 0
    (letter,) = await jobs.letters()
    assert (letter.id, letter.tries, letter.request) == (job_id, 2, {"prompts": ["hat"]})
    assert letter.error["code"] == "delivery_limit"


async def test_a_worker_that_holds_nothing_gets_a_jobs_picture_with_it(connect: Connect) -> None:
    jobs = connect()
    job_id = await jobs.submit(PICTURE, {})
    (claimed,) = await jobs.claim("w", 1, 1000, hand=True)
    assert await connect().broker.client.hget(jobs.broker.key("job", job_id), "danger")
    await jobs.broker.client.delete(jobs.broker.key("image", job_id))  # nobody goes for it again
    assert await jobs.fetch(claimed) == PICTURE
    assert await jobs.fetch(claimed) is None


@pytest.mark.parametrize("alone", [True, False])
async def test_only_a_lone_job_without_tries_is_in_danger_as_it_is_claimed(
    connect: Connect, alone: bool
) -> None:
    first = await connect().submit(PICTURE, {})
    if alone:
        await lose_worker(connect(), await claim_one(connect()), "fetch")
    else:
        await connect().submit(PICTURE, {})
    jobs = connect()
    claimed = await jobs.claim("heir", 2, 1000, hand=True)
    assert [job.suspect for job in claimed] == ([True] if alone else [False, False])
    assert not await jobs.broker.client.hexists(jobs.broker.key("job", first), "danger")
    assert await jobs.fetch(claimed[0]) == PICTURE


async def test_a_claim_that_is_sent_again_is_no_try(jobs: Jobs) -> None:
    await jobs.submit(PICTURE, {})
    await jobs.claim("w", 1, 1000, hand=True)
    (again,) = await jobs.claim("w", 1, 1, hand=True)
    assert again.tries == 0 and await jobs.fetch(again) == PICTURE


async def test_what_a_worker_has_in_hand_is_not_claimed_again(jobs: Jobs) -> None:
    await jobs.submit(PICTURE, {})
    (claimed,) = await jobs.claim("w", 1, 1000, hand=True)
    await jobs.fetch(claimed)
    await jobs.begin("w", [claimed])
    assert await jobs.claim("w", 1, 1, held={claimed.id}, hand=True) == []
    key = jobs.broker.key("job", claimed.id)
    assert await jobs.broker.client.hmget(key, "danger", "tries") == [b"1", None]


async def test_a_picture_comes_along_although_the_claim_began_before_the_last_job_ended(jobs: Jobs) -> None:
    await jobs.submit(PICTURE, {})
    (claimed,) = await jobs.claim("w", 1, 1000, hand=True)
    claiming = asyncio.create_task(jobs.claim("w", 1, 1000, held={claimed.id}, hand=True))
    await asyncio.sleep(0.05)
    await jobs.finish(claimed, {})
    job_id = await jobs.submit(b"another", {})
    (second,) = await claiming
    await jobs.broker.client.delete(jobs.broker.key("image", job_id))
    assert (second.id, await jobs.fetch(second)) == (job_id, b"another")


async def test_a_server_without_our_scripts_hands_a_job_out_all_the_same(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    await jobs.broker.client.script_flush()
    (claimed,) = await jobs.claim("w", 1, 1000, hand=True)
    await jobs.broker.client.delete(jobs.broker.key("image", job_id))
    assert await jobs.fetch(claimed) == PICTURE


@pytest.mark.parametrize("step", ["claim", "rest"])
async def test_a_job_that_only_waited_in_a_lost_workers_hands_was_not_tried(
    connect: Connect, step: str
) -> None:
    await connect().submit(PICTURE, {})
    for _ in range(4):
        claimed = await claim_one(connect(delivery_limit=2))
        assert not claimed.suspect
        await lose_worker(connect(), claimed, step)


async def test_a_worker_that_overslept_does_not_get_its_own_job_twice(connect: Connect) -> None:
    jobs = connect()
    await jobs.submit(PICTURE, {})
    claimed = await claim_one(jobs)
    await jobs.begin("w", [claimed])
    await fall_silent(jobs, claimed)
    assert await connect().claim("w", 1, 1, held={claimed.id}) == []
    await fall_silent(jobs, claimed)
    assert (await claim_one(connect(), "other")).tries == 1  # and it still counts as in danger


async def test_what_another_has_taken_over_may_not_begin(connect: Connect) -> None:
    silent, other = connect(), connect()
    await silent.submit(PICTURE, {})
    stale = await claim_one(silent, "silent")
    await fall_silent(silent, stale)
    taken = await claim_one(other, "other")
    assert await silent.begin("silent", [stale]) == set()
    assert await other.begin("other", [taken]) == {taken.id}
    assert await other.finish(taken, {})


async def test_what_is_given_back_untried_is_had_at_once_and_not_counted(connect: Connect) -> None:
    leaving, other = connect(), connect()
    await leaving.submit(PICTURE, {})
    claimed = await claim_one(leaving, "leaving")
    await leaving.fetch(claimed)
    await leaving.release("leaving", [claimed], untried=True)
    assert (await claim_one(other, "other")).tries == 0


async def test_what_is_given_back_after_a_try_is_counted(connect: Connect) -> None:
    leaving, other = connect(), connect()
    await leaving.submit(PICTURE, {})
    claimed = await claim_one(leaving, "leaving")
    await leaving.begin("leaving", [claimed])
    await leaving.release("leaving", [claimed], untried=False)
    assert (await claim_one(other, "other")).tries == 1


# Cancelling and expiring


async def test_a_cancelled_job_that_waits_is_never_handed_out(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    assert await jobs.cancel(job_id)
    assert not await jobs.cancel(job_id)
    assert code_of(await jobs.get(job_id)) == ("cancelled", "job_cancelled")
    assert await jobs.claim("w", 1, 1) == []
    assert await jobs.depth() == 0


async def test_cancelling_a_running_job_wins_over_its_answer(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    claimed = await claim_one(jobs)
    waiting = asyncio.create_task(jobs.wait(job_id, 60))
    assert await jobs.cancel(job_id)
    assert await jobs.fetch(claimed) is None
    assert await jobs.begin("w", [claimed]) == set()
    assert not await jobs.finish(claimed, {})
    assert code_of(await waiting) == ("cancelled", "job_cancelled")
    assert await jobs.depth() == 0


async def test_an_ended_job_cannot_be_cancelled(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    await jobs.finish(await claim_one(jobs), {})
    assert not await jobs.cancel(job_id)
    assert (await seen(jobs, job_id)).status == "done"


async def test_results_expire_and_are_then_forgotten(connect: Connect) -> None:
    jobs = connect(result_ttl_seconds=1)
    job_id = await jobs.submit(PICTURE, {})
    await jobs.finish(await claim_one(jobs), {})
    seen = set()
    while view := await jobs.get(job_id):
        seen.add(view.status)
        await asyncio.sleep(0.1)
    assert "expired" in seen and seen <= {"done", "expired"}


async def test_a_picture_that_waited_too_long_expires(connect: Connect) -> None:
    jobs = connect(image_ttl_seconds=1)
    job_id = await jobs.submit(PICTURE, {})
    assert code_of(await jobs.wait(job_id, 30)) == ("expired", "job_expired")


# Deadlines


def expired(stage: str) -> float:
    """How many jobs this process has skipped before this stage."""
    return metrics.EXPIRED.labels(stage=stage)._value.get()


async def test_a_deadline_that_has_passed_is_refused_and_leaves_nothing(jobs: Jobs) -> None:
    before = expired("admission")
    with pytest.raises(DeadlineExceeded):
        await jobs.submit(PICTURE, {}, deadline=time.time() - 1)
    assert expired("admission") == before + 1
    assert await keys_of(jobs) == {}


async def test_a_job_that_waits_past_its_deadline_is_never_handed_out(jobs: Jobs) -> None:
    late = await jobs.submit(PICTURE, {}, deadline=time.time() + 0.05)
    in_time = await jobs.submit(PICTURE, {}, deadline=time.time() + 600)
    assert code_of(await jobs.wait(late, 30)) == ("expired", "deadline_exceeded")
    before = expired("claim")
    (claimed,) = await jobs.claim("w", 10, 50)
    assert claimed.id == in_time and not claimed.late
    assert expired("claim") == before + 1
    assert code_of(await jobs.get(late)) == ("expired", "deadline_exceeded")
    assert await events_of(jobs, late) == ["queued", "expired"]
    assert await jobs.depth() == 1


async def test_a_job_whose_deadline_passes_in_a_workers_hands_is_not_begun(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {}, deadline=time.time() + 600)
    claimed = await claim_one(jobs)
    assert claimed.deadline is not None and not claimed.late
    await jobs.broker.client.hset(jobs.broker.key("job", job_id), "deadline", "1")  # as time does
    assert (await seen(jobs, job_id)).status == "running"
    assert await jobs.begin("w", [claimed]) == set()
    assert code_of(await jobs.get(job_id)) == ("expired", "deadline_exceeded")
    assert await events_of(jobs, job_id) == ["queued", "running", "expired"]
    assert await jobs.depth() == 0


# Watching


async def events_of(jobs: Jobs, job_id: str) -> list[str]:
    """What the job's event list tells, in order."""
    entries: Any = await jobs.broker.client.xrange(jobs.broker.key("events", job_id))
    return [fields[b"status"].decode() for _, fields in entries]


async def test_every_step_of_a_job_is_told_once_and_forgotten_with_it(connect: Connect) -> None:
    jobs = connect()
    job_id = await jobs.submit(PICTURE, {})
    claimed = await claim_one(jobs)
    await fall_silent(jobs, claimed)
    again = await claim_one(connect(), "another")
    await jobs.begin("another", [again])
    await jobs.finish(again, {})
    await jobs.finish(claimed, {})
    assert await events_of(jobs, job_id) == ["queued", "running", "done"]
    ttls = await keys_of(jobs)
    assert ttls[jobs.broker.key("events", job_id)] == ttls[jobs.broker.key("job", job_id)] > 0


async def test_the_age_of_the_oldest_job_is_told(jobs: Jobs) -> None:
    assert await jobs.oldest_age() == 0.0
    await jobs.submit(PICTURE, {})
    await asyncio.sleep(0.05)
    await jobs.submit(PICTURE, {})
    assert await jobs.oldest_age() >= 0.05


async def test_workers_are_listed_while_they_live(jobs: Jobs) -> None:
    assert await jobs.workers() == []
    await jobs.beat("b", {"name": "mini"}, 9)
    await jobs.beat("a", {"name": "mini"}, 0.05)
    await asyncio.sleep(0.1)
    assert await jobs.workers() == [{"worker": "b", "name": "mini"}]
    await jobs.retire("b")
    assert await jobs.workers() == []


async def test_a_worker_that_leaves_takes_no_job_with_it(connect: Connect) -> None:
    leaving, other = connect(), connect()
    await leaving.submit(PICTURE, {})
    claimed = await claim_one(leaving, "leaving")
    await leaving.retire("leaving")
    await fall_silent(leaving, claimed)
    assert len(await other.claim("other", 1, 1)) == 1


# The broker away


async def test_a_broker_that_went_away_is_told_and_its_return_noticed(own_server: EmbeddedValkey) -> None:
    jobs = Jobs.connect(Settings(redis_url=own_server.url))
    try:
        await jobs.submit(PICTURE, {})
        own_server.halt()
        for call in (jobs.ping(), jobs.submit(PICTURE, {}), jobs.claim("w", 1, 1), jobs.depth()):
            with pytest.raises(QueueUnavailable):
                await call
        own_server.start()
        job_id = await jobs.submit(PICTURE, {})  # and scripts and group are made anew
        assert (await claim_one(jobs)).id == job_id
    finally:
        await jobs.close()


async def test_a_waiter_outlasts_a_broker_that_hangs(own_server: EmbeddedValkey) -> None:
    jobs = Jobs.connect(Settings(redis_url=own_server.url, redis_timeout_seconds=0.5))
    try:
        job_id = await jobs.submit(PICTURE, {})
        claimed = await claim_one(jobs)
        waiting = asyncio.create_task(jobs.wait(job_id, 60))
        await asyncio.sleep(0.05)
        kill(own_server.pid or 0, signal.SIGSTOP)
        with pytest.raises(QueueUnavailable):
            await jobs.depth()
        kill(own_server.pid or 0, signal.SIGCONT)
        assert await jobs.finish(claimed, {})
        view = await waiting
        assert view is not None and view.status == "done"
    finally:
        await jobs.close()


def test_a_queue_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="redis_url"):
        Jobs.connect(Settings(redis_url=None))
