"""What befalls the service while callers are at it, told by how far they have come."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from time import monotonic

from service.errors import QueueUnavailable
from tests.chaos.processes import Site
from tests.chaos.traffic import Traffic

KILL_BROKER_AT = (0.2, 0.45, 0.7)
PAUSE_BROKER_AT = (0.85,)
SETTLE_SECONDS = 60.0
_TICK = 0.2


@dataclass(frozen=True, slots=True)
class Violence:
    """A worker is killed about `kill_every` seconds; the broker is `away` and `paused` for so many."""

    kill_every: float = 3.0
    away: float = 1.0
    paused: float = 4.0


async def befall(
    site: Site, traffic: Traffic, total: int, rng: random.Random, violence: Violence, quiet: asyncio.Event
) -> None:
    """Kill and revive until `quiet`; memory is sampled at every step."""
    kills, pauses = list(KILL_BROKER_AT), list(PAUSE_BROKER_AT)
    next_kill = monotonic() + violence.kill_every
    while not quiet.is_set():
        share = traffic.done / total
        if kills and share >= kills[0]:
            kills.pop(0)
            await site.kill_the_broker(violence.away)
        elif pauses and share >= pauses[0]:
            pauses.pop(0)
            await site.pause_the_broker(violence.paused)
        if monotonic() >= next_kill:
            site.kill_a_worker(rng)
            next_kill = monotonic() + violence.kill_every * rng.uniform(0.5, 1.5)
        watch(site, traffic)
        await asyncio.sleep(_TICK)


def watch(site: Site, traffic: Traffic) -> None:
    """Start again what has died, and sample what lives."""
    site.revive()
    for process in site.processes:
        process.sample(traffic.done)


async def settle(site: Site, traffic: Traffic) -> None:
    """Return once the queue is empty, or not within a minute."""
    jobs = site.queue()
    deadline = monotonic() + SETTLE_SECONDS
    try:
        while monotonic() < deadline:
            watch(site, traffic)
            try:
                if await jobs.depth() == 0:
                    return
            except QueueUnavailable:
                pass
            await asyncio.sleep(_TICK)
    finally:
        await jobs.close()
