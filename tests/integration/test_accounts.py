"""The users of docker/users.acl may do what their roles need, on a real server, and nothing beyond."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from service import api
from service.delivery.jobs import Jobs
from service.programs.embedded import EmbeddedValkey
from service.settings import Settings
from service.worker.batching import Budget
from service.worker.process import published, work
from tests.chaos import pictures
from tests.chaos.stub_worker import MODEL, Stub

ACL = Path(__file__).resolve().parents[2] / "docker" / "users.acl"
USERS = ("api", "worker", "autoscaler")


@pytest.fixture
async def server(own_server: EmbeddedValkey) -> AsyncIterator[EmbeddedValkey]:
    """A server with those users, each with its name for a password; `default` last, as it locks us out."""
    async with Redis.from_url(own_server.url, protocol=2) as client:
        rules = [line.split()[1:] for line in ACL.read_text(encoding="utf8").splitlines()]
        for name, *words in sorted(rules, key=lambda rule: rule[0] == "default"):
            secret = [f">{name}"] if name in USERS else []
            await client.execute_command("ACL", "SETUSER", name, "reset", *secret, *words)
        yield own_server


def settings(server: EmbeddedValkey, user: str) -> Settings:
    return Settings(redis_url=server.url.replace("//", f"//{user}:{user}@"), lease_seconds=30)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Where the model notes what it saw."""
    yield tmp_path / "log"


@asynccontextmanager
async def worker(server: EmbeddedValkey, log: Path) -> AsyncIterator[None]:
    """A worker by its own account."""
    own = settings(server, "worker")
    jobs, stop = Jobs.connect(own), asyncio.Event()
    craft, budget = Stub(log, 0, 0).craft(own), Budget(10**9, 8)
    async with published(jobs, "w", {**MODEL, "device": "stub"}, 0.2):
        task = asyncio.create_task(work(jobs, craft, stop, consumer="w", budget=budget))
        try:
            yield
        finally:
            stop.set()
            await task
    await jobs.close()


async def test_the_api_and_a_worker_do_their_work_by_their_accounts(
    server: EmbeddedValkey, log: Path
) -> None:
    app = api.create(settings(server, "api"))
    rng = random.Random(1)
    async with (
        app.router.lifespan_context(app),
        worker(server, log),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://spectrum", timeout=30
        ) as client,
    ):
        picture = {"image": pictures.sound(rng).data}
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.02)
        answer = await client.post("/parse", files=picture)
        assert answer.status_code == 200, answer.text
        again = await client.post("/parse", files=picture, headers={"Idempotency-Key": "once"})
        assert again.status_code == 200, again.text
        broken = await client.post("/parse", files={"image": pictures.sound(rng, first=pictures.RAISES).data})
        assert broken.status_code == 500, broken.text
        assert (await client.get(f"/jobs/{answer.json()['id']}")).json()["status"] == "done"
        assert "parse_queue_depth 0.0" in (await client.get("/metrics")).text


async def test_the_autoscaler_sees_the_length_of_the_queue_alone(server: EmbeddedValkey) -> None:
    own = settings(server, "autoscaler")
    async with Redis.from_url(str(own.redis_url)) as client:
        assert await client.xlen("{spectrum}:work") == 0
        for command in (("XRANGE", "{spectrum}:work", "-", "+"), ("XLEN", "{spectrum}:dead"), ("GET", "x")):
            with pytest.raises(NoPermissionError):
                await client.execute_command(*command)


@pytest.mark.parametrize("user", ["api", "worker"])
@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("KEYS", "*"),
        ("ACL", "LIST"),
        ("SHUTDOWN", "NOSAVE"),
        ("GET", "x"),
    ],
    ids=lambda command: command[0],
)
async def test_a_role_may_neither_wipe_nor_reconfigure_nor_leave_its_keys(
    server: EmbeddedValkey, user: str, command: tuple[str, ...]
) -> None:
    async with Redis.from_url(str(settings(server, user).redis_url)) as client:
        with pytest.raises(NoPermissionError):
            await client.execute_command(*command)


async def test_whoever_has_no_password_may_ask_for_a_sign_of_life_alone(server: EmbeddedValkey) -> None:
    async with Redis.from_url(server.url, protocol=2) as client:
        assert await client.ping()
        with pytest.raises(NoPermissionError):
            await client.get("{spectrum}:work")
