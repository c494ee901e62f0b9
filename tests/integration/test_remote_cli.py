"""`spectrum parse --server` and `spectrum export`: files in, files out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service import api, cli
from service.delivery.jobs import Jobs
from service.programs.embedded import free_port
from tests.integration.test_api import Bands, encoded, worker_of
from tests.integration.test_client import MakeSettings, Moody, listening


@pytest.fixture
async def service(
    make_settings: MakeSettings, connect: Callable[..., Jobs], jobs: Jobs
) -> AsyncIterator[tuple[str, Moody]]:
    """A service behind a socket, and what came to its door."""
    settings = make_settings(lease_seconds=30)
    server = Moody(api.create(settings, jobs))
    async with worker_of(settings, connect(lease_seconds=30), Bands()), listening(server) as url:
        yield url, server


async def run(*argv: str | Path) -> int:
    return await asyncio.to_thread(cli.main, [str(part) for part in argv])


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one" / "a.png", tmp_path / "two" / "a.png", tmp_path / "torn.png"]
    for number, path in enumerate(paths, start=1):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded((10 * number, 12)))
    paths[2].write_bytes(b"torn")
    return paths


async def test_a_service_parses_files_as_the_model_here_does(
    service: tuple[str, Moody],
    photos: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    url, server = service
    monkeypatch.setenv("SPECTRUM_API_KEY", "from-the-environment")
    out = tmp_path / "out"
    assert await run("parse", *photos, "--server", url, "--prompt", "hat", "--out", out) == 1
    said = capsys.readouterr()
    assert "2 of 3 pictures" in said.out and f"spectrum: {photos[2]}: " in said.err
    assert sorted(path.name for path in out.iterdir()) == ["a-2.json", "a-2.png", "a.json", "a.png"]
    told = json.loads((out / "a-2.json").read_text())
    assert told["image"]["width"] == 20 and told["metadata"] == {"file_name": "a.png"}
    assert {headers["authorization"] for headers in server.seen} == {"Bearer from-the-environment"}
    with Image.open(out / "a.png") as drawn:
        assert drawn.height == 900

    options = ("--server", url, "--mask-format", "none", "--api-key", "given", "--out", tmp_path / "bare")
    assert await run("parse", photos[0], *options) == 0
    bare = json.loads((tmp_path / "bare" / "a.json").read_text())
    assert bare["segments"] and all(part["mask"] is None for part in bare["segments"] + bare["persons"])
    assert server.seen[-1]["authorization"] == "Bearer given"


async def test_parsings_on_disk_are_exported(
    service: tuple[str, Moody], photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    await run("parse", *photos[:2], "--server", service[0], "--prompt", "hat", "--out", out)
    parsings = (out / "a.json", out / "a-2.json")
    target = tmp_path / "sets" / "panoptic.json"
    assert await run("export", "--format", "coco-panoptic", *parsings, "--out", target) == 0
    made = json.loads(target.read_text())
    names = [annotation["file_name"] for annotation in made["annotations"]]
    assert names == ["a.png", "a-2.png"] and "png" not in made["annotations"][0]
    for name, width in zip(names, (10, 20), strict=True):
        with Image.open(tmp_path / "sets" / "panoptic" / name) as ids:
            assert (np.asarray(ids)[0] == (1, 0, 0)).all() and ids.size == (width, 12)
    assert await run("export", "--format", "cvat", *parsings, "--out", tmp_path / "c.xml") == 0
    assert (tmp_path / "c.xml").read_text().count("<image ") == 2
    assert "2 parsings exported" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"object": "parsing"}'])
def test_a_file_that_is_no_parsing_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.json"
    path.write_text(text)
    assert cli.main(["export", "--format", "cvat", str(path), "--out", str(tmp_path / "y")]) == 2
    assert f"{path} holds no parsing" in capsys.readouterr().err
    assert not (tmp_path / "y").exists()


def test_a_service_that_is_not_there_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    url = f"http://127.0.0.1:{free_port()}"
    assert cli.main(["parse", "a.png", "b.png", "--server", url, "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert said.count(url) == 1
    assert not (tmp_path / "o").exists()
