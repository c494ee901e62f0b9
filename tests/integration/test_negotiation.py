"""An answer comes in the form and with the fields that its caller asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as Xml

import httpx
import numpy as np
import pytest
from PIL import Image

from service.delivery.jobs import Jobs
from service.settings import Settings
from service.web import negotiate
from tests.integration import test_api as api_tests
from tests.integration.test_api import Bands, as_json, assert_problem, client_of, encoded, form, worker_of

MakeSettings = Callable[..., Settings]
PHOTO = encoded((40, 30))


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(wait_seconds=20, lease_seconds=30)


@pytest.fixture
async def client(
    settings: Settings, connect: Callable[..., Jobs], jobs: Jobs
) -> AsyncIterator[httpx.AsyncClient]:
    async with worker_of(settings, connect(lease_seconds=30), Bands()), client_of(settings, jobs) as client:
        yield client


async def ended(client: httpx.AsyncClient, location: str, **request: Any) -> httpx.Response:
    """The first answer of a job's address that tells of no waiting."""
    while True:
        response = await client.get(location, **request)
        if "json" not in response.headers["content-type"] or response.json().get("status") not in (
            "queued",
            "running",
        ):
            return response
        await asyncio.sleep(0.02)


async def test_excluded_fields_are_left_out_and_the_rest_is_as_ever(client: httpx.AsyncClient):
    whole = (await client.post("/parse", **form(PHOTO, prompts=["hat", "coat"]))).json()
    for request in (
        form(PHOTO, prompts=["hat", "coat"], exclude="persons.mask, segments.colors,timings_ms"),
        as_json(PHOTO, prompts=["hat", "coat"], exclude=["persons.mask", "segments.colors", "timings_ms"]),
    ):
        short = (await client.post("/parse", **request)).json()
        assert set(whole) - set(short) == {"timings_ms"}
        assert "mask" not in short["persons"][0] and "colors" not in short["segments"][1]
        assert short["segments"][1]["mask"] == whole["segments"][1]["mask"]


async def test_included_fields_come_alone(client: httpx.AsyncClient):
    told = (await client.post("/parse", **as_json(prompts=["hat"], include=["segments.label"]))).json()
    assert set(told) == {"id", "object", "segments"}
    assert told["segments"] == [{"label": "hat"}]


@pytest.mark.parametrize("field", ["include", "exclude"])
async def test_unknown_fields_are_refused(client: httpx.AsyncClient, field: str):
    assert_problem(
        await client.post("/parse", **form(None, **{field: "persons.masks"})), 422, "invalid_field"
    )
    assert_problem(await client.post("/parse", **as_json(None, **{field: ["nothing"]})), 422, "invalid_field")
    assert_problem(await client.get(f"/jobs/{'0' * 32}?{field}=nothing"), 422, "invalid_field")


