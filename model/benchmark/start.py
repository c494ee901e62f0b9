"""`spectrum bench start`: from a process's first moment until it could answer."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from model.benchmark.report import Row

NOTES = (
    "python: the interpreter and our package; import: the model's modules, PyTorch among them; load: the",
    "checkpoint; warm-up: one picture. The files are in the page cache from the second process on.",
)
PATIENCE = 120.0
_PROGRAM = """
import json, sys, time
born = float(sys.argv[1])
told = {"python": time.time() - born}
def lap(name, since=[time.time()]):
    told[name] = time.time() - since[0]
    since[0] = time.time()
import torch
lap("import torch")
from model.parser import Parser
lap("import model")
threads = None if sys.argv[4] == "None" else int(sys.argv[4])
parser = Parser.load(sys.argv[2], device=sys.argv[3], threads=threads)
lap("load")
parser.warm_up()
lap("warm-up")
told["all"] = time.time() - born
told["cpu"] = time.process_time()
told["modules"] = len(sys.modules)
print(json.dumps(told))
"""


def rows(folder: Path, device: str, threads: int | None, times: int, *, service: bool) -> list[Row]:
    """A row for each process started, seconds; the first may still read files from the disk."""
    found = [_once(folder, device, threads) for _ in range(times)]
    if service:
        found += [{"what": "serve", "all": _serve(folder, device, threads)} for _ in range(times)]
    return found


def _once(folder: Path, device: str, threads: int | None) -> Row:
    command = [sys.executable, "-c", _PROGRAM, repr(time.time()), str(folder), device, str(threads)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"the process was not ready within {PATIENCE:.0f} s") from error
    if done.returncode:
        raise ValueError(f"the process ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {"what": "model", **told}


def _serve(folder: Path, device: str, threads: int | None) -> float:
    """Seconds from the start of `spectrum serve` until it says that it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--checkpoint", str(folder.resolve()), "--device", device]
    if threads is not None:
        command += ["--threads", str(threads)]
    begun = time.monotonic()
    with _running(command) as tree:
        while time.monotonic() - begun < PATIENCE:
            if tree.poll() is not None:
                raise ValueError(f"'spectrum serve' ended with status {tree.returncode}")
            if _ready(port):
                return time.monotonic() - begun
            time.sleep(0.05)  # each look costs the service, which has other things to do, some of its time
    raise ValueError(f"'spectrum serve' was not ready within {PATIENCE:.0f} s")


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = {
        name: value for name, value in os.environ.items() if not re.fullmatch(r"(SPECTRUM_)?REDIS_URL", name)
    }
    tree = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet)
    try:
        yield tree
    finally:
        tree.send_signal(signal.SIGTERM)
        try:
            tree.wait(60)
        except subprocess.TimeoutExpired:
            tree.kill()
            tree.wait()


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
