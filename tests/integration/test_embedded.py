"""The server that we bring ourselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from service.programs.embedded import EmbeddedError, EmbeddedValkey, free_port

ROOT = Path(__file__).resolve().parents[2]


def test_it_listens_where_only_we_can_reach_it() -> None:
    with EmbeddedValkey() as server:
        assert server.url.startswith("unix://")
        path = Path(server.url.removeprefix("unix://"))
        assert path.parent.stat().st_mode & 0o077 == 0
        with Redis.from_url(server.url) as client:
            assert client.ping()
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert not path.parent.exists()
    server.stop()  # a second time is no error


def test_ctrl_c_does_not_reach_it() -> None:
    with EmbeddedValkey() as server:
        assert os.getpgid(server.pid or 0) != os.getpgid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_it_ends_with_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time; from service.programs.embedded import EmbeddedValkey; "
        "server = EmbeddedValkey().start(); sys.stdout.write(f'{server.pid}\\n'); "
        "sys.stdout.flush(); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = Path("/proc", parent.stdout.readline().strip())
        assert server.exists()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        while server.exists() and "Z" not in (server / "stat").read_text().rpartition(")")[2][:3]:
            time.sleep(0.05)


def test_a_taken_port_is_told() -> None:
    port = free_port()
    with EmbeddedValkey(port=port), pytest.raises(EmbeddedError, match="did not start"):
        EmbeddedValkey(port=port).start()


def test_an_address_is_asked_of_a_started_server_only() -> None:
    with pytest.raises(EmbeddedError, match="not been started"):
        _ = EmbeddedValkey().url


def test_with_an_append_only_file_it_is_itself_again_after_kill_9() -> None:
    with (
        EmbeddedValkey(port=free_port(), append_fsync="always") as server,
        Redis.from_url(server.url) as client,
    ):
        client.set("kept", "1")
        server.halt()
        server.start()
        assert client.get("kept") == b"1"
