"""A service of our own to measure, and callers of it."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from queue import SimpleQueue
from time import monotonic, perf_counter, sleep
from typing import Any

from service.programs.bench_line import Line
from service.programs.embedded import free_port
from service.programs.roles import Refused
from service.settings import Settings

_READY_SECONDS = 300.0
_ANSWER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`id` of the parsing; empty where the service told of a failure, None where it told nothing.

    `timings_ms` are the answer's own.
    """

    id: str | None
    seconds: float
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """A `spectrum serve`: its port, and that of each worker's metrics."""

    port: int
    metrics: tuple[int, ...]

    def busy_seconds(self) -> float:
        """How long its workers, added up, have been in forward passes."""
        return sum(map(_busy_seconds, self.metrics))


@contextmanager
def serve_tree(settings: Settings) -> Iterator[Tree]:
    """A `spectrum serve` of our own with the same checkpoint; drained at the end."""
    port, first = free_port(), free_port()
    command = [sys.executable, "-m", "service", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--checkpoint", str(settings.checkpoint_path.resolve()), "--device", settings.device]
    command += ["--workers", str(settings.workers)]
    if settings.threads is not None:
        command += ["--threads", str(settings.threads)]
    quiet = {
        name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "SPECTRUM_REDIS_URL")
    } | {"SPECTRUM_WORKER_METRICS_PORT": str(first)}
    tree = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=quiet)
    try:
        _until_ready(port, tree)
        yield Tree(port, tuple(range(first, first + settings.workers)))
    finally:
        tree.send_signal(signal.SIGTERM)
        try:
            tree.wait(settings.drain_seconds + 15)
        except subprocess.TimeoutExpired:
            tree.kill()
            tree.wait()


def _busy_seconds(port: int) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = re.search(r"^parse_device_busy_seconds_total (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _until_ready(port: int, tree: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + _READY_SECONDS
    while monotonic() < deadline:
        if tree.poll() is not None:
            raise Refused(f"'spectrum serve' ended with status {tree.returncode}.")
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass  # not listening yet
        finally:
            connection.close()
        sleep(0.1)
    raise Refused(f"'spectrum serve' was not ready within {_READY_SECONDS:.0f} s.")


def post_all(port: int, bodies: Sequence[bytes], clients: int) -> tuple[float, list[Answer]]:
    """(wall seconds, answers) of all pictures, each client with one connection kept open."""
    lines = [Line(port, _ANSWER_SECONDS) for _ in range(clients)]
    free = SimpleQueue[Line]()

    def one(body: bytes) -> Answer:
        line = free.get()
        try:
            return post(line, body)
        finally:
            free.put(line)

    for line in lines:
        free.put(line)
    with ThreadPoolExecutor(clients) as pool:
        start = perf_counter()
        answers = list(pool.map(one, bodies))
        seconds = perf_counter() - start
    for line in lines:
        line.close()
    return seconds, answers


def post(line: Line, body: bytes) -> Answer:
    """Post one picture and wait for its result, by way of its job where the server says 202."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="picture"\r\n\r\n'
    form = head.encode() + body + f"\r\n--{boundary}--\r\n".encode()
    start = perf_counter()
    try:
        told, end = _ask(line, "POST", "/parse", form, f"multipart/form-data; boundary={boundary}")
        while told.get("status") in ("queued", "running"):
            sleep(0.1)
            told, end = _ask(line, "GET", f"/jobs/{told['id']}")
    except (OSError, ValueError):
        line.close()
        return Answer(None, perf_counter() - start)
    told = told.get("result", told)
    if told.get("object") != "parsing":
        return Answer("", end - start)
    return Answer(told["id"], end - start, told["timings_ms"])


def _ask(
    line: Line, method: str, path: str, body: bytes = b"", kind: str = "text/plain"
) -> tuple[dict[str, Any], float]:
    """The answer, and when its last byte was there: what its reader makes of it is no time of the service."""
    answer = line.ask(method, path, body, kind)
    end = perf_counter()
    told: dict[str, Any] = json.loads(answer)
    return told, end
