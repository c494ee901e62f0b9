"""An API that is told to stop: readiness first, then the listener, and what is in flight is answered."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image

from service.delivery.jobs import Jobs
from service.programs.embedded import free_port
from service.settings import Settings
from tests.integration.conftest import MakeSettings

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def api_process(settings: Settings) -> AsyncIterator[tuple[subprocess.Popen[bytes], httpx.AsyncClient]]:
    """`spectrum api` once it is ready, and a client of it."""
    port = free_port()
    environment = os.environ | {
        "REDIS_URL": settings.redis_url or "",
        "SPECTRUM_KEY_PREFIX": settings.key_prefix,
        "SPECTRUM_NOTICE_SECONDS": "1.5",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "service", "api", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            while await status(client) != 200:
                await asyncio.sleep(0.05)
            yield process, client
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def status(client: httpx.AsyncClient) -> int | None:
    """Of /readyz, by a new connection as a balancer's probe makes it; None where nobody listens."""
    try:
        return (await client.get("/readyz", headers={"Connection": "close"})).status_code
    except httpx.TransportError:
        return None


async def test_sigterm_ends_readiness_first_and_answers_what_is_in_flight(
    connect: Callable[..., Jobs], make_settings: MakeSettings
) -> None:
    jobs = connect()
    await jobs.beat("w", {"name": "mini"}, 60)
    data = BytesIO()
    Image.new("RGB", (4, 3)).save(data, "PNG")
    async with api_process(make_settings()) as (process, client):
        sent = {"image": ("p.png", data.getvalue(), "image/png")}
        waiting = asyncio.create_task(client.post("/parse", files=sent, headers={"Prefer": "wait=4"}))
        while not await jobs.depth():
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        seen: list[int | None] = []
        while seen[-1:] != [None]:
            seen.append(await status(client))
            await asyncio.sleep(0.05)
        assert not waiting.done()
        assert (await waiting).status_code == 202
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert list(dict.fromkeys(seen)) in ([200, 503, None], [503, None])
