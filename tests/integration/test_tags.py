"""Tags by HTTP: who asks gets them, and no answer changes for those who do not."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

from model.parser import Parsing, Query
from service import api, schemas
from service.delivery.jobs import Jobs
from service.settings import Settings
from service.worker.batching import Budget
from service.worker.craft import Picture, craft_of
from service.worker.process import work
from tests.unit.doll import Doll, plain

MakeSettings = Callable[..., Settings]
DOLL = Doll(sleeve=115, hem=240)


class Seen(NamedTuple):
    """A picture that the doll was looked for in."""

    image: Picture


class DollParser:
    """Finds the same doll in every picture; of what a worker does with a model all else is real."""

    name, revision, lanes = "doll", "0" * 12, 1

    def cost(self, width: int, height: int) -> int:
        """Pixels."""
        return width * height

    def forward(self, pictures: Sequence[Picture], queries: Sequence[Query], _share: int) -> list[Seen]:
        """The pictures."""
        assert len(pictures) == len(queries)
        return [Seen(picture) for picture in pictures]

    def read(self, _seen: Seen) -> Parsing:
        """The doll."""
        return DOLL.parsing()


@asynccontextmanager
async def client_of(settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API with one worker."""
    stop = asyncio.Event()
    craft = craft_of(DollParser(), settings)  # type: ignore[arg-type]
    worker = asyncio.create_task(work(jobs, craft, stop, consumer="w", budget=Budget(1_000_000, 8)))
    transport = httpx.ASGITransport(api.create(settings, jobs))
    async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=60) as client:
        yield client
    stop.set()
    assert await worker


@pytest.fixture
async def client(make_settings: MakeSettings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_settings(), jobs) as made:
        yield made


def picture() -> bytes:
    data = io.BytesIO()
    Image.fromarray(plain(DOLL.parsing())).save(data, "PNG")
    return data.getvalue()


async def parse(client: httpx.AsyncClient, **fields: str) -> dict[str, Any]:
    sent = {"image": ("p.png", picture(), "image/png")}
    answer = await client.post("/parse", files=sent, data=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_label(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {segment["label"]: segment for segment in answer["segments"]}


async def test_who_does_not_ask_gets_no_tags(client):
    without = await parse(client)
    schemas.ParseAnswer.model_validate(without)
    assert all("tags" not in segment for segment in without["segments"])


async def test_tags_come_beside_all_else_and_for_what_is_worn_alone(client):
    """One after the other: equal requests but for the tags must not share a kept answer."""
    without, tagged = await parse(client), await parse(client, tags="true")
    schemas.ParseAnswer.model_validate(tagged)
    found = by_label(tagged)
    assert {label for label, segment in found.items() if "tags" in segment} == {"t-shirt", "skirt", "shoes"}
    bare = [{k: v for k, v in segment.items() if k != "tags"} for segment in tagged["segments"]]
    assert bare == without["segments"]


async def test_tags_say_category_attributes_and_other_taxonomies(client):
    found = by_label(await parse(client, tags="true"))
    assert found["t-shirt"]["tags"]["attributes"] == {
        "pattern": "plain",
        "sleeve_length": "short",
        "length": None,
    }
    skirt = found["skirt"]["tags"]
    assert skirt["category"] == found["skirt"]["taxonomy"] == ["lower body", "skirt"]
    assert skirt["attributes"] == {"pattern": "plain", "sleeve_length": None, "length": "short"}
    assert skirt["fashionpedia"] == {"id": 8, "name": "skirt", "match": "exact"}
    assert (skirt["google"]["id"], skirt["google"]["match"]) == (2331, "exact")
    assert found["shoes"]["tags"]["google"]["id"] == 187


@pytest.mark.parametrize("words", [{"prompts": "t-shirt"}, {"caption": "a t-shirt and a skirt"}])
async def test_with_words_of_ones_own_no_length_is_told(client, words):
    found = by_label(await parse(client, tags="true", **words))
    assert found["t-shirt"]["tags"]["attributes"] == {
        "pattern": "plain",
        "sleeve_length": None,
        "length": None,
    }
    assert found["skirt"]["tags"]["google"]["id"] == 1581


async def test_fields_of_tags_can_be_chosen(client):
    answer = await parse(client, tags="true", include="segments.label,segments.tags.google.id")
    assert by_label(answer)["shoes"] == {"label": "shoes", "tags": {"google": {"id": 187}}}
    assert "tags" not in by_label(await parse(client, tags="true", exclude="segments.tags"))["shoes"]


async def test_json_and_batches_take_the_option_too(client):
    coded = base64.b64encode(picture()).decode()
    one = await client.post("/parse", json={"image": {"base64": coded}, "tags": True})
    assert by_label(one.json())["skirt"]["tags"]["attributes"]["length"] == "short"
    several = {"images": [{"base64": coded, "tags": True}, {"base64": coded}]}
    answer = (await client.post("/parse/batch", json=several)).json()
    first, second = (by_label(item["result"])["skirt"] for item in answer["items"])
    assert (first["tags"]["google"]["id"], "tags" in second) == (2331, False)


async def test_a_flag_that_is_none_is_refused(client):
    sent = {"image": ("p.png", picture(), "image/png")}
    answer = await client.post("/parse", files=sent, data={"tags": "perhaps"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
