"""`spectrum bench service`: what the service costs over the bare model, on the same pictures, in one run."""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice
from pathlib import Path
from queue import SimpleQueue
from statistics import quantiles
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any

from service import images
from service.programs import roles
from service.programs.embedded import free_port
from service.programs.roles import Refused
from service.settings import Settings

if TYPE_CHECKING:
    from model.parser import Parser

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_READY_SECONDS = 300.0
_ANSWER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`count` pictures of a folder, taken round, posted by `clients` at once; numbers also to `json`."""

    pictures: Path
    count: int = 200
    clients: int = 8
    json: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome; seconds of wall time, `ratio` the service's over the bare model's."""

    pictures: int
    clients: int
    answered: int
    failed: int
    lost: int
    service_seconds: float
    bare_seconds: float
    bare_decode_seconds: float
    ratio: float
    pictures_per_second: float
    latency_p50_ms: float
    latency_p95_ms: float
    device: str
    cpus: int
    machine: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """`id` of the parsing; empty where the service told of a failure, None where it told nothing."""

    id: str | None
    seconds: float


def run(plan: Plan, settings: Settings, say: Callable[[str], None]) -> int:
    """Measure, print JSON and a table; 0 where every picture was answered once, else 1.

    Half of the bare model's pictures go before the service and half behind it, so that a machine which
    grows warm or busy meanwhile speaks for neither side. Both are measured at their own best: the bare
    model in this process with nothing else running, decoding left out of its time.
    """
    bodies = _bodies(plan)
    parser = roles.load(settings)
    middle = len(bodies) // 2
    first = _bare(parser, bodies[:middle], settings)
    with _serve_tree(settings) as port:
        seconds, answers = _post_all(port, bodies, plan.clients)
    second = _bare(parser, bodies[middle:], settings)
    bare = (first[0] + second[0], first[1] + second[1])
    report = _report(plan, seconds, answers, bare, str(getattr(parser, "device", settings.device)))
    text = json.dumps(asdict(report), indent=1)
    if plan.json is not None:
        plan.json.write_text(text + "\n", encoding="utf-8")
    say(text)
    say(_table(report))
    return 0 if report.answered == plan.count and not report.lost else 1


def _bodies(plan: Plan) -> list[bytes]:
    """`count` pictures' bytes, the folder's files over and over."""
    if not plan.pictures.is_dir():
        raise Refused(f"there is no folder {plan.pictures}.")
    files = sorted(path for path in plan.pictures.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise Refused(f"there is no picture in {plan.pictures}.")
    held = [path.read_bytes() for path in files[: plan.count]]
    return list(islice(cycle(held), plan.count))


def _bare(parser: Parser, bodies: Sequence[bytes], settings: Settings) -> tuple[float, float]:
    """(seconds in the model, seconds of decoding), one picture after the other."""
    from model.parser import Query

    limits, query = images.Limits.of(settings), Query()
    forward = decoding = 0.0
    for body in bodies:
        start = perf_counter()
        picture = images.decode(body, limits)
        middle = perf_counter()
        parser.parse([picture], [query])
        forward += perf_counter() - middle
        decoding += middle - start
    return forward, decoding


@contextmanager
def _serve_tree(settings: Settings) -> Iterator[int]:
    """The port of a `spectrum serve` of our own with the same checkpoint; drained at the end."""
    port = free_port()
    command = [sys.executable, "-m", "service", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--checkpoint", str(settings.checkpoint_path.resolve()), "--device", settings.device]
    if settings.threads is not None:
        command += ["--threads", str(settings.threads)]
    quiet = {
        name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "SPECTRUM_REDIS_URL")
    }
    tree = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=quiet)
    try:
        _until_ready(port, tree)
        yield port
    finally:
        tree.send_signal(signal.SIGTERM)
        try:
            tree.wait(settings.drain_seconds + 15)
        except subprocess.TimeoutExpired:
            tree.kill()
            tree.wait()


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


def _post_all(port: int, bodies: Sequence[bytes], clients: int) -> tuple[float, list[_Answer]]:
    """(wall seconds, answers) of all pictures, each client with one connection kept open."""
    connections = [HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS) for _ in range(clients)]
    free = SimpleQueue[HTTPConnection]()

    def post(body: bytes) -> _Answer:
        connection = free.get()
        try:
            return _post(connection, body)
        finally:
            free.put(connection)

    for connection in connections:
        free.put(connection)
    with ThreadPoolExecutor(clients) as pool:
        start = perf_counter()
        answers = list(pool.map(post, bodies))
        seconds = perf_counter() - start
    for connection in connections:
        connection.close()
    return seconds, answers


def _post(connection: HTTPConnection, body: bytes) -> _Answer:
    """Post one picture and wait for its result, by way of its job where the server says 202."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="picture"\r\n\r\n'
    form = head.encode() + body + f"\r\n--{boundary}--\r\n".encode()
    start = perf_counter()
    try:
        told = _ask(connection, "POST", "/parse", form, f"multipart/form-data; boundary={boundary}")
        while told.get("status") in ("queued", "running"):
            sleep(0.1)
            told = _ask(connection, "GET", f"/jobs/{told['id']}")
    except (OSError, HTTPException, ValueError):
        connection.close()
        return _Answer(None, perf_counter() - start)
    told = told.get("result", told)
    return _Answer(told["id"] if told.get("object") == "parsing" else "", perf_counter() - start)


def _ask(
    connection: HTTPConnection, method: str, path: str, body: bytes | None = None, kind: str = "text/plain"
) -> dict[str, Any]:
    connection.request(method, path, body, {"Content-Type": kind})
    told: dict[str, Any] = json.loads(connection.getresponse().read())
    return told


def _report(
    plan: Plan, seconds: float, answers: Sequence[_Answer], bare: tuple[float, float], device: str
) -> Report:
    told = [answer for answer in answers if answer.id is not None]
    answered = len({answer.id for answer in told if answer.id})
    latencies = [1000 * answer.seconds for answer in told] or [0.0]
    percentiles = quantiles(latencies * 2, n=20, method="inclusive")  # twice: one answer is enough
    return Report(
        pictures=plan.count,
        clients=plan.clients,
        answered=answered,
        failed=sum(answer.id == "" for answer in told),
        lost=plan.count - answered - sum(answer.id == "" for answer in told),
        service_seconds=round(seconds, 2),
        bare_seconds=round(bare[0], 2),
        bare_decode_seconds=round(bare[1], 2),
        ratio=round(seconds / bare[0], 3),
        pictures_per_second=round(answered / seconds, 2),
        latency_p50_ms=round(percentiles[9], 1),
        latency_p95_ms=round(percentiles[18], 1),
        device=device,
        cpus=os.cpu_count() or 1,
        machine=platform.machine(),
    )


def _table(report: Report) -> str:
    """The numbers that matter, for people."""
    rows = [
        ("pictures, clients", f"{report.pictures}, {report.clients}"),
        ("answered, failed, lost", f"{report.answered}, {report.failed}, {report.lost}"),
        ("service", f"{report.service_seconds:.1f} s, {report.pictures_per_second:.2f} pictures a second"),
        ("bare model", f"{report.bare_seconds:.1f} s (and {report.bare_decode_seconds:.1f} s of decoding)"),
        ("service / bare model", f"{report.ratio:.3f}"),
        ("latency, median and 95 %", f"{report.latency_p50_ms:.0f} ms, {report.latency_p95_ms:.0f} ms"),
        ("device, CPUs", f"{report.device}, {report.cpus} ({report.machine})"),
    ]
    return "\n".join(f"{name:<26}{value}" for name, value in rows)
