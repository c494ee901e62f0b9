"""The way to Redis: connections, names of keys, scripts, and Redis's failures told as ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import exceptions as redis_errors
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from service.delivery import connections
from service.delivery.connections import Finder
from service.errors import QueueOutOfMemory, QueueUnavailable
from service.settings import Settings

SCRIPTS = (
    "submit",
    "look",
    "group",
    "take",
    "alone",
    "lease",
    "finish",
    "beat",
    "retire",
    "load",
    "fetch",
    "letter",
    "drop",
    "ask",
    "leave",
    "hook",
    "ring",
    "rung",
    "enter",
    "exit",
)
_GONE = "The queue cannot be reached at present."
_LUA = Path(__file__).with_name("lua")
_AWAY: tuple[type[Exception], ...] = (
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    *connections.ELSEWHERE,
)
# Of a server that takes no writes at present, or that has just become a replica.
_UNWILLING = ("MISCONF", "NOREPLICAS", "UNBLOCKED")


class Broker:
    """A client whose keys all carry one prefix, which is their hash-tag too: one slot in a cluster."""

    def __init__(
        self, client: Redis, prefix: str, timeout_seconds: float, finder: Finder | None = None
    ) -> None:
        self.client = client
        self._finder = finder
        self._tag = hash_tag(prefix)
        self._longest_block = max(1, round(timeout_seconds * 500))
        self._scripts = {name: client.register_script(_source(name)) for name in SCRIPTS}

    @classmethod
    def connect(cls, settings: Settings) -> Broker:
        """Nothing is sent yet. ValueError without a usable address."""
        client, finder = connections.connect(settings, hash_tag(settings.key_prefix))
        return cls(client, settings.key_prefix, settings.redis_timeout_seconds, finder)

    def key(self, *parts: str) -> str:
        """The name of a key."""
        return ":".join((self._tag, *parts))

    def block_ms(self, wanted: int) -> int:
        """How long a command may block (ms) without its connection being held for dead; never 0."""
        return max(1, min(wanted, self._longest_block))

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[bytes | str | int]) -> Any:
        """What a script of `lua/` returns."""
        with translated():
            return await self._scripts[script](list(keys), list(arguments))

    async def run_behind(
        self,
        command: Callable[[Pipeline], object],
        script: str,
        keys: Sequence[str],
        arguments: Sequence[bytes | str | int],
    ) -> tuple[Any, Any]:
        """What a command gives, and a script of `lua/` after it, for one way there and back.

        The command may block: the script waits behind it.
        """
        behind = self._scripts[script]
        with translated():
            async with self.client.pipeline(transaction=False) as both:
                command(both)
                both.evalsha(behind.sha, len(keys), *keys, *arguments)
                first, second = await both.execute(raise_on_error=False)
            if isinstance(first, Exception):
                raise first
            if isinstance(second, redis_errors.NoScriptError):
                second = await behind(list(keys), list(arguments))
            if isinstance(second, Exception):
                raise second
        return first, second

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.aclose()
        if self._finder is not None:
            await self._finder.close()


def hash_tag(prefix: str) -> str:
    """What every key begins with; a cluster chooses the slot by it."""
    return "{" + prefix + "}"


def _source(name: str) -> str:
    """A script of `lua/`, with the file put in that a line `-- include NAME` names."""
    text = (_LUA / f"{name}.lua").read_text(encoding="utf-8")
    for included in re.findall(r"^-- include (\w+)$", text, re.MULTILINE):
        part = (_LUA / f"{included}.lua").read_text(encoding="utf-8")
        text = text.replace(f"-- include {included}\n", part)
    return text


@contextmanager
def translated() -> Iterator[None]:
    """Redis's failures as ours: QueueUnavailable, QueueOutOfMemory."""
    try:
        yield
    except redis_errors.OutOfMemoryError as error:
        raise QueueOutOfMemory("The queue has no memory for another picture.", retry_after=10) from error
    except _AWAY as error:
        raise QueueUnavailable(_GONE, retry_after=5) from error
    except redis_errors.ResponseError as error:
        if not str(error).startswith(_UNWILLING):
            raise
        raise QueueUnavailable(_GONE, retry_after=5) from error
