"""The service as processes: a broker with an append-only file, replicas of the API, workers."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from service.delivery.jobs import Jobs
from service.programs.embedded import AppendFsync, EmbeddedValkey, die_with_parent, free_port
from service.settings import Settings
from tests.chaos import wire

ROOT = Path(__file__).resolve().parents[2]
STUB = ("-m", "tests.chaos.stub_worker")
REAL = ("-m", "service", "worker")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_READY_SECONDS = 120.0


@dataclass
class Process:
    """A child that is started again whenever it ends; `samples` are (done so far, resident bytes)."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    starts: int = 0
    samples: list[tuple[int, int]] = field(default_factory=list)
    lives: list[list[tuple[int, int]]] = field(default_factory=list)
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, as a new life with samples of its own."""
        self.samples = []
        self.lives.append(self.samples)
        self.starts += 1
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.poll() is None

    def send(self, sign: signal.Signals) -> None:
        """A signal, where it still runs."""
        if self.child is not None and self.alive:
            self.child.send_signal(sign)

    def sample(self, done: int) -> None:
        """Note how much memory is resident."""
        try:
            pages = int(Path(f"/proc/{self.child.pid if self.child else 0}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return
        if pages:
            self.samples.append((done, pages * _PAGE))

    def end(self, seconds: float = 20.0) -> int | None:
        """SIGTERM, and SIGKILL where that takes too long; the exit status."""
        if self.child is None:
            return None
        self.send(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()


class Site:
    """All processes of one run. What is killed is started again; the first worker is never killed by us."""

    def __init__(
        self,
        folder: Path,
        *,
        apis: int,
        workers: int,
        fsync: AppendFsync,
        worker: Sequence[str],
        changes: dict[str, str],
    ) -> None:
        self.fsync = fsync
        self.broker = EmbeddedValkey(port=free_port(), max_memory="2gb", append_fsync=fsync)
        self.broker.start()
        self.settings = Settings(redis_url=self.broker.url, key_prefix="chaos")
        given = {"REDIS_URL": self.broker.url, "SPECTRUM_KEY_PREFIX": "chaos", "PYTHONPATH": str(ROOT)}
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SPECTRUM_")
        } | given | changes  # fmt: skip
        self.ports = [free_port() for _ in range(apis)]
        self.apis = [
            Process(
                f"api {number}",
                ["-m", "service", "api", "--port", str(port)],
                environment,
                folder / f"api{number}.log",
            )
            for number, port in enumerate(self.ports)
        ]
        self.workers = [
            Process(f"worker {number}", worker, environment, folder / f"worker{number}.log")
            for number in range(workers)
        ]
        self.broker_kills: list[float] = []  # moments, seconds since the epoch
        self.worker_kills = 0
        self.pauses = 0

    @property
    def processes(self) -> list[Process]:
        """All of ours but the broker."""
        return [*self.apis, *self.workers]

    async def start(self) -> None:
        """Everything up and ready. TimeoutError where it is not after two minutes."""
        for process in self.processes:
            process.start()
        deadline = monotonic() + _READY_SECONDS
        for port in self.ports:
            while not await _ready(port):
                if monotonic() > deadline:
                    raise TimeoutError(f"port {port} is not ready after {_READY_SECONDS:.0f} s")
                await asyncio.sleep(0.1)

    def revive(self) -> None:
        """Start again what has ended."""
        for process in self.processes:
            if not process.alive:
                process.start()

    def kill_a_worker(self, rng: random.Random) -> None:
        """SIGKILL to any but the first."""
        if victims := [worker for worker in self.workers[1:] if worker.alive]:
            rng.choice(victims).send(signal.SIGKILL)
            self.worker_kills += 1

    async def kill_the_broker(self, away: float) -> None:
        """SIGKILL, `away` seconds of nothing, and up again from its file."""
        import time

        self.broker_kills.append(time.time())
        self.broker.halt(signal.SIGKILL)
        await asyncio.sleep(away)
        self.broker.start()

    async def pause_the_broker(self, seconds: float) -> None:
        """SIGSTOP for so long: connections stay, answers do not come."""
        pid = self.broker.pid
        if pid is None:
            return
        self.pauses += 1
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> dict[str, int | None]:
        """End everything, workers last; the exit statuses by name."""
        try:
            return {process.name: process.end() for process in self.processes}
        finally:
            self.broker.stop()

    def queue(self) -> Jobs:
        """The queue as the processes see it."""
        return Jobs.connect(self.settings)


async def _ready(port: int) -> bool:
    try:
        return (await wire.ask(port, "GET", "/readyz")).status == 200
    except OSError:
        return False
