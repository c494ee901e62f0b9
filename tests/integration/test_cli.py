"""The command: clear refusals, pictures parsed without a server, and a tree of processes that ends whole."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from PIL import Image

from service import cli
from service.programs.embedded import free_port
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "tests" / "data" / "photos"
# A test speaks for itself, not for the settings of whoever runs it.
SETTINGS = re.compile(r"SPECTRUM_|REDIS_URL")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in filter(SETTINGS.match, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real network a few channels wide, with random weights, as a checkpoint on disk."""
    import torch

    from model import checkpoint as disk
    from model.network.config import TextConfig
    from model.network.spectrum import Spectrum
    from tests.unit.tiny_network import tiny_mini

    torch.manual_seed(0)
    config = replace(tiny_mini(), text=TextConfig())
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    disk.save(folder, config, Spectrum(config).state_dict())
    return folder


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What a command that cannot start says: one line, and status 2."""
    assert cli.main(argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("spectrum: ")
    assert said.count("\n") == 1
    return said


class TestRefusals:
    """What is wrong is told in one line."""

    def test_a_taken_port(self, capsys: pytest.CaptureFixture[str], checkpoint: Path):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            said = refusal(capsys, "serve", "--port", str(port), "--checkpoint", str(checkpoint))
        assert f"127.0.0.1:{port}" in said
        assert "in use" in said
        assert "--port" in said

    @pytest.mark.parametrize("command", [["serve"], ["parse", "a.jpg"], ["worker"]])
    def test_a_missing_checkpoint(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str]
    ):
        said = refusal(capsys, *command, "--checkpoint", str(tmp_path / "none"))
        assert str(tmp_path / "none") in said

    def test_a_broken_checkpoint(self, capsys: pytest.CaptureFixture[str], tmp_path: Path):
        (tmp_path / "config.json").write_text("{}")
        (tmp_path / "model.safetensors").write_bytes(b"torn")
        assert "broken" in refusal(capsys, "parse", "a.jpg", "--checkpoint", str(tmp_path))

    @pytest.mark.parametrize("command", ["api", "worker"])
    def test_no_address_of_redis(self, capsys: pytest.CaptureFixture[str], checkpoint: Path, command: str):
        rest = ["--checkpoint", str(checkpoint)] if command == "worker" else ["--port", "0"]
        assert "REDIS_URL" in refusal(capsys, command, *rest)

    def test_redis_away(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SPECTRUM_REDIS_TIMEOUT_SECONDS", "0.5")
        said = refusal(capsys, "api", "--port", "0", "--redis-url", "redis://me:secret@127.0.0.1:1/0")
        assert "127.0.0.1:1" in said
        assert "secret" not in said

    def test_an_address_that_is_none(self, capsys: pytest.CaptureFixture[str]):
        assert "REDIS_URL" in refusal(capsys, "api", "--port", "0", "--redis-url", "localhost")

    def test_a_setting_out_of_range(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("SPECTRUM_MAX_PROMPTS", "many")
        said = refusal(capsys, "settings")
        assert "SPECTRUM_MAX_PROMPTS" in said
        assert "'many'" in said

    def test_no_pictures_to_measure(
        self, capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path
    ):
        rest = ["--pictures", str(tmp_path), "--checkpoint", str(checkpoint)]
        assert str(tmp_path) in refusal(capsys, "bench", "service", *rest)


class TestSettings:
    """The list of settings is the settings."""

    def test_every_setting_is_listed_with_its_variable(self, capsys: pytest.CaptureFixture[str]):
        assert cli.main(["settings"]) == 0
        listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
        assert set(listed) == {
            "REDIS_URL" if name == "redis_url" else f"SPECTRUM_{name.upper()}"
            for name in Settings.model_fields
        }

    def test_the_environment_shows_and_the_password_does_not(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("SPECTRUM_MAX_PROMPTS", "7")
        monkeypatch.setenv("REDIS_URL", "redis://me:secret@broker:6379/2")
        assert cli.main(["settings"]) == 0
        said = capsys.readouterr().out
        assert re.search(r"^SPECTRUM_MAX_PROMPTS +7 ", said, re.MULTILINE)
        assert "redis://broker:6379/2" in said
        assert "secret" not in said


@pytest.mark.parametrize("program", ["train", "evaluate"])
def test_the_model_s_programs_read_their_own_arguments(capsys: pytest.CaptureFixture[str], program: str):
    with pytest.raises(SystemExit) as ended:
        cli.main([program, "--help"])
    assert ended.value.code == 0
    assert "--" in capsys.readouterr().out


class TestParse:
    """Pictures on disk need no server."""

    def test_each_picture_becomes_json_and_an_overlay(self, checkpoint: Path, tmp_path: Path):
        photos = sorted(PHOTOS.glob("*.jpg"))[:2]
        rest = ["--prompt", "red hat", "--prompt", "coat", "--out", str(tmp_path / "new")]
        assert cli.main(["parse", *map(str, photos), *rest, "--checkpoint", str(checkpoint)]) == 0
        for photo in photos:
            answer = json.loads((tmp_path / "new" / f"{photo.stem}.json").read_text())
            assert answer["model"]["name"] == "mini"
            with Image.open(photo) as image, Image.open(tmp_path / "new" / f"{photo.stem}.png") as drawn:
                assert (answer["image"]["width"], answer["image"]["height"]) == image.size
                assert drawn.height == 900

    def test_a_bad_picture_fails_alone(
        self, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        torn = tmp_path / "torn.jpg"
        photo = sorted(PHOTOS.glob("*.jpg"))[0]
        torn.write_bytes(photo.read_bytes()[:2000])
        gone = tmp_path / "gone.jpg"
        argv = ["parse", str(torn), str(gone), str(photo), "--out", str(tmp_path / "o")]
        assert cli.main([*argv, "--checkpoint", str(checkpoint)]) == 1
        said = capsys.readouterr()
        assert f"spectrum: {torn}: " in said.err
        assert f"spectrum: {gone}: no such file" in said.err
        assert "1 of 3" in said.out
        assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
            f"{photo.stem}.json",
            f"{photo.stem}.png",
        ]

    def test_equal_names_of_two_folders_stay_apart(self, checkpoint: Path, tmp_path: Path):
        pictures = [tmp_path / folder / "a.png" for folder in ("one", "two")]
        for number, picture in enumerate(pictures, start=1):
            picture.parent.mkdir()
            Image.new("RGB", (40 * number, 30)).save(picture)
        argv = ["parse", *map(str, pictures), "--out", str(tmp_path / "o"), "--checkpoint", str(checkpoint)]
        assert cli.main(argv) == 0
        widths = [
            json.loads((tmp_path / "o" / name).read_text())["image"]["width"]
            for name in ("a.json", "a-2.json")
        ]
        assert widths == [40, 80]


def children(pid: int) -> dict[int, str]:
    """Command lines of the living children of a process, by id."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in listed}


