"""The queue on servers of other shapes: with TLS and ACL users, behind Sentinel, as a Cluster.

Each is started here, on free ports, from the program that the other tests use (SPECTRUM_TEST_SERVER, else
the embedded Valkey).
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import NoPermissionError, RedisError

from service.delivery.jobs import Jobs
from service.errors import Overloaded, ParseFailed, QueueUnavailable
from service.programs.embedded import EmbeddedValkey, die_with_parent, free_port, valkey_binary
from service.settings import Settings
from tests.integration.conftest import SERVER

PICTURE = b"any bytes"
Connect = Callable[[Settings], Jobs]
T = TypeVar("T")


@contextmanager
def server(folder: Path, *options: str, config: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A server process in a folder of its own; `config` becomes its configuration file."""
    folder.mkdir(exist_ok=True)
    words = [str(SERVER or valkey_binary())]
    if config is not None:
        (folder / "server.conf").write_text(config)
        words.append("server.conf")
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*words, *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            process_group=0,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def plain(port: int) -> list[str]:
    """Options of a server that keeps nothing."""
    return ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"]


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Redis]:
    """A client of the server itself, once it answers."""
    connection = Redis(host="127.0.0.1", port=port, protocol=2)
    try:
        await until(connection.ping)
        yield connection
    finally:
        await connection.aclose()


async def until(call: Callable[[], Awaitable[T]], right: Callable[[T], bool] = bool) -> T:
    """What `call` gives once it gives what is right; failures on the way are tries."""
    while True:
        with suppress(RedisError, QueueUnavailable):
            found = await call()
            if right(found):
                return found
        await asyncio.sleep(0.05)


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[Settings], Jobs]]:
    """Queues that are closed after the test."""
    opened: list[Jobs] = []

    def make(settings: Settings) -> Jobs:
        opened.append(Jobs.connect(settings))
        return opened[-1]

    yield make
    for jobs in opened:
        await jobs.close()


async def all_of_it(jobs: Jobs) -> None:
    """Every kind of thing that the queue does."""
    await jobs.beat("w", {"name": "mini"}, 9)
    assert await jobs.workers() == [{"worker": "w", "name": "mini"}]
    done, failed, cancelled = [await jobs.submit(PICTURE, {"number": number}) for number in range(3)]
    waiting = asyncio.create_task(jobs.wait(done, 30))
    claimed = {job.id: job for job in await jobs.claim("w", 3, 100)}
    assert await jobs.fetch(claimed[done]) == PICTURE
    assert await jobs.rest("w", [claimed[done]]) == {done}
    assert await jobs.begin("w", list(claimed.values())) == set(claimed)
    assert await jobs.renew("w", list(claimed.values())) == set()
    assert await jobs.finish(claimed[done], {"sum": 1})
    assert await jobs.fail(claimed[failed], ParseFailed())
    assert await jobs.cancel(cancelled)
    view = await waiting
    assert view and view.result == {"sum": 1}
    assert [letter.id for letter in await jobs.letters()] == [failed]
    again = await jobs.retry_letter(failed)
    (claim,) = await jobs.claim("w", 1, 100)
    assert claim.id == again
    await jobs.release("w", [claim], untried=True)
    assert await jobs.cancel(claim.id) and await jobs.would_refuse() is None
    assert await jobs.begin("w", [claim, claimed[cancelled]]) == set()
    assert await jobs.oldest_age() >= 0.0
    assert await jobs.claim("another", 8, 1) == []
    await jobs.retire("w")
    assert await jobs.depth() == 0


# TLS and users


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority whose certificate lies in ca.pem, with one of ours in own.pem."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("worker.test").private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    return authority


def users(folder: Path) -> str:
    """A file with one user, who may touch the queue's own keys and administer nothing."""
    rules = "~{spectrum}:* &* +@all -@admin -@dangerous"
    (folder / "users.acl").write_text(f"user default off\nuser spectrum on >p@ss/word {rules}\n")
    return str(folder / "users.acl")


