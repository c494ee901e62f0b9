"""What the images run first: secrets become variables, and a healthcheck asks where the process listens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from service.programs.embedded import free_port
from tests.unit.manifest_tree import ROOT

DOCKER = ROOT / "docker"
SECRETS = "/run/secrets"


class Answers(BaseHTTPRequestHandler):
    """`/livez` and `/metrics` are there, and nothing else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/livez", "/metrics") else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def healthy(port: int, path: str, **environment: str) -> bool:
    command = [sys.executable, str(DOCKER / "healthcheck.py"), str(port), path]
    plain = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=plain | environment, timeout=60, check=False).returncode == 0


def test_a_process_is_healthy_where_it_answers_well(port: int) -> None:
    assert healthy(port, "/livez")
    assert not healthy(port, "/readyz")
    assert not healthy(free_port(), "/livez")


@pytest.mark.parametrize("name", ["PORT", "SPECTRUM_PORT"])
def test_the_healthcheck_follows_a_port_that_was_chosen_elsewhere(port: int, name: str) -> None:
    assert healthy(free_port(), "/livez", **{name: str(port)})
    assert not healthy(free_port(), "/metrics", **{name: str(port)})  # of a worker, whose port is its own


def test_secrets_and_a_chosen_port_reach_the_command(tmp_path: Path) -> None:
    secrets, told = tmp_path / "secrets", tmp_path / "spectrum"
    secrets.mkdir()
    for name, text in {
        "REDIS_URL": "redis://:p w'd@redis",
        "SPECTRUM_WEBHOOK_SECRET": "whsec",
        "other": "x",
    }.items():
        (secrets / name).write_text(text, encoding="utf8")
    told.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@"; env | grep -E "^(REDIS|SPECTRUM|other)" | sort\n', encoding="utf8"
    )
    told.chmod(0o755)
    script = (DOCKER / "entrypoint.sh").read_text(encoding="utf8")
    assert script.count(SECRETS) >= 2
    entry = tmp_path / "entrypoint.sh"
    entry.write_text(script.replace(SECRETS, str(secrets)), encoding="utf8")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "8080"}
    command = ["sh", str(entry), "api", "--help me"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [
        "api",
        "--help me",
        "REDIS_URL=redis://:p w'd@redis",
        "SPECTRUM_PORT=8080",
        "SPECTRUM_WEBHOOK_SECRET=whsec",
    ]
