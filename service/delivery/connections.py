"""Connections to a broker wherever it is: one server, behind sentinels, or a node of a cluster.

All keys lie in one slot, so even a cluster is one server to us at any moment. A connection asks who that
server is whenever it is made; an answer which says that it is another by now ends the connection. So
after a failover the next try finds the new one, and everything else may use a plain client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from redis import exceptions as redis_errors
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.crc import key_slot

from service.delivery import addresses
from service.delivery.addresses import Address
from service.settings import Settings

Host = tuple[str, int]
# Answers of a server that is not the one any more, or not yet: the connection is made anew.
ELSEWHERE: tuple[type[Exception], ...] = (
    redis_errors.ReadOnlyError,
    redis_errors.MovedError,
    redis_errors.AskError,
    redis_errors.TryAgainError,
    redis_errors.ClusterDownError,
    redis_errors.MasterDownError,
)


class Finder:
    """Who the master is at present; asks the nodes that were named, the one that knew last time first."""

    def __init__(self, address: Address, slot: int, common: dict[str, Any]) -> None:
        self._address, self._slot = address, slot
        self._sentinel: Sentinel | None = None
        self._nodes: dict[Host, Redis] = {}
        self._options = common | {"username": address.user, "password": address.password}
        if address.kind == "sentinel":
            asking = common | {"username": address.sentinel_user, "password": address.sentinel_password}
            hosts = list(address.hosts)
            self._sentinel = Sentinel(hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
        else:
            self._remember(list(address.hosts))

    async def __call__(self) -> Host:
        """Its host and port. Raises redis's ConnectionError where nobody knows."""
        if self._sentinel is not None:
            host, port = await self._sentinel.discover_master(self._address.master)
            return str(host), int(port)
        for asked, node in list(self._nodes.items()):
            try:
                ranges: Any = await node.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
            except (redis_errors.ConnectionError, redis_errors.TimeoutError):
                continue
            for first, last, (name, port, *_), *replicas in ranges:
                if first <= self._slot <= last:
                    owner = self._host(name, port, asked)
                    self._remember([owner, *(self._host(r[0], r[1], asked) for r in replicas), asked])
                    return owner
        raise redis_errors.ConnectionError("no node of the cluster knows who has our keys")

    async def close(self) -> None:
        """Let go of the connections to those who were asked."""
        nodes = self._sentinel.sentinels if self._sentinel is not None else self._nodes.values()
        await asyncio.gather(*(node.aclose() for node in nodes))

    @staticmethod
    def _host(name: bytes | None, port: int, asked: Host) -> Host:
        return (name.decode() if name else asked[0]), int(port)  # a node alone may not know its own name

    def _remember(self, hosts: list[Host]) -> None:
        """Ask these as well from now on: those that were named may all have left the cluster."""
        for host in hosts:
            if host not in self._nodes:
                self._nodes[host] = Redis(host=host[0], port=host[1], **self._options)
        self._nodes = {host: self._nodes[host] for host in dict.fromkeys([*hosts, *self._nodes])}


class _Following:
    """A connection that asks where to go each time it is made."""

    def __init__(self, *, find: Callable[[], Awaitable[Host]], **kwargs: Any) -> None:
        self._find = find
        super().__init__(**kwargs)

    async def _connect(self) -> None:
        self.host, self.port = await self._find()
        await super()._connect()  # type: ignore[misc]


class FollowingConnection(_Following, Connection):
    """Without TLS."""


class FollowingTlsConnection(_Following, SSLConnection):
    """With TLS."""


def connect(settings: Settings, tag: str) -> tuple[Redis, Finder | None]:
    """A client for keys that all carry the hash-tag; nothing is sent yet. ValueError for a bad address.

    A command whose connection broke is sent again, after a pause that grows and varies: each of ours may
    safely run twice.
    """
    if settings.redis_url is None:
        raise ValueError("redis_url is not set: the queue has no address")
    address = addresses.read(settings.redis_url)
    seconds = settings.redis_timeout_seconds
    common: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "protocol": 2,
    }
    tls = _tls(address, settings)
    own: dict[str, Any] = common | tls | {"username": address.user, "password": address.password}
    own |= {"db": address.db, "retry_on_error": list(ELSEWHERE)}
    own["retry"] = Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.05), retries=3)
    finder = None
    kind: type[Any] = SSLConnection if address.tls else Connection
    if address.kind == "socket":
        kind, own["path"] = UnixDomainSocketConnection, address.path
    elif address.kind == "single":
        own["host"], own["port"] = address.hosts[0]
    else:
        kind = FollowingTlsConnection if address.tls else FollowingConnection
        asking = common | tls | ({"ssl": True} if address.tls else {})
        finder = own["find"] = Finder(address, key_slot(tag.encode()), asking)
    pool = BlockingConnectionPool(settings.redis_connections, seconds, kind, **own)
    return Redis.from_pool(pool), finder


def _tls(address: Address, settings: Settings) -> dict[str, str]:
    """How certificates are checked, which they always are, and our own one."""
    files: dict[str, Path | None] = {
        "ssl_ca_certs": settings.redis_ca_file,
        "ssl_certfile": settings.redis_cert_file,
        "ssl_keyfile": settings.redis_key_file,
    }
    given = {name: path for name, path in files.items() if path is not None}
    if given and not address.tls:
        raise ValueError("certificates are set, but the address is not one of TLS: rediss://...")
    for path in given.values():
        if not path.is_file():
            raise ValueError(f"there is no certificate at {path}")
    return {name: str(path) for name, path in given.items()}
