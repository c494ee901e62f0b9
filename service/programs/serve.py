"""`spectrum serve`: embedded Valkey, workers and the API as one tree of processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from service.delivery.jobs import Jobs
from service.programs import roles
from service.programs.embedded import EmbeddedError, EmbeddedValkey, die_with_parent
from service.programs.roles import Refused
from service.settings import Settings

Say = Callable[[str], None]

_SAMPLE = Path(__file__).resolve().parent.parent.parent / "tests" / "data" / "photos" / "0405.jpg"
_PROMPTS = ("hair", "face", "dress", "bag", "shoes", "sunglasses")
_SHORT_LIFE_SECONDS = 10.0  # a worker that dies sooner than this did not start
_TRIES = 3
_REFUSED = 2  # the exit status of a role that cannot start and has said why


async def run(settings: Settings, say: Say) -> int:
    """Serve until told to stop, then drain everything; returns the exit status.

    Refused where the port is taken, the checkpoint is missing or Redis is away.
    """
    stop = roles.until_told_to_stop()
    roles.check_checkpoint(settings)
    with ExitStack() as closing:
        listening = closing.enter_context(roles.bind(settings))
        if settings.redis_url is None:
            say("Starting the embedded Valkey ...")
            settings = settings.model_copy(update={"redis_url": _embedded(closing).url})
        jobs = await roles.reach(settings)
        await roles.guarded(settings, jobs)
        server = roles.api_server(settings, jobs)
        workers = [Worker(told, say) for told in shares(settings)]
        say(f"Loading the model {settings.checkpoint_path.name} ...")
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        watching = [asyncio.create_task(worker.watch()) for worker in workers]
        greeting = asyncio.create_task(_greet(jobs, settings, say))
        await roles.first_of(stop.wait(), serving, *watching)
        greeting.cancel()
        if stop.is_set():
            say("Finishing what is in hand ...")
        # The API first: whoever waits for an answer still needs the worker.
        server.should_exit = True
        await serving
        status = max(watched.result() if watched.done() else 0 for watched in watching)
        for watched in watching:
            watched.cancel()
        await asyncio.gather(*(worker.stop() for worker in workers))
        await jobs.close()
    return status


def shares(settings: Settings) -> list[Settings]:
    """The settings of each worker: several share the cores, and have ports for metrics one after the other.

    On two cores two workers of one thread answer half as many pictures again as one of two threads, since no
    thread waits for another; a lone picture takes longer.
    """
    count, port = settings.workers, settings.worker_metrics_port
    threads = settings.threads
    if count > 1 and threads is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = max(1, cores // count)
    return [
        settings.model_copy(update={"threads": threads, "worker_metrics_port": port + place if port else 0})
        for place in range(count)
    ]


class Worker:
    """A `spectrum worker` beside us, started anew when it dies."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings, self._say = settings, say
        self._process: asyncio.subprocess.Process | None = None

    async def watch(self) -> int:
        """Keep a worker alive; returns an exit status once there is no point in another try."""
        short_lives = 0
        while True:
            start = monotonic()
            self._process = await self._start()
            status = await self._process.wait()
            if status == _REFUSED:
                return _REFUSED
            short_lives = short_lives + 1 if monotonic() - start < _SHORT_LIFE_SECONDS else 0
            if short_lives == _TRIES:
                self._say(f"The worker ended with status {status}, {_TRIES} times in a row.")
                return 1
            self._say(f"The worker ended with status {status}; starting another ...")

    async def stop(self) -> None:
        """Let the worker drain, and end it where that takes too long."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self._settings.drain_seconds + 5)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        # A session of its own: Ctrl-C reaches it through us alone, when the API has drained.
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service",
            "worker",
            env=os.environ | _environment(self._settings),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )


def _embedded(closing: ExitStack) -> EmbeddedValkey:
    try:
        return closing.enter_context(EmbeddedValkey())
    except EmbeddedError as error:
        raise Refused(str(error)) from error


def _environment(settings: Settings) -> dict[str, str]:
    """The settings that a command line may have changed, as a child reads them."""
    told = {
        "REDIS_URL": settings.redis_url,
        "SPECTRUM_CHECKPOINT": settings.checkpoint_path.resolve(),
        "SPECTRUM_DEVICE": settings.device,
        "SPECTRUM_THREADS": settings.threads,
        "SPECTRUM_WORKER_METRICS_PORT": settings.worker_metrics_port,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


async def _greet(jobs: Jobs, settings: Settings, say: Say) -> None:
    """Say where the service is as soon as its workers live."""
    while len(await jobs.workers()) < settings.workers:
        await asyncio.sleep(0.1)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{settings.port}"
    photo = _SAMPLE if _SAMPLE.is_file() else Path("photo.jpg")
    with_folder = Path(os.path.relpath(photo)) if photo.is_file() else photo
    say(
        f"Ready.\n"
        f"  playground  {address}/\n"
        f"  API         {address}/docs\n"
        f"  try         curl -F image=@{with_folder} "
        f"{' '.join(f'-F prompts={word}' for word in _PROMPTS)} {address}/parse"
    )
