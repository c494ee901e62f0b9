"""A served mini and a headless Chromium, for tests that use the playground as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from service.programs.embedded import free_port
from tests.browser import chromium
from tests.browser.playground import Playground

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 240
_WAIT_MILLISECONDS = 60_000  # a busy machine is slow, not wrong
Open = Callable[..., Playground]


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """`spectrum serve` with the shipped mini, ready: embedded Valkey, API and a worker."""
    port = free_port()
    command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            if not _gets_ready(f"http://127.0.0.1:{port}", process):
                log.seek(0)
                raise RuntimeError(f"the service did not get ready:\n{log.read().decode()[-2000:]}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _gets_ready(address: str, process: subprocess.Popen[bytes]) -> bool:
    end = monotonic() + _START_SECONDS
    while monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/readyz").status_code == 200:
                return True
        sleep(0.2)
    return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one module: while it is open, no test with an event loop can run in this thread."""
    found = chromium.find()
    if found is None:
        pytest.skip(chromium.MISSING)
    expect.set_options(timeout=_WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=found.program,
            env={**os.environ, **found.environment},
            chromium_sandbox=False,
            args=["--no-zygote"],
        )
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens the playground in a context of its own; keywords are Playwright's for a context.

    Afterwards no page may have asked another host, logged an error, or thrown one.
    """
    opened: list[Playground] = []
    with ExitStack() as closing:

        def make(**options: Any) -> Playground:
            settings = {"viewport": {"width": 1360, "height": 900}, "reduced_motion": "reduce"} | options
            context = browser.new_context(base_url=address, **settings)
            closing.callback(context.close)
            context.set_default_timeout(_WAIT_MILLISECONDS)
            opened.append(Playground(context.new_page(), address))
            opened[-1].visit()
            return opened[-1]

        yield make
        for playground in opened:
            assert playground.faults() == []


@pytest.fixture
def page(open_page: Open) -> Playground:
    """The playground on a desktop."""
    return open_page()
