"""Who may be in danger together."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.worker.danger import Danger


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), max_size=12))
async def test_a_suspect_is_alone_and_everybody_gets_a_turn(jobs: list[tuple[bool, int, int]]) -> None:
    danger, inside, done = Danger(), [], []

    async def live(number: int, alone: bool, before: int, during: int) -> None:
        for _ in range(before):
            await asyncio.sleep(0)
        async with danger.enter(alone=alone):
            inside.append((number, alone))
            for _ in range(during + 1):
                assert len(inside) == 1 or not any(suspect for _, suspect in inside)
                await asyncio.sleep(0)
            inside.remove((number, alone))
        done.append(number)

    await asyncio.wait_for(asyncio.gather(*(live(n, *job) for n, job in enumerate(jobs))), 30)
    assert sorted(done) == list(range(len(jobs)))


@pytest.mark.parametrize("alone", [True, False])
async def test_one_who_gives_up_at_the_door_keeps_nobody_out(alone: bool) -> None:
    danger = Danger()
    async with danger.enter(alone=not alone):
        waiting = asyncio.create_task(danger.enter(alone=alone).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    for kind in (True, False):
        async with asyncio.timeout(30), danger.enter(alone=kind):
            pass


async def test_ordinary_jobs_are_in_danger_together() -> None:
    danger = Danger()
    async with asyncio.timeout(30), danger.enter(alone=False), danger.enter(alone=False):
        pass
