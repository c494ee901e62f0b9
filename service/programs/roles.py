"""What the programs of the service share: the API on a port, the queue within reach, the model loaded."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from uvicorn.loops.auto import auto_loop_factory

from service import api
from service.delivery.jobs import Jobs
from service.errors import QueueUnavailable
from service.settings import Settings
from service.telemetry import traces
from service.web import doors

if TYPE_CHECKING:
    from model.parser import Parser


T = TypeVar("T")


class Refused(Exception):
    """A role cannot start; the message is one line for whoever started it."""


def run(program: Coroutine[Any, Any, T]) -> T:
    """What a program returns, on the fastest event loop that is installed."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(program)


def trace_as(role: Literal["api", "worker"], settings: Settings) -> None:
    """Send this process's traces where the settings say, if anywhere. Refused where that is not possible."""
    try:
        traces.configure(settings, role)
    except traces.TracingUnavailable as error:
        raise Refused(str(error)) from error


class ApiServer(uvicorn.Server):
    """Uvicorn without its own signal handlers: whoever runs it decides when it drains."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    def leave(self) -> None:
        """Say at /readyz that requests should go elsewhere, while they are still taken."""
        assert isinstance(self.config.app, FastAPI)
        self.config.app.state.draining = True


def api_server(settings: Settings, jobs: Jobs) -> ApiServer:
    """The API on Uvicorn; `should_exit` drains it within `settings.drain_seconds`."""
    config = uvicorn.Config(
        api.create(settings, jobs),
        log_config=None,  # its lines go where ours go, and requests are told by ours
        log_level="warning" if settings.log_level == "info" else settings.log_level,
        access_log=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        server_header=False,
        lifespan="on",
    )
    return ApiServer(config)


def bind(settings: Settings) -> socket.socket:
    """A listening socket at the settings' address. Refused where another program has it."""
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Refused(
            f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}. "
            "Choose another port with --port or SPECTRUM_PORT."
        ) from error


def until_told_to_stop() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets; a second one ends the process without a drain."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(sign: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(sign)

    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, told, sign)
    return stop


async def reach(settings: Settings) -> Jobs:
    """The queue, once Redis has answered. Refused where there is no address or nobody answers."""
    if settings.redis_url is None:
        raise Refused("no Redis: set REDIS_URL, or use 'spectrum serve', which brings its own server.")
    try:
        jobs = Jobs.connect(settings)
    except ValueError as error:
        raise Refused(f"REDIS_URL is no usable address: {error}") from error
    try:
        await jobs.ping()
    except QueueUnavailable as error:
        await jobs.close()
        raise Refused(f"Redis at {without_password(settings.redis_url)} does not answer.") from error
    return jobs


async def reachable(settings: Settings) -> None:
    """Return once Redis has answered; else Refused."""
    await (await reach(settings)).close()


async def guarded(settings: Settings, jobs: Jobs) -> None:
    """Return where nobody can ask who should not; else Refused: an API open to others by mistake."""
    if not doors.needs_keys(settings):
        return
    try:
        keys = await doors.store(settings, jobs.broker).all()
    except ValueError as error:
        raise Refused(f"SPECTRUM_KEYS_FILE: {error}") from error
    if settings.auth == "auto" and not any(map(doors.usable, keys)):
        raise Refused(
            f"listening on {settings.host} needs an API key, and there is none: "
            "'spectrum keys create NAME' makes one, SPECTRUM_AUTH=open lets everybody in."
        )


async def run_api(settings: Settings) -> int:
    """The API alone, until told to stop; returns the exit status."""
    listening = bind(settings)
    stop = until_told_to_stop()
    try:
        jobs = await reach(settings)
        await guarded(settings, jobs)
        server = api_server(settings, jobs)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await first_of(stop.wait(), serving)
        server.leave()
        await first_of(asyncio.sleep(settings.notice_seconds), serving)
        server.should_exit = True
        await serving
        await jobs.close()
    finally:
        listening.close()
    return 0


def load(settings: Settings) -> Parser:
    """The model, warmed up. Refused where the checkpoint is missing or broken or the device is absent."""
    check_checkpoint(settings)
    from model.parser import Parser

    with telling_checkpoint():
        parser = Parser.load(
            settings.checkpoint_path,
            device=settings.device,
            precision=settings.precision,
            threads=settings.threads,
        )
    parser.warm_up()
    return parser


@contextmanager
def telling_checkpoint() -> Iterator[None]:
    """The model's CheckpointError as Refused."""
    from model.parser import CheckpointError

    try:
        yield
    except CheckpointError as error:
        raise Refused(f"cannot load the model: {str(error).splitlines()[0]}") from error


def check_checkpoint(settings: Settings) -> None:
    """Refused where no checkpoint lies at the settings' path; says nothing of what is in it."""
    path = settings.checkpoint_path
    for name in ("config.json", "model.safetensors"):
        if not (path / name).is_file():
            raise Refused(f"no checkpoint at {path}: {name} is missing. Name another with --checkpoint.")


async def first_of(*awaited: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> None:
    """Wait until one of them ends; what was a mere coroutine is then cancelled."""
    tasks = [item if isinstance(item, asyncio.Task) else asyncio.create_task(item) for item in awaited]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, item in zip(tasks, awaited, strict=True):
        if task is not item:
            task.cancel()


def without_password(url: str) -> str:
    """The address without its users and passwords."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