def worker_of(pid: int) -> int:
    (worker,) = (child for child, command in children(pid).items() if command.rstrip().endswith("worker"))
    return worker


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@contextmanager
def tree(checkpoint: Path, port: int, *more: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A `spectrum serve` that is ready, with `settings` in its environment."""
    told = ["--port", str(port), "--checkpoint", str(checkpoint), *more]
    command = [sys.executable, "-m", "service", "serve", *told]
    # On a busy machine a new worker takes its time; nobody shall be sent away meanwhile.
    patient = os.environ | {"SPECTRUM_WAIT_SECONDS": "120", "SPECTRUM_DRAIN_SECONDS": "120"}
    own = patient | settings
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=own)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def greeting(process: subprocess.Popen[str]) -> list[str]:
    """What a tree says when it is ready."""
    assert process.stdout is not None
    for line in process.stdout:
        if line == "Ready.\n":
            return [process.stdout.readline() for _ in range(3)]
    raise AssertionError(f"the tree ended with status {process.wait()} and was never ready")


def until(promise: object, seconds: float = 150.0) -> None:
    """Wait for a callable to turn true."""
    assert callable(promise)
    deadline = time.monotonic() + seconds
    while not promise():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
class TestServe:
    """One command starts all that is needed, keeps it alive and ends it."""

    def test_a_picture_on_which_the_model_hangs_ends_two_workers_and_then_itself(self, checkpoint: Path):
        port, picture = free_port(), (ROOT / "tests/data/photos").glob("*.jpg")
        hang = {"SPECTRUM_FORWARD_SECONDS": "0.00001", "SPECTRUM_DELIVERY_LIMIT": "2"}
        with tree(checkpoint, port, **hang) as serve:
            greeting(serve)
            first = worker_of(serve.pid)
            answer = httpx.post(
                f"http://127.0.0.1:{port}/parse", files={"image": next(picture).read_bytes()}, timeout=150
            )
            assert answer.json()["code"] == "delivery_limit"
            until(lambda: not alive(first))

    def test_several_workers_share_the_work(self, checkpoint: Path):
        port = free_port()
        with tree(checkpoint, port, "--workers", "2") as serve:
            greeting(serve)
            workers = [pid for pid, told in children(serve.pid).items() if told.rstrip().endswith("worker")]
            assert len(workers) == 2
            ready = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=60).json()
            assert ready["workers"] == 2
            serve.send_signal(signal.SIGTERM)
            assert serve.wait(150) == 0
        until(lambda: not any(alive(pid) for pid in workers))

    def test_the_life_of_a_tree(self, checkpoint: Path):
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        with tree(checkpoint, port) as process, httpx.Client(base_url=address, timeout=150) as client:
            playground, docs, curl = greeting(process)
            assert playground.split() == ["playground", f"{address}/"]
            assert client.get(docs.split()[-1]).status_code == 200
            assert client.get("/readyz").status_code == 200

            fields = [word.split("=", 1) for word in curl.split() if "=" in word]
            photo = next(value.removeprefix("@") for name, value in fields if name == "image")
            data = (ROOT / photo).read_bytes()
            prompts = [value for name, value in fields if name == "prompts"]
            assert curl.split()[-1] == f"{address}/parse"

            def post() -> httpx.Response:
                fresh = {"Cache-Control": "no-store"}  # an answer that was kept would need no worker
                return client.post("/parse", files={"image": data}, data={"prompts": prompts}, headers=fresh)

            assert post().json()["object"] == "parsing"

            # A worker that dies is replaced, and what waits is done.
            first = worker_of(process.pid)
            os.kill(first, signal.SIGKILL)
            assert post().json()["object"] == "parsing"
            until(lambda: worker_of(process.pid) != first)

            # Whoever waits when the tree is told to stop still gets an answer.
            worker = worker_of(process.pid)
            os.kill(worker, signal.SIGSTOP)
            with ThreadPoolExecutor(3) as pool:
                waiting = [pool.submit(post) for _ in range(3)]
                until(lambda: "parse_inflight 4.0" in client.get("/metrics").text)
                members = [process.pid, *children(process.pid)]
                process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
                os.kill(worker, signal.SIGCONT)
                assert [future.result().status_code for future in waiting] == [200, 200, 200]
            assert process.wait(150) == 0
            assert [pid for pid in members if alive(pid)] == []

    def test_a_broken_checkpoint_ends_the_tree(self, tmp_path: Path):
        (tmp_path / "config.json").write_text("{}")
        (tmp_path / "model.safetensors").write_bytes(b"torn")
        command = [sys.executable, "-m", "service", "serve", "--port", str(free_port())]
        command += ["--checkpoint", str(tmp_path)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 2
        assert "spectrum: cannot load the model" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_nothing_is_left_when_the_tree_is_killed(self, checkpoint: Path):
        with tree(checkpoint, free_port()) as process:
            greeting(process)
            members = list(children(process.pid))
            assert len(members) == 2
            process.kill()
            until(lambda: not any(alive(pid) for pid in members))


def test_the_bench_answers_for_every_picture(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rest = ["--pictures", str(PHOTOS), "--count", "6", "--clients", "3", "--json", str(tmp_path / "b.json")]
    assert cli.main(["bench", "service", *rest, "--checkpoint", str(checkpoint)]) == 0
    report = json.loads((tmp_path / "b.json").read_text())
    assert (report["pictures"], report["answered"], report["failed"], report["lost"]) == (6, 6, 0, 0)
    assert report["throughput"] > 0 and report["added_p50_ms"] > 0
    assert "throughput, service/bare" in capsys.readouterr().out
