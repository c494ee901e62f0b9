"""Ray for the length of a run: a small one of our own that calls nobody, or a cluster by its address."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory, gettempdir

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # which else goes to an address outside
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_enable_metrics_collection": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_worker_niceness": "0",  # whoever wants it nice starts the command so
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class FlowFailed(RuntimeError):
    """Ray could not be started or reached, or an actor failed; the message is for whoever started the run."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The actors: how many (None: what a cluster has room for), whether each holds a GPU, and whose Ray they
    run on (None: one of our own).

    `memory` is the object store's of a Ray of our own, in bytes; `block` the pictures that go to an actor at
    once.
    """

    actors: int | None
    gpu: bool = False
    address: str | None = None
    memory: int = 256 * 2**20
    block: int = 16

    def size(self) -> int:
        """How many actors there are to be, Ray being there."""
        import ray

        if self.actors is not None:
            return self.actors
        return max(1, int(ray.cluster_resources().get("GPU" if self.gpu else "CPU", 1)))


@contextmanager
def ray_for(pool: Pool) -> Iterator[None]:
    """Ray for the length of the block. One of our own calls nobody, and obeys whoever has its token.

    FlowFailed where it does not start, or is not there.
    """
    os.environ.update(_QUIET)
    with ExitStack() as held:
        if pool.address is None:
            _start(pool, held.enter_context(_scratch()))
        else:
            _reach(pool.address)
        held.callback(_end)
        yield


def _start(pool: Pool, scratch: str) -> None:
    """A Ray of our own, on this machine's own address alone."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    import ray

    with _telling(), _apart(), _unsaid():
        ray.init(
            address="local",
            num_cpus=pool.actors,
            num_gpus=pool.actors if pool.gpu else 0,
            object_store_memory=pool.memory,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
            _temp_dir=scratch,
        )


def _reach(address: str) -> None:
    """A cluster, which has its own token where it wants one."""
    import ray

    with _telling(), _unsaid():
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)


def _end() -> None:
    import ray

    ray.shutdown()


@contextmanager
def _telling() -> Iterator[None]:
    """A start that fails as FlowFailed."""
    try:
        yield
    except Exception as error:  # a node that starts too slowly is told by an Exception and no more
        why = str(error).partition("\n")[0] or type(error).__name__
        raise FlowFailed(f"Ray does not start: {why}") from error


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder for Ray's sockets and logs; its path is short, since a socket's may have 107 bytes at most."""
    folder = gettempdir()
    short = folder if len(folder) <= 30 else "/tmp"
    with TemporaryDirectory(prefix="ray-", dir=short, ignore_cleanup_errors=True) as scratch:
        yield scratch


@contextmanager
def _apart() -> Iterator[None]:
    """Start processes in a group of their own: a signal to ours, as Ctrl-C or `timeout` sends it, must not
    end Ray before what is in hand has come back."""
    group = os.getpgid(0)
    with suppress(OSError):  # we lead a session of our own, and cannot
        os.setpgid(0, 0)
    try:
        yield
    finally:
        with suppress(OSError):
            os.setpgid(0, group)


@contextmanager
def _unsaid() -> Iterator[None]:
    """Drop what Ray's libraries write to standard error as they start; faults come as exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
