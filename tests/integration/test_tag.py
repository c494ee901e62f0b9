"""A catalogue as its owner runs it: the command, a real Ray, the shipped model, and the service beside it."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from model.parser import DEFAULT_CHECKPOINT, Parser
from service import api, cli
from service.catalogue.parts import Parts
from service.delivery.jobs import Jobs
from service.worker.batching import Budget
from service.worker.craft import craft_of
from service.worker.process import work
from tests.integration.conftest import MakeSettings
from tests.integration.web_server import WebServer, answer, serving

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = sorted((ROOT / "tests" / "data" / "photos").glob("*.jpg"))[:3]
HELD = 5  # pictures by URL whose host answers only once it is told to


@dataclass
class Tagged:
    """What two runs of the command left: the first one was told to stop while pictures were in hand."""

    folder: Path
    source: Path
    left_first: int
    statuses: tuple[int, int]
    said: tuple[str, str]
    asked: list[str]

    def rows(self) -> list[dict[str, Any]]:
        return Parts(self.folder).read("pictures").to_pylist()


def environment(port: int) -> dict[str, str]:
    """Small blocks, a part for each of them, and pictures from this test's own host."""
    plain = {name: value for name, value in os.environ.items() if not re.match("SPECTRUM_|RAY_", name)}
    return plain | {
        "SPECTRUM_BATCH_SIZE": "1",
        "SPECTRUM_CATALOGUE_PART_SECONDS": "0.001",
        "SPECTRUM_URL_ALLOW_NETWORKS": "127.0.0.1/32",
        "SPECTRUM_URL_PORTS": f"80,443,{port}",
        "SPECTRUM_URL_TIMEOUT_SECONDS": "120",
        "PYTHONUNBUFFERED": "1",
    }


@asynccontextmanager
async def started(source: Path, out: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command on its way, ended with the block at the latest."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "tag", str(source), "--out", str(out), "--actors", "1"),
        *("--threads", "1", "--device", "cpu"),
        env=environment(port),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def listed(folder: Path, web: WebServer) -> Path:
    """A table of ten pictures: three here, two that are none, five of the web, one of them refused."""
    torn = folder / "torn.jpg"
    torn.write_bytes(PHOTOS[0].read_bytes()[:300])
    cells = [
        str(PHOTOS[0]),
        "torn.jpg",
        str(PHOTOS[1]),
        "missing.jpg",
        str(PHOTOS[2]),
        "http://10.0.0.1/a.jpg",
    ]
    for number in range(HELD):  # blocks are of two: each of these holds one up
        cells += [web.url(f"/{number}.jpg"), f"also-missing-{number}.jpg"]
    source = folder / "shop.csv"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([["sku", "image_url"], *([f"s{i}", cell] for i, cell in enumerate(cells))])
    return source


async def tagged(folder: Path) -> Tagged:
    """Run the command until two of the held pictures are in hand, stop it, and run it to the end."""
    free = asyncio.Event()
    async with serving() as web:

        async def held(body: bytes, writer: asyncio.StreamWriter) -> None:
            await free.wait()
            writer.write(answer(body))
            await writer.drain()

        for number in range(HELD):
            body = PHOTOS[number % len(PHOTOS)].read_bytes()
            web.pages[f"/{number}.jpg"] = partial(held, body)
        source, out = listed(folder, web), folder / "out"
        async with started(source, out, web.port) as first:
            while len(web.asked) < 2 and first.returncode is None:
                await asyncio.sleep(0.05)
            if first.returncode is None:
                first.send_signal(signal.SIGTERM)
            while not (out / ".stop").exists() and first.returncode is None:
                await asyncio.sleep(0.05)
            free.set()
            said, _ = await first.communicate()
        kept = Parts(out).rows()
        async with started(source, out, web.port) as second:
            more, _ = await second.communicate()
        statuses = (first.returncode or 0, second.returncode or 0)
        asked = [head.split()[1] for head in web.asked]
    return Tagged(out, source, kept, statuses, (said.decode(), more.decode()), asked)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tagged]:
    """One catalogue for all tests here, since Ray takes its time to start."""
    yield asyncio.run(tagged(tmp_path_factory.mktemp("catalogue")))


