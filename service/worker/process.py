"""A worker: what it serves, how long, and how it tells that it lives."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import prometheus_client
from uvicorn.loops.auto import auto_loop_factory

from service.delivery.jobs import Jobs
from service.errors import QueueUnavailable
from service.settings import Settings
from service.worker.batching import Budget
from service.worker.craft import Craft, craft_of
from service.worker.device import DevicePoisoned, DeviceStuck
from service.worker.hardware import hardware, watch_gpu
from service.worker.holding import Holding, happens
from service.worker.memory import keep_freed
from service.worker.pipeline import Pipeline

if TYPE_CHECKING:
    from model.parser import Parser

log = logging.getLogger(__name__)

MISSED_BEATS = 5  # after so many a worker counts as dead


def run_worker(settings: Settings) -> None:
    """Load the model, then serve until SIGTERM or SIGINT.

    Raises model.parser's CheckpointError (a ValueError) where the checkpoint is missing or broken.
    SystemExit(1) where the device is lost or stuck or the drain took too long: a supervisor should restart.
    """
    from model.parser import Parser

    if settings.redis_url is None:  # told before the slow part
        raise ValueError("redis_url is not set: the worker has no queue")
    keep_freed()
    parser = Parser.load(
        settings.checkpoint_path,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
    )
    parser.warm_up()
    if settings.worker_metrics_port:
        prometheus_client.start_http_server(settings.worker_metrics_port, settings.host)
    watch_gpu()
    try:
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            drained = runner.run(serve(settings, craft_of(parser, settings), about(parser, settings)))
    except* DeviceStuck as stuck:
        log.critical("the worker ends: %s", stuck.exceptions[0])
        drained = False
    except* DevicePoisoned as lost:
        log.critical("the worker ends: %s", lost.exceptions[0])
        raise SystemExit(1) from lost
    if not drained:
        logging.shutdown()
        os._exit(1)  # a thread still computes; an ordinary exit would wait for it


def about(parser: Parser, settings: Settings) -> dict[str, Any]:
    """What a worker tells of itself."""
    device = str(getattr(parser, "device", settings.device))
    told = {"name": parser.name, "revision": parser.revision, "device": device}
    return {**told, "precision": parser.precision, **hardware(device)}


async def serve(settings: Settings, craft: Craft, info: dict[str, Any]) -> bool:
    """`work` until a signal comes, published meanwhile; False where the drain took too long."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    jobs = Jobs.connect(settings)
    consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        async with published(jobs, consumer, info, settings.heartbeat_seconds):
            return await work(
                jobs,
                craft,
                stop,
                consumer=consumer,
                budget=Budget(settings.batch_pixels, settings.batch_size),
                lease_seconds=settings.lease_seconds,
                drain_seconds=settings.drain_seconds,
                decode_threads=settings.decode_threads,
                forward_seconds=settings.forward_seconds,
            )
    finally:
        await jobs.close()


@asynccontextmanager
async def published(jobs: Jobs, consumer: str, info: dict[str, Any], seconds: float) -> AsyncIterator[None]:
    """Tell every `seconds` that this worker lives, and at the end that it has left."""

    async def tell() -> None:
        while True:
            try:
                await jobs.beat(consumer, info, seconds * MISSED_BEATS)
            except QueueUnavailable:
                log.debug("no heartbeat: the broker is away")
            except Exception:  # a worker that works must not be taken for dead
                log.exception("no heartbeat")
            if await happens(over, seconds):
                return

    over = asyncio.Event()
    telling = asyncio.create_task(tell(), name="heartbeat")
    try:
        yield
    finally:
        over.set()
        await telling
        try:
            await jobs.retire(consumer)
        except QueueUnavailable:
            log.warning("left without a word: the broker is away")


async def work(
    jobs: Jobs,
    craft: Craft,
    stop: asyncio.Event,
    *,
    consumer: str,
    budget: Budget,
    lease_seconds: float = 30.0,
    drain_seconds: float = 30.0,
    decode_threads: int = 2,
    forward_seconds: float = 300.0,
) -> bool:
    """Serve until `stop`, then finish what is in hand; False where that took more than `drain_seconds`.

    The lease is renewed while a batch is on the device: the model sits in a thread, this loop stays
    awake. While it computes, the next batch is claimed and decoded. A worker that dies stops renewing
    and its jobs go to another, so everything in `craft` must be safe to run twice. What a drain leaves
    undone goes back to the queue. Raises DevicePoisoned (in an ExceptionGroup): the process must end.
    """
    holding = Holding(jobs, consumer, lease_seconds)
    pipeline = Pipeline(
        holding, craft, stop, budget, decode_threads=decode_threads, forward_seconds=forward_seconds
    )
    running = asyncio.create_task(pipeline.run(), name="worker")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=drain_seconds)
        if running.done():
            await running
            return True
        log.warning("the drain took more than %s s: what is in hand goes back", drain_seconds)
        return False
    finally:
        stopping.cancel()
        while not running.done():
            running.cancel()  # again, in case that it was swallowed on the way
            await asyncio.wait({running}, timeout=1.0)
        await pipeline.let_go()
