"""A real Valkey for all tests, and a key prefix of its own for each."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from service.delivery.jobs import Jobs
from service.programs.embedded import EmbeddedValkey, free_port
from service.settings import Settings

# Another server to hold the queue against, such as Redis 7.0: the path of its program.
SERVER = Path(os.environ["SPECTRUM_TEST_SERVER"]) if "SPECTRUM_TEST_SERVER" in os.environ else None
MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedValkey]:
    """One server for the whole run; tests that stop a server start their own."""
    with EmbeddedValkey(port=free_port(), max_memory="256mb", binary=SERVER) as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[EmbeddedValkey]:
    """A small server that the test may stop or fill."""
    with EmbeddedValkey(port=free_port(), max_memory="16mb", binary=SERVER) as server:
        yield server


@pytest.fixture
def make_settings(valkey: EmbeddedValkey) -> MakeSettings:
    """Settings of this test's own key prefix, with leases that do not run out; keywords change them."""
    prefix = f"test-{secrets.token_hex(6)}"

    def make(**changes: object) -> Settings:
        values: dict[str, object] = {"redis_url": valkey.url, "key_prefix": prefix, "lease_seconds": 600.0}
        return Settings.model_validate(values | changes)

    return make


@pytest.fixture
async def connect(make_settings: MakeSettings) -> AsyncIterator[Callable[..., Jobs]]:
    """Queues on the same keys: API replicas or workers; closed after the test."""
    opened: list[Jobs] = []

    def make(**changes: object) -> Jobs:
        opened.append(Jobs.connect(make_settings(**changes)))
        return opened[-1]

    yield make
    for jobs in opened:
        await jobs.close()


@pytest.fixture
def jobs(connect: Callable[..., Jobs]) -> Jobs:
    """One queue."""
    return connect()