def test_a_run_that_is_told_to_stop_keeps_what_is_in_hand_and_begins_nothing_more(catalogue: Tagged):
    assert catalogue.statuses[0] == 128 + signal.SIGTERM, catalogue.said[0]
    assert "the same command goes on with them" in catalogue.said[0]
    # Three blocks of what lies here, and the two that waited for the web.
    assert catalogue.left_first == 10


def test_a_second_run_does_what_is_left_and_no_picture_twice(catalogue: Tagged):
    assert catalogue.statuses[1] == 1, catalogue.said[1]
    assert "10 are done already" in catalogue.said[1]
    assert sorted(catalogue.asked) == sorted(f"/{number}.jpg" for number in range(HELD))
    pictures = [row["picture"] for row in catalogue.rows()]
    assert len(pictures) == len(set(pictures)) == 6 + 2 * HELD


def test_what_failed_says_so_by_the_services_codes_and_spoils_nothing(catalogue: Tagged):
    codes = {row["listed_as"]: row["error_code"] for row in catalogue.rows() if row["error_code"]}
    assert codes.pop("torn.jpg") == "image_undecodable"
    assert codes.pop("http://10.0.0.1/a.jpg") == "url_refused"
    assert set(codes.values()) == {"image_missing"}
    assert len(codes) == 1 + HELD


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser.load(DEFAULT_CHECKPOINT, device="cpu", threads=1)


async def test_the_catalogue_holds_what_the_service_answers(
    catalogue: Tagged, jobs: Jobs, make_settings: MakeSettings, parser: Parser
):
    settings, stop = make_settings(wait_seconds=200), asyncio.Event()
    app = api.create(settings, jobs)
    options: dict[str, Any] = {"consumer": "w", "budget": Budget(4_194_304, 8), "lease_seconds": 600.0}
    async with app.router.lifespan_context(app):
        worker = asyncio.create_task(work(jobs, craft_of(parser, settings), stop, **options))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=300) as client:
            for photo in PHOTOS:
                file = {"image": (photo.name, photo.read_bytes())}
                response = await client.post("/parse", files=file, data={"tags": "true"})
                told = response.json()
                kept = Parts(catalogue.folder).answer(str(photo))
                assert told["segments"]
                for name in ("image", "persons", "segments", "unmatched_prompts", "warnings"):
                    assert kept[name] == told[name], (photo.name, name)
        stop.set()
        await worker


def test_the_page_of_numbers_counts_all_and_calls_nobody(catalogue: Tagged):
    told = json.loads((catalogue.folder / "summary.json").read_text())
    assert (told["pictures"], told["failed"], told["twice"]) == (6 + 2 * HELD, 3 + HELD, 0)
    html = (catalogue.folder / "summary.html").read_text()
    assert html.count("data:image/jpeg;base64,") == len(PHOTOS) + HELD
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)""", html)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--prompt", "coat"], "was made otherwise"),
        (["--min-score", "0.5"], "was made otherwise"),
        (["--prompt", "  "], "Prompt 0 is empty"),
        (["--column", "picture"], "has no column 'picture', but sku, image_url"),
    ],
)
def test_another_question_or_source_is_refused(
    catalogue: Tagged, capsys: pytest.CaptureFixture[str], given: list[str], said: str
):
    assert cli.main(["tag", str(catalogue.source), "--out", str(catalogue.folder), *given]) == 2
    assert said in capsys.readouterr().err
    assert len(catalogue.rows()) == 6 + 2 * HELD


def test_a_source_without_anything_new_starts_no_model(catalogue: Tagged, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["tag", str(catalogue.source), "--out", str(catalogue.folder)]) == 1
    assert "16 are done already" in capsys.readouterr().out