async def test_a_drawing_shows_the_picture_with_its_segments(client: httpx.AsyncClient):
    request = form(PHOTO, prompts=["hat"], mask_format="none")
    response = await client.post("/parse", **request, headers={"Accept": "image/png"})
    assert response.headers["content-type"] == "image/png"
    assert "Accept" in response.headers["vary"]
    with Image.open(BytesIO(response.content)) as drawn:
        assert drawn.format == "PNG" and drawn.height == 480
        middle = drawn.getpixel((drawn.width // 2, 400))
    assert middle == (10, 120, 30), "the picture itself is not below"


async def test_a_job_is_drawn_on_plain_ground(client: httpx.AsyncClient):
    headers = {"Prefer": "respond-async", "Accept": "image/png"}
    accepted = await client.post("/parse", **form(PHOTO, prompts=["hat"]), headers=headers)
    assert (accepted.status_code, accepted.headers["location"][-11:]) == (202, "?format=png")
    response = await ended(client, accepted.headers["location"])
    with Image.open(BytesIO(response.content)) as drawn:
        pixels = np.asarray(drawn.convert("RGB"))
    assert (pixels == 236).all(axis=-1).mean() > 0.5


@pytest.mark.parametrize("name", ["coco-panoptic", "coco-instances", "label-studio", "cvat"])
async def test_exports_come_by_format_and_by_accept(client: httpx.AsyncClient, name: str):
    media = negotiate.MEDIA_TYPES[name]
    request = as_json(PHOTO, prompts=["red hat"], mask_format="none")
    by_name = await client.post("/parse", params={"format": name}, **request)
    by_type = await client.post("/parse", headers={"Accept": media}, **request)
    for response in (by_name, by_type):
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].partition(";")[0] == media
        assert "red hat" in response.text
        (Xml.fromstring if name == "cvat" else json.loads)(response.text)


async def test_a_jobs_answer_can_be_exported_later(client: httpx.AsyncClient):
    id_ = (await client.post("/parse", **form(PHOTO, prompts=["hat"], mask_format="polygon"))).json()["id"]
    exported = await client.get(f"/jobs/{id_}", params={"format": "coco-instances", "exclude": "persons"})
    assert [each["area"] for each in exported.json()["annotations"]] == [40]
    told = (await client.get(f"/jobs/{id_}", params={"include": "image"})).json()
    assert told["status"] == "done" and set(told["result"]) == {"id", "object", "image"}


async def test_a_job_without_masks_cannot_be_exported(client: httpx.AsyncClient):
    id_ = (await client.post("/parse", **form(mask_format="none"))).json()["id"]
    assert_problem(await client.get(f"/jobs/{id_}?format=cvat"), 409, "masks_missing")


async def test_answers_are_packed_where_that_is_taken_and_saves_something(client: httpx.AsyncClient):
    request = as_json(PHOTO, prompts=[f"hat {n}" for n in range(25)])
    packed = await client.post("/parse", **request)
    assert packed.headers["content-encoding"] == "gzip"
    plain = await client.post("/parse", **request, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"] and "Accept" in packed.headers["vary"]
    assert packed.json()["segments"] == plain.json()["segments"]
    drawn = await client.post("/parse?format=png", **request)
    assert "content-encoding" not in drawn.headers
    assert "content-encoding" not in (await client.get("/livez")).headers


async def test_an_export_leaves_out_whole_parts_alone(client: httpx.AsyncClient):
    """What an export is made of cannot be missing from it; persons and segments can."""
    for asked, names in (
        ({"exclude": ["segments.mask", "image"]}, {"person", "hat"}),
        ({"exclude": ["persons"]}, {"hat"}),
        ({"include": ["segments.label"]}, {"hat"}),
        ({"include": ["persons.id", "model"]}, {"person"}),
    ):
        request = as_json(PHOTO, prompts=["hat"], **asked)
        made = (await client.post("/parse?format=coco-instances", **request)).json()
        assert {category["name"] for category in made["categories"]} == names


async def test_what_names_an_answer_cannot_be_left_out(client: httpx.AsyncClient):
    assert_problem(await client.post("/parse", **as_json(exclude=["id"])), 422, "invalid_field")


@pytest.mark.parametrize("wish", [{"headers": {"Accept": "text/html"}}, {"params": {"format": "svg"}}])
async def test_other_formats_are_refused_before_any_work(
    client: httpx.AsyncClient, jobs: Jobs, wish: dict[str, Any]
):
    assert_problem(await client.post("/parse", **form(), **wish), 406, "not_acceptable")
    assert await jobs.depth() == 0
    assert (
        await client.post("/parse", **form(), params={"format": "json"}, headers={"Accept": "a/b"})
    ).is_success


async def test_a_failure_is_a_problem_document_whatever_was_asked_for(client: httpx.AsyncClient):
    request = form(prompts=[api_tests.FAULT_PROMPT])
    assert_problem(await client.post("/parse?format=png", **request), 500, "parse_failed")
