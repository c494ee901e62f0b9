"""The HTTP contract against a real queue, with a worker in this process and a model that draws bands."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from model.parsing import Parsing, Person, Query, Segment
from service import api, images, schemas
from service.delivery.jobs import Jobs
from service.settings import Settings
from service.worker.batching import Budget
from service.worker.craft import Craft
from service.worker.process import work

MakeSettings = Callable[..., Settings]


# pycocotools' own decoder has not yet learnt numpy 2's copy keyword.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MODEL = {"name": "bands", "revision": "000000000000"}
GATE_PROMPT, FAULT_PROMPT = "hold the model", "break the model"


def encoded(size: tuple[int, int] = (8, 6), form: str = "PNG", **options: Any) -> bytes:
    data = BytesIO()
    Image.new("RGB", size, (10, 120, 30)).save(data, form, **options)
    return data.getvalue()


def bomb() -> bytes:
    """A PNG of 144 megapixels by its header, in a hundred bytes."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def animation() -> bytes:
    return encoded(form="WEBP", save_all=True, append_images=[Image.new("RGB", (8, 6), "red")], duration=40)


def bands(picture: NDArray[np.uint8], query: Query) -> Parsing:
    """One person all over the picture; each prompt has a band of rows, the last prompts may get none."""
    prompts = query.prompts or ("hair", "face")
    height, width, _ = picture.shape
    segment_map = np.zeros((height, width), dtype=np.uint16)
    segments = []
    for id_, (label, rows) in enumerate(zip(prompts, range(height), strict=False), start=1):
        segment_map[rows] = id_
        segments.append(Segment(id_, label, "clothing", 1, 0.5, (0, rows, width, 1), width))
    ids = tuple(segment.id for segment in segments)
    person = Person(1, 0.9, (0, 0, width, height), width * height, ids)
    return Parsing(
        segment_map,
        np.ones((height, width), dtype=np.uint16),
        (person,),
        tuple(segments),
        unmatched_prompts=tuple(prompts[height:]),
        timings_ms={"forward": 1.0},
    )