def secured(port: int, folder: Path, host: str = "localhost", **changes: Any) -> Settings:
    """Settings for a server with TLS."""
    values = {
        "redis_url": f"rediss://spectrum:p%40ss%2Fword@{host}:{port}/0",
        "redis_ca_file": folder / "ca.pem",
        "redis_cert_file": folder / "own.pem",
        "redis_key_file": folder / "own.pem",
        "redis_timeout_seconds": 2.0,
    }
    return Settings.model_validate(values | changes)


@asynccontextmanager
async def terminator(authority: trustme.CA, port: int) -> AsyncIterator[int]:
    """TLS in front of a plain server, as a load balancer does it; callers need a certificate, too."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pour(reader, inner_writer), pour(inner_reader, writer))

    listening = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    try:
        yield int(listening.sockets[0].getsockname()[1])
    finally:
        listening.close()


async def hold_to_tls(connect: Connect, port: int, folder: Path) -> None:
    """The whole queue works over TLS, and no connection comes about that is not checked."""
    jobs = connect(secured(port, folder))
    await until(jobs.ping, lambda _: True)
    await all_of_it(jobs)
    with pytest.raises(NoPermissionError):
        await jobs.broker.client.get("another")
    with pytest.raises(NoPermissionError):
        await jobs.broker.client.config_get("*")
    strangers = [
        secured(port, folder, redis_ca_file=None),
        secured(port, folder, host="127.0.0.1"),  # the certificate names localhost
        secured(port, folder, redis_url=f"rediss://spectrum:wrong@localhost:{port}"),
        secured(port, folder, redis_url=f"rediss://localhost:{port}"),
    ]
    for settings in strangers:
        stranger = connect(settings)
        with pytest.raises(QueueUnavailable):
            await stranger.depth()


async def test_tls_is_checked_both_ways_and_users_do_what_they_may(
    authority: trustme.CA, tmp_path: Path, connect: Connect
) -> None:
    port = free_port()
    with server(tmp_path / "server", *plain(port), "--aclfile", users(tmp_path)):
        async with terminator(authority, port) as outer:
            await hold_to_tls(connect, outer, tmp_path)


async def test_tls_of_the_server_itself(authority: trustme.CA, tmp_path: Path, connect: Connect) -> None:
    port = free_port()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    files = {"cert": "server.pem", "key": "server.pem", "ca-cert": "ca.pem"}
    options = ["--tls-port", str(port), "--port", "0", "--save", "", "--aclfile", users(tmp_path)]
    for name, file in files.items():
        options += [f"--tls-{name}-file", str(tmp_path / file)]
    with server(tmp_path / "server", *options) as process:
        await asyncio.sleep(0.3)
        said = (tmp_path / "server" / "log").read_text()
        if process.poll() is not None and ("TLS" in said or "tls" in said):
            pytest.skip("this server's program was built without TLS")
        await hold_to_tls(connect, port, tmp_path)


# A server that is replaced


async def test_what_a_server_forgets_is_made_anew(own_server: EmbeddedValkey, connect: Connect) -> None:
    jobs = connect(Settings(redis_url=own_server.url))
    first = await jobs.submit(PICTURE, {})
    (held,) = await jobs.claim("w", 1, 50)
    await jobs.broker.client.script_flush()
    await jobs.broker.client.xgroup_destroy(jobs.broker.key("work"), "workers")
    assert await jobs.renew("w", [held]) == set()
    assert await jobs.begin("w", [held]) == set()  # it is nobody's now, so somebody will have it anew
    (again,) = await jobs.claim("w", 1, 50)
    assert again.id == first and await jobs.finish(again, {})


async def test_a_server_that_became_a_replica_is_away_until_it_is_master_again(
    own_server: EmbeddedValkey, connect: Connect
) -> None:
    jobs = connect(Settings(redis_url=own_server.url))
    job_id = await jobs.submit(PICTURE, {})
    blocked = asyncio.create_task(jobs.claim("w", 1, 2_000))
    assert [job.id for job in await blocked] == [job_id]
    await jobs.broker.client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    for call in (jobs.submit(PICTURE, {}), jobs.claim("w", 1, 50), jobs.cancel(job_id)):
        with pytest.raises(QueueUnavailable):
            await call
    await jobs.broker.client.execute_command("REPLICAOF", "NO", "ONE")
    assert await jobs.cancel(job_id)


async def test_a_failover_behind_sentinel_loses_no_job(tmp_path: Path, connect: Connect) -> None:
    master, replica, sentinel = free_port(), free_port(), free_port()
    watching = (
        f"port {sentinel}\nbind 127.0.0.1\nsentinel monitor spectrum-broker 127.0.0.1 {master} 1\n"
        "sentinel down-after-milliseconds spectrum-broker 400\n"
        "sentinel failover-timeout spectrum-broker 5000\n"
    )
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel}/spectrum-broker/0"
    with ExitStack() as closing:
        dying = closing.enter_context(server(tmp_path / "master", *plain(master)))
        following = ["--replicaof", "127.0.0.1", str(master)]
        closing.enter_context(server(tmp_path / "replica", *plain(replica), *following))
        async with client(master) as first, client(replica) as second:
            await until(lambda: first.info("replication"), lambda told: told["connected_slaves"] == 1)
            await until(second.info, lambda told: told["master_link_status"] == "up")
        closing.enter_context(server(tmp_path / "sentinel", "--sentinel", config=watching))
        async with client(sentinel) as watcher:
            known: Any = lambda: watcher.execute_command("SENTINEL", "REPLICAS", "spectrum-broker")  # noqa: E731
            await until(known)
            jobs = connect(Settings(redis_url=url, redis_timeout_seconds=2.0))
            await all_of_it(jobs)
            running, waiting = [await jobs.submit(PICTURE, {}) for _ in range(2)]
            (held,) = await jobs.claim("w", 1, 100)
            caller = asyncio.create_task(jobs.wait(running, 60))
            assert await jobs.broker.client.wait(1, 5_000) == 1
            dying.kill()
            assert await until(lambda: jobs.finish(held, {"sum": 7}))
        view = await caller
        assert view and view.result == {"sum": 7}
        (other,) = await until(lambda: jobs.claim("w", 8, 100))
        assert other.id == waiting and await jobs.fetch(other) == PICTURE


# A cluster


@asynccontextmanager
async def cluster(folder: Path, count: int) -> AsyncIterator[list[int]]:
    """So many nodes that know each other, the first of which has all slots; their ports."""
    ports = [free_port() for _ in range(count)]
    with ExitStack() as closing:
        for port in ports:
            options = [*plain(port), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
            closing.enter_context(server(folder / str(port), *options))
        async with client(ports[0]) as first:
            await first.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            for port in ports[1:]:
                await meet(first, port)
            for port in ports:
                async with client(port) as node:
                    await until(
                        lambda node=node: node.execute_command("CLUSTER", "INFO"),  # type: ignore[misc]
                        lambda told: "cluster_state:ok" in str(told) and f"known_nodes:{count}" in str(told),
                    )
        yield ports


async def meet(first: Redis, port: int) -> None:
    """Make a node known to the first one."""
    async with client(port) as node:
        told: Any = await node.execute_command("CONFIG", "GET", "cluster-port")
        bus = told[b"cluster-port"] if isinstance(told, dict) else told[1]
    await first.execute_command("CLUSTER", "MEET", "127.0.0.1", str(port), int(bus))


async def test_the_queue_works_on_a_cluster_of_one(tmp_path: Path, connect: Connect) -> None:
    async with cluster(tmp_path, 1) as (port,):
        jobs = connect(Settings(redis_url=f"redis+cluster://127.0.0.1:{port}"))
        await all_of_it(jobs)


async def test_a_slot_that_moves_to_another_node_is_followed(tmp_path: Path, connect: Connect) -> None:
    async with cluster(tmp_path, 2) as (old, new):
        url = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{old}"
        jobs = connect(Settings(redis_url=url, queue_depth=8))
        assert await jobs.depth() == 0
        slot = key_slot(b"{spectrum}")
        async with client(new) as heir, client(old) as giver:
            name: Any = await heir.execute_command("CLUSTER", "MYID")
            for node in (heir, giver):
                await node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", name)
            await all_of_it(jobs)
            assert await heir.exists("{spectrum}:work") and not await giver.dbsize()
        for _ in range(8):
            await jobs.submit(PICTURE, {})
        with pytest.raises(Overloaded):
            await jobs.submit(PICTURE, {})
