"""What the documents invite to copy runs as it stands, against a service started as they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from service.programs.embedded import EmbeddedValkey, free_port
from tests.integration.documents import ROOT, Example, at, examples, node

PHOTOS = ROOT / "tests" / "data" / "photos"
PAGES = ("README.md", "docs/quickstart.md", "docs/api.md", "docs/clients.md")
# What asks a service: by curl, or by our own command.
SHELL = [e for page in PAGES for e in examples(page, "sh") if re.search(r"\bcurl |--server", e.code)]
PYTHON = [example for page in PAGES for example in examples(page, "python")]
TYPESCRIPT = [example for page in PAGES for example in examples(page, "ts")]
# Every call of curl must succeed, not the last one of a block alone.
STRICT = 'set -eo pipefail; curl() { command curl --fail-with-body "$@"; }\n'
INSTALLED = ".venv/bin/spectrum"


class Elsewhere(BaseHTTPRequestHandler):
    """The rest of the internet: a photo at every address, and a caller who takes callbacks."""

    def do_GET(self) -> None:
        data = (PHOTOS / "0307.jpg").read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def started(port: int, environment: dict[str, str], log: Path) -> Iterator[str]:
    """`spectrum serve` until the block ends; its address."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port)],
            env=environment,
            cwd=ROOT,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            until = time.monotonic() + 120
            while not ready(url):
                assert process.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(60)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def service(
    valkey: EmbeddedValkey, elsewhere: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """A served `mini`, a folder with photos to call it from, and a job that is done."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SPECTRUM_")}
    environment = own | {
        "REDIS_URL": valkey.url,
        "SPECTRUM_KEY_PREFIX": "documents",
        "SPECTRUM_NOTICE_SECONDS": "0",
        "SPECTRUM_WAIT_SECONDS": "120",  # a slow machine gives the same answers
        "SPECTRUM_WEBHOOK_SECRET": "a secret of the documents' own test",
        "SPECTRUM_URL_ALLOW_NETWORKS": "127.0.0.0/8",
        "SPECTRUM_URL_PORTS": elsewhere.rpartition(":")[2],
    }
    folder = tmp_path_factory.mktemp("documents")
    for name, photo in {"photo": "0405", "a": "0405", "b": "0617", "c": "0307"}.items():
        shutil.copy(PHOTOS / f"{photo}.jpg", folder / f"{name}.jpg")
    (folder / "tests").symlink_to(ROOT / "tests")
    with started(free_port(), environment, folder / "serve.log") as url:
        sent = httpx.post(
            f"{url}/parse",
            files={"image": (folder / "photo.jpg").read_bytes()},
            headers={"Prefer": "respond-async"},
            timeout=60,
        )
        job = sent.json()["id"]
        httpx.get(f"{url}/jobs/{job}", headers={"Prefer": "wait=30"}, timeout=60).raise_for_status()
        named = own | {"JOB": job, "KEY": "sp_of_nobody", "PYTHONPATH": str(ROOT)}
        yield SimpleNamespace(url=url, elsewhere=elsewhere, folder=folder, environment=named)


def run(service: SimpleNamespace, command: list[str]) -> str:
    done = subprocess.run(
        command,
        cwd=service.folder,
        env=service.environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_pages_have_examples_in_every_language() -> None:
    assert {example.page for example in SHELL} == set(PAGES)
    assert len(PYTHON) > 10 and len(TYPESCRIPT) > 10


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("example", SHELL, ids=str)
def test_a_shells_calls_are_answered(service: SimpleNamespace, example: Example) -> None:
    code = at(example.code, service.url, service.elsewhere)
    run(service, ["bash", "-c", STRICT + code.replace(INSTALLED, f"{sys.executable} -m service")])


@pytest.mark.parametrize("example", PYTHON, ids=str)
def test_python_runs(service: SimpleNamespace, example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(service.folder)
    monkeypatch.setenv("KEY", service.environment["KEY"])
    code = at(example.code, service.url, service.elsewhere)
    exec(compile(code, str(example), "exec"), {"__name__": "example"})


@pytest.mark.skipif(node() is None, reason="no Node here that runs TypeScript")
@pytest.mark.parametrize("example", TYPESCRIPT, ids=str)
def test_typescript_runs(service: SimpleNamespace, example: Example, tmp_path: Path) -> None:
    script = tmp_path / "example.mts"
    script.write_text(at(example.code, service.url, service.elsewhere), encoding="utf8")
    run(service, [str(node()), str(script)])
