"""Pictures that break the model or its process: they fail alone, and are kept for whoever looks into it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service import cli
from service.delivery.jobs import Jobs
from service.errors import ImageUndecodable, InternalError, Overloaded, ParseFailed
from service.settings import Settings
from tests.integration.conftest import MakeSettings

Connect = Callable[..., Jobs]
PICTURE, SUM = bytes([1, 2, 3]), 6
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def supervised(settings: Settings) -> AsyncIterator[list[int]]:
    """A worker process with the fake model, started anew whenever it dies; the exit statuses so far."""
    names = ("key_prefix", "lease_seconds", "delivery_limit")
    environment = {f"SPECTRUM_{name.upper()}": str(getattr(settings, name)) for name in names}
    environment |= {"REDIS_URL": settings.redis_url or "", "PYTHONPATH": str(ROOT)}
    died: list[int] = []
    running: list[asyncio.subprocess.Process] = []

    async def keep() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.integration.fake_worker", cwd=ROOT, env=os.environ | environment
            )
            running[:] = [process]
            died.append(await process.wait())

    keeping = asyncio.create_task(keep())
    try:
        yield died
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        for process in running:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def outcomes(jobs: Jobs, ids: list[str]) -> list[Any]:
    """Of each job its sum, or the code of its failure."""
    views = await asyncio.gather(*(jobs.wait(job_id, 120) for job_id in ids))
    return [
        view and (view.result["sum"] if view.result else view.error and view.error["code"]) for view in views
    ]


async def send_eight(jobs: Jobs, poison: dict[str, Any], trail: Path) -> list[str]:
    """Eight jobs that gather behind a slow one to share a batch; the fourth is poisoned."""
    slow = trail.with_suffix(".slow")
    await jobs.submit(PICTURE, {"trail": str(slow), "seconds": 1.0})
    while not slow.exists():
        await asyncio.sleep(0.02)
    requests = [{"trail": str(trail)} | (poison if number == 3 else {}) for number in range(8)]
    return [await jobs.submit(PICTURE, request) for request in requests]


async def test_a_picture_that_makes_the_model_raise_costs_its_batch_nothing(
    connect: Connect, make_settings: MakeSettings, tmp_path: Path
) -> None:
    jobs, trail = connect(), tmp_path / "trail"
    async with supervised(make_settings()) as died:
        ids = await send_eight(jobs, {"raises": "shapes do not match"}, trail)
        assert await outcomes(jobs, ids) == [SUM] * 3 + ["parse_failed"] + [SUM] * 4
    assert not died
    assert trail.read_text().split() == ["8", *"11111111"]
    (letter,) = await jobs.letters()
    assert (letter.id, letter.error["code"], letter.tries) == (ids[3], "parse_failed", 1)
    assert letter.request["raises"] == "shapes do not match"
    assert await jobs.letter_image(ids[3]) == PICTURE


async def test_a_picture_that_kills_the_process_takes_no_neighbour_with_it(
    connect: Connect, make_settings: MakeSettings, tmp_path: Path
) -> None:
    # The strictest limit: whoever was in the batch that died has one try left.
    settings: dict[str, Any] = {"lease_seconds": 1.0, "delivery_limit": 2}
    trail = tmp_path / "trail"
    jobs = connect(**settings)
    async with supervised(make_settings(**settings)) as died:
        ids = await send_eight(jobs, {"kills": 1}, trail)
        assert await outcomes(jobs, ids) == [SUM] * 3 + ["delivery_limit"] + [SUM] * 4
        assert died == [-9, -9]
    assert trail.read_text().split() == ["8", *"11111111"]  # after the batch, each alone and once
    (letter,) = await jobs.letters()
    assert (letter.id, letter.error["code"], letter.tries) == (ids[3], "delivery_limit", 2)
    assert await jobs.letter_image(ids[3]) == PICTURE
    assert await jobs.depth() == 0


# Keeping


async def die(jobs: Jobs, request: dict[str, Any] | None = None) -> str:
    """A new dead letter."""
    await jobs.submit(PICTURE, request or {})
    (claimed,) = await jobs.claim("w", 1, 50)
    await jobs.fail(claimed, ParseFailed("The model could not parse this picture."))
    return claimed.id


@pytest.mark.parametrize(("error", "kept"), [(ImageUndecodable(), 0), (InternalError(), 1)])
async def test_only_what_is_ours_to_mend_is_kept(jobs: Jobs, error: Any, kept: int) -> None:
    await jobs.submit(PICTURE, {})
    (claimed,) = await jobs.claim("w", 1, 50)
    assert await jobs.fail(claimed, error)
    assert len(await jobs.letters()) == kept


async def test_a_cancelled_job_leaves_no_letter(jobs: Jobs) -> None:
    job_id = await jobs.submit(PICTURE, {})
    (claimed,) = await jobs.claim("w", 1, 50)
    await jobs.cancel(job_id)
    assert not await jobs.fail(claimed, ParseFailed())
    assert await jobs.letters() == []


async def test_no_more_letters_are_kept_than_the_limit_says(connect: Connect) -> None:
    jobs = connect(dead_letters_kept=2)
    first, second, third = [await die(jobs) for _ in range(3)]
    assert [letter.id for letter in await jobs.letters()] == [third, second]
    assert await jobs.letter(first) is None and await jobs.letter_image(first) is None


async def test_an_operator_may_keep_no_letters_at_all(connect: Connect) -> None:
    jobs = connect(dead_letters_kept=0)
    letter_id = await die(jobs)
    assert await jobs.letters() == [] and await jobs.letter_image(letter_id) is None
    view = await jobs.get(letter_id)
    assert view and view.status == "failed"


async def test_letters_and_their_pictures_are_forgotten_in_time(connect: Connect) -> None:
    jobs = connect(dead_letter_ttl_seconds=1)
    await die(jobs)
    assert len(await jobs.letters()) == 1
    while await jobs.letters():
        await asyncio.sleep(0.1)
    names = [name async for name in jobs.broker.client.scan_iter(f"{jobs.broker.key()}*letter*")]
    assert names == []


async def test_a_letter_sent_again_is_a_job_of_its_own(jobs: Jobs) -> None:
    letter_id = await die(jobs, {"prompts": ["hat"]})
    job_id = await jobs.retry_letter(letter_id)
    assert job_id not in (None, letter_id)
    (claimed,) = await jobs.claim("w", 1, 50)
    assert (claimed.id, claimed.request, claimed.tries) == (job_id, {"prompts": ["hat"]}, 0)
    assert await jobs.fetch(claimed) == PICTURE
    assert await jobs.letters() == [] and await jobs.retry_letter(letter_id) is None


async def test_a_full_queue_refuses_a_letter_and_keeps_it(connect: Connect) -> None:
    jobs = connect(queue_depth=1)
    letter_id = await die(jobs)
    await jobs.submit(PICTURE, {})
    with pytest.raises(Overloaded):
        await jobs.retry_letter(letter_id)
    assert [letter.id for letter in await jobs.letters()] == [letter_id]


# The command


@pytest.fixture
def command(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """`spectrum dead-letters ...` in a thread, as it brings its own loop: (exit status, what it says)."""
    settings = make_settings()
    monkeypatch.setenv("REDIS_URL", settings.redis_url or "")
    monkeypatch.setenv("SPECTRUM_KEY_PREFIX", settings.key_prefix)

    async def run(*words: str) -> tuple[int, str]:
        status = await asyncio.to_thread(cli.main, ["dead-letters", *words])
        return status, capsys.readouterr().out

    return run


async def test_the_command_lists_shows_retries_and_drops(
    jobs: Jobs, command: Callable[..., Any], tmp_path: Path
) -> None:
    assert await command("list") == (0, "No dead letters.\n")
    first, second, third = [await die(jobs, {"prompts": [name]}) for name in ("hat", "bag", "tie")]
    status, said = await command("list")
    assert status == 0 and [line.split()[0] for line in said.splitlines()] == [third, second, first]
    assert "parse_failed" in said and "1 try" in said and f"{len(PICTURE)} bytes" in said
    status, said = await command("list", "--json")
    assert [letter["id"] for letter in json.loads(said)] == [third, second, first]
    status, said = await command("show", first, "--image", str(tmp_path / "picture"))
    assert status == 0 and 'prompts: ["hat"]' in said and (tmp_path / "picture").read_bytes() == PICTURE
    status, said = await command("show", first, "--json")
    assert json.loads(said)["error"]["code"] == "parse_failed"
    status, said = await command("retry", first, "--json")
    job_id = json.loads(said)[first]
    assert (await jobs.get(job_id)).status == "queued"
    assert await command("drop", second) == (0, f"{second}  dropped\n")
    assert (await command("drop", second))[0] == 1
    assert (await command("show", second))[0] == 1
    assert (await command("retry", "--all"))[0] == 0
    assert await command("list") == (0, "No dead letters.\n")
