"""POST /parse/batch: every picture ends by itself."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from service import api, schemas
from service.delivery.jobs import Jobs
from service.delivery.keys import RedisKeys, issue
from service.delivery.quotas import Limits
from service.settings import Settings
from tests.integration.test_api import (
    FAULT_PROMPT,
    GATE_PROMPT,
    Bands,
    MakeSettings,
    assert_problem,
    encoded,
    worker_of,
)
from tests.integration.web_server import WebServer, answer, serving

ASYNC = {"Prefer": "respond-async"}
Post = Callable[..., Any]


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(
        max_body_bytes=100_000,
        max_image_bytes=50_000,
        wait_seconds=20,
        lease_seconds=30,
        url_allow_networks=("127.0.0.1/32",),
        url_ports=tuple(range(1_024, 65_536)),
    )


@pytest.fixture
async def client(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.create(settings, jobs))
    async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
        yield client


@pytest.fixture
async def model(settings: Settings, connect: Callable[..., Jobs]) -> AsyncIterator[Bands]:
    model = Bands()
    async with worker_of(settings, connect(lease_seconds=30), model):
        yield model


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with serving() as web:
        yield web


def b64(data: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode()}


def files(*pictures: bytes) -> list[tuple[str, Any]]:
    return [("image", (f"{number}.png", data)) for number, data in enumerate(pictures)]


def labels(item: dict[str, Any]) -> list[str]:
    return [segment["label"] for segment in item["result"]["segments"]]


@pytest.mark.usefixtures("model")
class TestBatch:
    """Answers come in the order of the pictures."""

    async def test_each_picture_of_a_form_is_answered_in_its_place(self, client: httpx.AsyncClient):
        sizes = [(8, 6), (4, 9), (7, 7)]
        sent = files(*(encoded(size) for size in sizes))
        response = await client.post("/parse/batch", files=sent, data={"prompts": ["hat", "coat"]})
        assert response.status_code == 200, response.text
        told = schemas.BatchAnswer.model_validate(response.json())
        assert [item.index for item in told.items] == [0, 1, 2]
        assert [(item.result.image.width, item.result.image.height) for item in told.items] == sizes
        assert all(labels(item) == ["hat", "coat"] for item in response.json()["items"])

    async def test_one_bad_picture_spoils_no_other(self, client: httpx.AsyncClient, web: WebServer):
        good = encoded()
        web.pages["/a.png"] = answer(encoded((3, 3)))
        images: list[Any] = [
            b64(good),
            b64(b"no picture"),
            {"base64": "@@@"},
            {},
            7,
            {"base64": "", "url": "http://a.example/"},
            {"url": web.url("/a.png")},
            {"url": web.url("/none.png")},
            {"url": "http://127.0.0.2/"},
            {**b64(good), "prompts": ["hat\0"]},
            {**b64(good), "promts": ["hat"]},
            {**b64(good), "prompts": [FAULT_PROMPT]},
            b64(good[:40]),
            b64(good),
        ]
        response = await client.post("/parse/batch", json={"images": images})
        assert response.status_code == 200
        schemas.BatchAnswer.model_validate(response.json())
        told = [item["error"]["code"] if "error" in item else "" for item in response.json()["items"]]
        assert told == [
            "",
            "image_type_unsupported",
            "image_base64_invalid",
            "image_missing",
            "malformed_body",
            "conflicting_fields",
            "",
            "url_not_found",
            "url_refused",
            "invalid_prompt",
            "invalid_field",
            "parse_failed",
            "image_undecodable",
            "",
        ]
        assert {item["status"] for item in response.json()["items"]} == {"done", "failed"}

    async def test_an_item_s_own_options_go_before_those_of_all(self, client: httpx.AsyncClient):
        images = [
            b64(encoded()),
            {**b64(encoded((5, 5))), "prompts": ["scarf"], "mask_format": "none"},
            {**b64(encoded((6, 5))), "exclude": ["segments"]},
        ]
        body = {"images": images, "prompts": ["hat"], "mask_format": "polygon"}
        first, second, third = (await client.post("/parse/batch", json=body)).json()["items"]
        assert (labels(first), labels(second)) == (["hat"], ["scarf"])
        assert "polygons" in first["result"]["persons"][0]["mask"]
        assert second["result"]["persons"][0]["mask"] is None
        assert "segments" not in third["result"] and third["result"]["persons"]

    async def test_prompts_of_an_item_stand_in_for_the_caption_of_all(self, client: httpx.AsyncClient):
        images = [{**b64(encoded()), "prompts": ["scarf"]}, b64(encoded((5, 5)))]
        response = await client.post("/parse/batch", json={"images": images, "caption": "a red coat"})
        first, second = response.json()["items"]
        assert labels(first) == ["scarf"]
        assert second["status"] == "done"

    async def test_a_form_may_have_files_and_urls(self, client: httpx.AsyncClient, web: WebServer):
        web.pages["/a.png"] = answer(encoded((3, 2)))
        sent = [*files(encoded()), ("image_url", (None, web.url("/a.png"))), *files(encoded((4, 4)))]
        items = (await client.post("/parse/batch", files=sent)).json()["items"]
        assert [item["result"]["image"]["width"] for item in items] == [8, 3, 4]

    async def test_the_same_picture_many_times_is_parsed_once(self, client: httpx.AsyncClient, model: Bands):
        items = (await client.post("/parse/batch", files=files(*[encoded()] * 8))).json()["items"]
        assert [item["status"] for item in items] == ["done"] * 8
        assert model.parsed == 1

    async def test_pictures_by_url_have_one_bound_together(self, client: httpx.AsyncClient, web: WebServer):
        picture = encoded() + b"\0" * 40_000
        web.pages |= {f"/{number}.png": answer(picture) for number in range(4)}
        images = [{"url": web.url(f"/{number}.png")} for number in range(4)]
        items = (await client.post("/parse/batch", json={"images": images})).json()["items"]
        codes = [item["error"]["code"] for item in items if item["status"] == "failed"]
        assert codes == ["body_too_large"] * 2


class TestJobs:
    """A batch can be left alone, too."""

    async def test_respond_async_answers_with_the_job_of_each(self, client: httpx.AsyncClient, model: Bands):
        pictures = [encoded((4, 4)), b"none", encoded((5, 5))]
        response = await client.post("/parse/batch", files=files(*pictures), headers=ASYNC)
        assert response.status_code == 202
        assert response.headers["preference-applied"] == "respond-async"
        first, second, third = response.json()["items"]
        assert second["error"]["code"] == "image_type_unsupported"
        for item in (first, third):
            while (await client.get(f"/jobs/{item['id']}")).json()["status"] != "done":
                await asyncio.sleep(0.02)
        assert model.parsed == 2

    async def test_what_outlasts_the_wait_is_a_job(self, client: httpx.AsyncClient, model: Bands):
        images = [b64(encoded()), {**b64(encoded()), "prompts": [GATE_PROMPT]}]
        wait = {"Prefer": "wait=1"}
        response = await client.post("/parse/batch", json={"images": images}, headers=wait)
        assert response.status_code == 202
        late = response.json()["items"][1]
        assert late["status"] == "queued"
        model.gate.set()
        while (await client.get(f"/jobs/{late['id']}")).json()["status"] != "done":
            await asyncio.sleep(0.02)

    async def test_a_deadline_is_every_picture_s(self, client: httpx.AsyncClient):
        response = await client.post(
            "/parse/batch", files=files(encoded(), b"none"), headers={"X-Deadline-Ms": "50"}
        )
        first, second = response.json()["items"]
        assert (first["status"], first["error"]["code"]) == ("expired", "deadline_exceeded")
        assert second["error"]["code"] == "image_type_unsupported"

    async def test_a_batch_that_is_sent_again_makes_no_new_jobs(self, client: httpx.AsyncClient):
        sent: dict[str, Any] = {
            "files": files(encoded(), encoded((5, 5))),
            "headers": {**ASYNC, "Idempotency-Key": "k1"},
        }
        first = (await client.post("/parse/batch", **sent)).json()["items"]
        again = (await client.post("/parse/batch", **sent)).json()["items"]
        assert [item["id"] for item in first] == [item["id"] for item in again]
        assert first[0]["id"] != first[1]["id"]


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no pictures in JSON": ({"json": {"images": []}}, 422, "image_missing"),
    "no list": ({"json": {"prompts": ["hat"]}}, 422, "invalid_field"),
    "no pictures in a form": ({"files": {"other": (None, "x")}}, 422, "invalid_field"),
    "only options in a form": ({"files": {"prompts": (None, "x")}}, 422, "image_missing"),
    "too many in JSON": ({"json": {"images": [{}] * 33}}, 422, "too_many_images"),
    "too many in a form": ({"files": files(*[b"x"] * 40)}, 422, "too_many_images"),
    "an unknown field for all": ({"json": {"images": [{}], "promts": []}}, 422, "invalid_field"),
    "a bad field for all in a form": (
        {"files": files(b"x"), "data": {"min_score": "2"}},
        422,
        "invalid_field",
    ),
    "too large a body": ({"files": files(b"x" * 60_000, b"y" * 60_000)}, 413, "body_too_large"),
    "another content type": ({"content": b"x"}, 415, "unsupported_media_type"),
    "JSON that is none": (
        {"content": b'{"images":[', "headers": {"Content-Type": "application/json"}},
        400,
        "malformed_body",
    ),
}


class TestRefusals:
    """What is wrong with the whole is told of the whole."""

    @pytest.mark.parametrize("kind", BAD)
    async def test_a_bad_batch_is_told_by_status_and_code(self, client: httpx.AsyncClient, kind: str):
        request, status, code = BAD[kind]
        assert_problem(await client.post("/parse/batch", **request), status, code)

    async def test_a_full_queue_takes_what_fits_and_refuses_the_rest(
        self, make_settings: MakeSettings, connect: Callable[..., Jobs]
    ):
        settings, jobs = make_settings(queue_depth=2), connect(queue_depth=2)
        transport = httpx.ASGITransport(api.create(settings, jobs))
        async with httpx.AsyncClient(transport=transport, base_url="http://spectrum") as client:
            pictures = [encoded((4 + number, 4)) for number in range(4)]
            response = await client.post("/parse/batch", files=files(*pictures), headers=ASYNC)
            assert response.status_code == 202
            items = response.json()["items"]
            assert sorted(item["status"] for item in items) == ["failed", "failed", "queued", "queued"]
            for item in items:
                assert item["status"] == "queued" or item["error"]["retry_after"] >= 1
            others = [encoded((4 + number, 5)) for number in range(4)]
            response = await client.post("/parse/batch", files=files(*others), headers=ASYNC)
            assert_problem(response, 503, "overloaded")
            assert int(response.headers["retry-after"]) >= 1


class TestLimits:
    """A key's limits count pictures."""

    @pytest.fixture
    async def locked(
        self, make_settings: MakeSettings, jobs: Jobs
    ) -> AsyncIterator[tuple[httpx.AsyncClient, Callable[..., Any]]]:
        transport = httpx.ASGITransport(api.create(make_settings(auth="keys"), jobs))

        async def key(**limits: int) -> dict[str, str]:
            made, token = issue("tests", Limits(**limits))
            await RedisKeys(jobs.broker).put(made)
            return {"X-API-Key": token}

        async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
            yield client, key

    async def test_pictures_beyond_the_limit_are_refused_one_by_one(
        self, locked: tuple[httpx.AsyncClient, Callable[..., Any]]
    ):
        client, key = locked
        pictures = [encoded((4 + number, 4)) for number in range(4)]
        for limits, code in (({"daily": 3}, "quota_exceeded"), ({"rate": 3}, "rate_limited")):
            headers = await key(**limits)
            response = await client.post("/parse/batch", files=files(*pictures), headers=headers | ASYNC)
            assert response.status_code == 202
            items = response.json()["items"]
            assert [item["status"] for item in items] == ["queued"] * 3 + ["failed"]
            assert items[3]["error"]["code"] == code
            assert items[3]["error"]["retry_after"] >= 1
            assert response.headers["ratelimit-remaining"] == "0"
            again = await client.post("/parse/batch", files=files(*pictures), headers=headers | ASYNC)
            assert_problem(again, 429, code)

    async def test_only_pictures_that_are_taken_count_for_the_day(
        self, locked: tuple[httpx.AsyncClient, Callable[..., Any]]
    ):
        client, key = locked
        headers = await key(daily=3)
        sent = files(encoded(), b"none", b"none")
        assert (await client.post("/parse/batch", files=sent, headers=headers | ASYNC)).status_code == 202
        sent = files(encoded((5, 5)), encoded((6, 6)), encoded((7, 7)))
        items = (await client.post("/parse/batch", files=sent, headers=headers | ASYNC)).json()["items"]
        assert [item["status"] for item in items] == ["queued", "queued", "failed"]

    async def test_a_batch_is_one_of_the_requests_at_once(
        self, locked: tuple[httpx.AsyncClient, Callable[..., Any]]
    ):
        client, key = locked
        headers = await key(concurrency=1)
        for _ in range(2):
            sent = files(encoded(), encoded((5, 5)))
            response = await client.post("/parse/batch", files=sent, headers=headers | ASYNC)
            assert {item["status"] for item in response.json()["items"]} == {"queued"}