@dataclass
class Bands:
    """The model: it waits while `gate` is closed and asked to, and breaks where it is asked to."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    parsed: int = 0

    def forward(self, pictures: Any, queries: Any, _share: int) -> list[Parsing]:
        asked = [prompt for query in queries for prompt in query.prompts or ()]
        if FAULT_PROMPT in asked:
            raise RuntimeError("told to break")
        while GATE_PROMPT in asked and not self.gate.is_set():
            pass
        self.parsed += len(pictures)
        return [bands(picture, query) for picture, query in zip(pictures, queries, strict=True)]

    def craft(self, settings: Settings) -> Craft:
        def query(request: dict[str, Any]) -> Query:
            return Query(None if request["prompts"] is None else tuple(request["prompts"]))

        def render(reading: Any, request: dict[str, Any], **told: Any) -> dict[str, Any]:
            return schemas.render(reading, request, MODEL, **told)

        decode = partial(images.decode, limits=images.Limits.of(settings))
        return Craft(decode, query, lambda width, height: width * height, self.forward, render)


@asynccontextmanager
async def client_of(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.create(settings, jobs))
    async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
        yield client


@asynccontextmanager
async def worker_of(settings: Settings, jobs: Jobs, model: Bands) -> AsyncIterator[None]:
    """A living worker, and a heartbeat as long as the block."""
    stop, consumer = asyncio.Event(), f"w-{secrets.token_hex(3)}"
    await jobs.beat(consumer, {**MODEL, "device": "cpu"}, 60)
    craft, budget = model.craft(settings), Budget(10**9, 8)
    working = asyncio.create_task(work(jobs, craft, stop, consumer=consumer, budget=budget))
    try:
        yield
    finally:
        model.gate.set()
        stop.set()
        await working


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(max_body_bytes=400_000, max_image_bytes=200_000, wait_seconds=20, lease_seconds=30)


@pytest.fixture
async def client(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    """The API without any worker."""
    async with client_of(settings, jobs) as client:
        yield client


@pytest.fixture
async def model(settings: Settings, connect: Callable[..., Jobs]) -> AsyncIterator[Bands]:
    """A worker at the other end of the queue."""
    model = Bands()
    async with worker_of(settings, connect(lease_seconds=30), model):
        yield model


def form(data: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """Keywords of a multipart request."""
    return {"files": {"image": ("photo", encoded() if data is None else data)}, "data": fields}


def as_json(data: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """Keywords of a JSON request."""
    text = base64.b64encode(encoded() if data is None else data).decode()
    return {"json": {"image": {"base64": text}, **fields}}


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    told = response.json()
    assert (response.status_code, told["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    assert told["type"].endswith(code)
    assert told["title"] and told["detail"]
    assert response.headers["x-request-id"]


@pytest.mark.usefixtures("model")
class TestParse:
    """A picture goes in and its parsing comes back."""

    async def test_a_form_comes_back_parsed(self, client: httpx.AsyncClient):
        response = await client.post("/parse", **form(prompts=["red hat", "coat"]))
        assert response.status_code == 200
        answer = response.json()
        schemas.ParseAnswer.model_validate(answer)
        assert answer["image"] == {
            "width": 8,
            "height": 6,
            "sha256": hashlib.sha256(encoded()).hexdigest(),
        }
        assert [segment["label"] for segment in answer["segments"]] == ["red hat", "coat"]
        assert coco.decode(answer["segments"][1]["mask"])[1].all()
        assert set(answer["timings_ms"]) == {"decode", "queue", "forward", "encode"}

    async def test_json_asks_what_a_form_asks(self, client: httpx.AsyncClient):
        fields: dict[str, Any] = {"prompts": ["hat", "coat"], "mask_format": "polygon"}
        by_form = (await client.post("/parse", **form(**fields))).json()
        by_json = (await client.post("/parse", **as_json(**fields))).json()
        for answer in (by_form, by_json):
            del answer["id"], answer["timings_ms"]
        assert by_form == by_json

    async def test_base64_may_be_wrapped_or_a_data_url(self, client: httpx.AsyncClient):
        text = base64.encodebytes(encoded((60, 50))).decode()
        assert "\n" in text.strip()
        for source in (text, "data:image/png;base64," + text):
            response = await client.post("/parse", json={"image": {"base64": source}})
            assert response.status_code == 200

    async def test_no_prompts_ask_for_the_default_vocabulary(self, client: httpx.AsyncClient):
        answer = (await client.post("/parse", **form())).json()
        assert [segment["label"] for segment in answer["segments"]] == ["hair", "face"]

    async def test_a_prompt_comes_back_word_for_word(self, client: httpx.AsyncClient):
        prompt = "  Größe XL — Dirndl, été  "
        for request in (form(prompts=[prompt]), as_json(prompts=[prompt])):
            answer = (await client.post("/parse", **request)).json()
            assert answer["segments"][0]["label"] == prompt

    async def test_a_picture_of_one_pixel_is_parsed(self, client: httpx.AsyncClient):
        answer = (await client.post("/parse", **form(encoded((1, 1)), prompts=["hat", "scarf"]))).json()
        assert answer["persons"][0]["bbox"] == [0, 0, 1, 1]
        assert answer["unmatched_prompts"] == ["scarf"]

    async def test_a_picture_is_parsed_as_exif_turns_it(self, client: httpx.AsyncClient):
        exif = Image.Exif()
        exif[0x0112] = 6
        answer = (await client.post("/parse", **form(encoded((8, 6), "JPEG", exif=exif)))).json()
        assert (answer["image"]["width"], answer["image"]["height"]) == (6, 8)

    async def test_an_answer_tells_its_times_and_its_request(self, client: httpx.AsyncClient):
        response = await client.post("/parse", **form(), headers={"X-Request-ID": "mine-7"})
        assert response.headers["x-request-id"] == "mine-7"
        stages = {part.partition(";")[0] for part in response.headers["server-timing"].split(", ")}
        assert {"decode", "queue", "forward", "total"} <= stages

    async def test_an_unsafe_request_id_is_replaced(self, client: httpx.AsyncClient):
        response = await client.get("/livez", headers={"X-Request-ID": "a b\tc"})
        assert response.headers["x-request-id"] != "a b\tc"

    async def test_a_torn_picture_fails_alone(self, client: httpx.AsyncClient):
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        data = BytesIO()
        Image.fromarray(noise).save(data, "PNG")
        torn = data.getvalue()[:4_000]
        bad, good = await asyncio.gather(
            client.post("/parse", **form(torn)), client.post("/parse", **form(encoded((9, 9))))
        )
        assert_problem(bad, 422, "image_undecodable")
        assert good.status_code == 200

    async def test_a_failure_of_the_model_tells_nothing_of_its_inside(self, client: httpx.AsyncClient):
        response = await client.post("/parse", **form(prompts=[FAULT_PROMPT]))
        assert_problem(response, 500, "parse_failed")
        assert "told to break" not in response.text

    async def test_many_callers_at_once_all_get_their_own(self, client: httpx.AsyncClient):
        requests = [form(encoded((4 + n % 5, 7)), prompts=[f"hat {n}"]) for n in range(40)]
        answers = await asyncio.gather(*(client.post("/parse", **request) for request in requests))
        labels = [answer.json()["segments"][0]["label"] for answer in answers]
        assert labels == [f"hat {n}" for n in range(40)]
        assert len({answer.json()["id"] for answer in answers}) == 40


class TestJobs:
    """A caller need not wait."""

    async def test_respond_async_answers_at_once_and_the_job_ends(
        self, client: httpx.AsyncClient, model: Bands
    ):
        response = await client.post("/parse", **form(), headers={"Prefer": "respond-async"})
        assert response.status_code == 202
        assert response.headers["preference-applied"] == "respond-async"
        job = response.json()
        assert job["status"] == "queued"
        assert response.headers["location"] == f"/jobs/{job['id']}"
        while (told := (await client.get(response.headers["location"])).json())["status"] != "done":
            assert told["status"] in ("queued", "running")
            await asyncio.sleep(0.02)
        schemas.JobAnswer.model_validate(told)
        assert told["result"]["id"] == told["id"] == job["id"]
        assert model.parsed == 1

    async def test_a_call_that_outlasts_the_wait_gets_the_same_202(
        self, client: httpx.AsyncClient, model: Bands
    ):
        response = await client.post("/parse", **form(prompts=[GATE_PROMPT]), headers={"Prefer": "wait=0"})
        assert response.status_code == 202
        assert "preference-applied" not in response.headers
        location = response.headers["location"]
        assert (await client.get(location)).json()["status"] in ("queued", "running")
        model.gate.set()
        while (await client.get(location)).json()["status"] != "done":
            await asyncio.sleep(0.02)

    async def test_a_waiting_job_can_be_cancelled(self, client: httpx.AsyncClient):
        job = (await client.post("/parse", **form(), headers={"Prefer": "respond-async"})).json()
        assert (await client.delete(f"/jobs/{job['id']}")).json() == {"id": job["id"], "status": "cancelled"}
        assert (await client.get(f"/jobs/{job['id']}")).json()["status"] == "cancelled"

    async def test_a_job_that_has_ended_stays_as_it_is(self, client: httpx.AsyncClient, model: Bands):
        job_id = (await client.post("/parse", **form())).json()["id"]
        assert (await client.delete(f"/jobs/{job_id}")).json()["status"] == "done"
        assert (await client.get(f"/jobs/{job_id}")).json()["result"]["persons"]
        assert model.parsed == 1

    @pytest.mark.usefixtures("model")
    async def test_a_failed_job_tells_its_problem(self, client: httpx.AsyncClient):
        request = form(prompts=[FAULT_PROMPT])
        job = (await client.post("/parse", **request, headers={"Prefer": "respond-async"})).json()
        while (told := (await client.get(f"/jobs/{job['id']}")).json())["status"] != "failed":
            await asyncio.sleep(0.02)
        schemas.JobAnswer.model_validate(told)
        assert told["error"]["code"] == "parse_failed"

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("job_id", ["0" * 32, "no-id", "%2e%2e"])
    async def test_an_unknown_job_is_not_found(self, client: httpx.AsyncClient, method: str, job_id: str):
        assert_problem(await client.request(method, f"/jobs/{job_id}"), 404, "job_not_found")

    async def test_what_a_job_carries_is_what_was_asked(
        self, client: httpx.AsyncClient, connect: Callable[..., Jobs]
    ):
        sent = as_json(caption="a red coat", body_parts=True, min_score=0.25, mask_format="png")
        await client.post("/parse", **sent, headers={"Prefer": "respond-async", "X-Request-ID": "r-1"})
        (claimed,) = await connect().claim("w", 1, 1000)
        carried = claimed.request
        asked = {"prompts": None, "caption": "a red coat", "body_parts": True, "min_score": 0.25}
        assert asked.items() <= carried.items()
        assert (carried["mask_format"], carried["request_id"]) == ("png", "r-1")
        assert (carried["image"]["width"], carried["image"]["height"]) == (8, 6)
        assert "callback_url" not in carried


GOOD = encoded()
HUGE_TEXT = "x" * 101
BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no picture in the form": ({"files": {"other": ("a", b"b")}}, 422, "image_missing"),
    "no picture in the JSON": ({"json": {"prompts": ["hat"]}}, 422, "image_missing"),
    "an empty source": ({"json": {"image": {}}}, 422, "image_missing"),
    "no bytes": (form(b""), 422, "image_empty"),
    "no bytes in base64": (as_json(b""), 422, "image_empty"),
    "two pictures": ({"files": [("image", ("a", GOOD)), ("image", ("b", GOOD))]}, 422, "invalid_field"),
    "a picture as text": ({"files": {"image": (None, "text")}}, 422, "invalid_field"),
    "text as a picture": (form(b"hello"), 415, "image_type_unsupported"),
    "a GIF": (form(encoded(form="GIF")), 415, "image_type_unsupported"),
    "an SVG": (form(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), 415, "image_type_unsupported"),
    "a torn header": (form(GOOD[:20]), 422, "image_undecodable"),
    "a picture bomb": (form(bomb()), 413, "image_too_many_pixels"),
    "an animation": (form(animation()), 422, "image_animated"),
    "too many bytes": (form(GOOD + b"\0" * 200_000), 413, "image_too_large"),
    "too large a body": (form(GOOD + b"\0" * 400_000), 413, "body_too_large"),
    "base64 that is none": ({"json": {"image": {"base64": "@@@"}}}, 422, "image_base64_invalid"),
    "a URL of the inside": ({"json": {"image": {"url": "http://127.0.0.1/b.jpg"}}}, 422, "url_refused"),
    "a URL that is none": ({"json": {"image": {"url": "b.jpg"}}}, 422, "url_invalid"),
    "an empty URL": ({"json": {"image": {"url": ""}}}, 422, "url_invalid"),
    "a form's URL of the inside": (
        {"files": {"image_url": (None, "http://[::1]/")}},
        422,
        "url_refused",
    ),
    "a form's URL as a file": ({"files": {"image_url": ("a", b"http://a")}}, 422, "invalid_field"),
    "a form's picture and URL": (
        {"files": {"image": ("a", GOOD), "image_url": (None, "http://a")}},
        422,
        "conflicting_fields",
    ),
    "both sources": ({"json": {"image": {"url": "http://a", "base64": "aa"}}}, 422, "conflicting_fields"),
    "JSON that is none": (
        {"content": b'{"image":', "headers": {"Content-Type": "application/json"}},
        400,
        "malformed_body",
    ),
    "a JSON list": ({"json": ["image"]}, 400, "malformed_body"),
    "a form that is none": (
        {"content": b"abc", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        400,
        "malformed_body",
    ),
    "a form without boundary": (
        {"content": b"abc", "headers": {"Content-Type": "multipart/form-data"}},
        400,
        "malformed_body",
    ),
    "another content type": (
        {"content": GOOD, "headers": {"Content-Type": "image/png"}},
        415,
        "unsupported_media_type",
    ),
    "no content type": ({"content": GOOD}, 415, "unsupported_media_type"),
    "an unknown field": (form(promts="hat"), 422, "invalid_field"),
    "an unknown field in JSON": (as_json(promts=["hat"]), 422, "invalid_field"),
    "a score above one": (form(min_score="1.5"), 422, "invalid_field"),
    "a score that is no number": (form(min_score="nan"), 422, "invalid_field"),
    "an unknown mask format": (form(mask_format="svg"), 422, "invalid_field"),
    "a mask format twice": (form(mask_format=["rle", "png"]), 422, "invalid_field"),
    "a flag that is none": (form(body_parts="perhaps"), 422, "invalid_field"),
    "no prompts at all": (as_json(prompts=[]), 422, "invalid_field"),
    "prompts that are no list": (as_json(prompts="hat"), 422, "invalid_field"),
    "an empty prompt": (form(prompts=["hat", "  "]), 422, "invalid_prompt"),
    "a prompt without a word": (form(prompts=["???"]), 422, "invalid_prompt"),
    "a prompt of control characters": (as_json(prompts=["hat\0"]), 422, "invalid_prompt"),
    "too long a prompt": (form(prompts=[HUGE_TEXT]), 422, "invalid_prompt"),
    "too many prompts": (form(prompts=[f"hat {n}" for n in range(65)]), 422, "too_many_prompts"),
    "an empty caption": (form(caption=" "), 422, "invalid_caption"),
    "too long a caption": (as_json(caption="a coat " * 300), 422, "invalid_caption"),
    "prompts and a caption": (form(prompts=["hat"], caption="a hat"), 422, "conflicting_fields"),
}


class TestBadInput:
    """Each kind of bad input has its status and its code, and none reaches the queue."""

    @pytest.mark.parametrize("kind", BAD)
    async def test_bad_input_is_told_by_status_and_code(
        self, client: httpx.AsyncClient, jobs: Jobs, kind: str
    ):
        request, status, code = BAD[kind]
        assert_problem(await client.post("/parse", **request), status, code)
        assert await jobs.depth() == 0

    async def test_what_was_sent_is_never_sent_back(self, client: httpx.AsyncClient):
        response = await client.post("/parse", **as_json(min_score="secret-value"))
        assert_problem(response, 422, "invalid_field")
        assert "secret-value" not in response.text
        assert response.json()["errors"][0]["field"] == "min_score"

    async def test_an_endless_body_is_cut_off_before_it_is_buffered(self, client: httpx.AsyncClient):
        """No Content-Length: the limit of 400 kB must hold while the body arrives."""
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
            while True:
                sent += 1
                yield b"\0" * 10_000

        for content_type in ("multipart/form-data; boundary=x", "application/json"):
            sent = 0
            headers = {"Content-Type": content_type}
            response = await client.post("/parse", content=endless(), headers=headers)
            assert_problem(response, 413, "body_too_large")
            assert sent <= 41

    async def test_an_announced_body_is_refused_unread(self, client: httpx.AsyncClient):
        async def unread() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        headers = {"Content-Type": "application/json", "Content-Length": "400001"}
        response = await client.post("/parse", content=unread(), headers=headers)
        assert_problem(response, 413, "body_too_large")

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nowhere", 404, "not_found"),
            ("GET", "/parse", 405, "method_not_allowed"),
            ("PUT", "/jobs/1", 405, "method_not_allowed"),
        ],
    )
    async def test_routes_that_are_none(
        self, client: httpx.AsyncClient, method: str, path: str, status: int, code: str
    ):
        response = await client.request(method, path)
        assert_problem(response, status, code)
        if status == 405:
            assert response.headers["allow"]


class TestSystem:
    """The service tells how it stands."""

    async def test_a_full_queue_refuses_with_a_time_to_come_back(
        self, make_settings: MakeSettings, connect: Callable[..., Jobs]
    ):
        async with client_of(make_settings(queue_depth=1), connect(queue_depth=1)) as client:
            headers = {"Prefer": "respond-async", "Cache-Control": "no-store"}
            assert (await client.post("/parse", **form(), headers=headers)).status_code == 202
            response = await client.post("/parse", **form(), headers=headers)
            assert_problem(response, 503, "overloaded")
            assert int(response.headers["retry-after"]) >= 1

    async def test_without_redis_everything_but_livez_is_unavailable(self):
        away = Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0", "redis_timeout_seconds": 0.5})
        jobs = Jobs.connect(away)
        async with client_of(away, jobs) as client:
            for response in (await client.post("/parse", **form()), await client.get("/readyz")):
                assert_problem(response, 503, "queue_unavailable")
                assert int(response.headers["retry-after"]) >= 1
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/metrics")).status_code == 200
        await jobs.close()

    async def test_ready_means_a_worker_lives(
        self, client: httpx.AsyncClient, settings: Settings, connect: Callable[..., Jobs]
    ):
        assert_problem(await client.get("/readyz"), 503, "not_ready")
        async with worker_of(settings, connect(lease_seconds=30), Bands()):
            response = await client.get("/readyz")
            assert (response.status_code, response.json()["status"]) == (200, "ready")
            assert (await client.get("/info")).json()["models"] == [{**MODEL, "device": "cpu"}]

    async def test_info_names_limits_and_formats(self, client: httpx.AsyncClient):
        told = (await client.get("/info")).json()
        assert told["limits"]["max_body_bytes"] == 400_000
        assert told["mask_formats"] == ["rle", "polygon", "png", "none"]
        assert told["models"] == []

    @pytest.mark.usefixtures("model")
    async def test_metrics_count_requests_by_route_and_status(self, client: httpx.AsyncClient):
        await client.post("/parse", **form())
        await client.get("/jobs/unknown")
        text = (await client.get("/metrics")).text
        assert 'parse_requests_total{code="200",route="/parse"}' in text
        assert 'parse_requests_total{code="404",route="/jobs/{job_id}"}' in text
        assert "parse_queue_depth 0.0" in text
        assert 'parse_stage_seconds_count{stage="upload"}' in text

    async def test_the_documentation_names_every_route_and_form_field(self, client: httpx.AsyncClient):
        assert (await client.get("/docs")).status_code == 200
        spec = (await client.get("/openapi.json")).json()
        assert {"/parse", "/jobs/{job_id}", "/info", "/livez", "/readyz"} <= set(spec["paths"])
        content = spec["paths"]["/parse"]["post"]["requestBody"]["content"]
        assert set(content) == {"multipart/form-data", "application/json"}
        for shape in content.values():
            named = {"image", *schemas.Options.model_fields} - {"callback_url"}  # none are made here
            assert named <= set(shape["schema"]["properties"])
        assert all(reference in json.dumps(spec) for reference in ("ParseAnswer", "ProblemAnswer"))

    async def test_the_playground_asks_nobody_else(self, client: httpx.AsyncClient):
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "http://" not in page.text
        assert "https://" not in page.text

    async def test_what_nobody_caught_is_an_internal_error(
        self, settings: Settings, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
    ):
        def explode(*_: object) -> None:
            raise ZeroDivisionError("secret detail")

        monkeypatch.setattr(images, "inspect", explode)
        async with client_of(settings, jobs) as client:
            response = await client.post("/parse", **form())
        assert_problem(response, 500, "internal_error")
        assert "secret detail" not in response.text


def test_import_of_the_api_leaves_torch_unloaded():
    loaded = "print(*(name in sys.modules for name in ('torch', 'model')))"
    code = f"import sys, service.api, service.cli, service.programs.serve; {loaded}"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "False False"
