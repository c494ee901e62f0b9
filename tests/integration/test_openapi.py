"""The contract in machine form is valid, complete and true."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter

from service import api, schemas, signing
from service.delivery.jobs import Jobs
from service.errors import ERRORS
from service.settings import Settings
from service.web.openapi import document
from service.web.openapi.operations import OPERATIONS
from tests.integration.test_api import Bands, worker_of
from tests.integration.test_client import Moody, listening

HERE = Path(__file__).resolve().parent

AWAY = Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0", "webhook_secret": "s" * 32})
SPEC: dict[str, Any] = document.build(api.create(AWAY), AWAY)
EVERY = [(path, method) for path, methods in SPEC["paths"].items() for method in methods]


def operation(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = SPEC["paths"][path][method]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = SPEC["components"]["schemas"][name]
    return found


def test_the_document_is_valid_openapi():
    assert not [str(error) for error in OpenAPIV31SpecValidator(SPEC).iter_errors()]
    assert SPEC["openapi"].startswith("3.1")
    assert json.loads(json.dumps(SPEC)) == SPEC


def test_every_route_is_told_and_every_told_route_is_there():
    app = api.create(AWAY)
    plain = type(app).openapi(app)
    served = {(path, method) for path, methods in plain["paths"].items() for method in methods}
    assert served <= set(EVERY) <= served | {("/metrics", "get")}


@pytest.mark.parametrize(("path", "method"), EVERY)
def test_every_operation_has_a_name_a_description_and_answers_with_examples(path: str, method: str):
    told = operation(path, method)
    assert re.fullmatch(r"[a-z][A-Za-z]+", told["operationId"])
    assert told["tags"] and told["summary"] and told["description"]
    for status, response in told["responses"].items():
        assert response["description"]
        assert "X-Request-ID" in response["headers"]
        for media, content in response.get("content", {}).items():
            assert content["schema"]
            assert content.get("examples") or media != "application/problem+json"
        assert ("Retry-After" in response["headers"]) == (status in ("429", "503"))


def test_operation_names_are_unique():
    names = [operation(*each)["operationId"] for each in EVERY]
    assert len(set(names)) == len(names) == len(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), EVERY)
def test_examples_of_errors_are_those_of_the_classes(path: str, method: str):
    problem = TypeAdapter(schemas.ProblemAnswer)
    for status, response in operation(path, method)["responses"].items():
        content = response.get("content", {}).get("application/problem+json", {})
        for code, example in content.get("examples", {}).items():
            told = problem.validate_python(example["value"])
            assert (told.code, str(told.status), told.title) == (code, status, ERRORS[code].title)


def test_every_error_is_told_of_some_operation():
    told = {code for each in OPERATIONS.values() for code in each.errors}
    unrouted = {"not_found", "method_not_allowed"}  # of addresses that are no operation
    assert told | unrouted == set(ERRORS)


def test_examples_of_answers_have_the_shape_of_answers():
    content = operation("/parse", "post")["responses"]["200"]["content"]["application/json"]
    for example in content["examples"].values():
        schemas.ParseAnswer.model_validate(example["value"])
    jobs = operation("/jobs/{job_id}", "get")["responses"]["200"]["content"]["application/json"]
    for example in jobs["examples"].values():
        schemas.JobAnswer.model_validate(example["value"])


def test_the_bodies_name_every_field_of_the_requests():
    content = operation("/parse", "post")["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    for body in content.values():
        assert set(body["schema"]["properties"]) - {"image_url"} == {"image", *schemas.Options.model_fields}
    assert "image_url" in content["multipart/form-data"]["schema"]["properties"]
    for example in content["application/json"]["examples"].values():
        asked = schemas.ParseBody.model_validate(example["value"])
        assert base64.b64decode(asked.image.base64 or "", validate=True).startswith(b"\x89PNG")
    batch = operation("/parse/batch", "post")["requestBody"]["content"]["application/json"]
    assert set(batch["schema"]["properties"]) == set(schemas.BatchBody.model_fields)
    for example in batch["examples"].values():
        schemas.BatchBody.model_validate(example["value"])


def test_a_callback_is_told_with_the_headers_that_are_sent():
    (told,) = operation("/parse", "post")["callbacks"]["jobEnded"].values()
    assert {each["name"] for each in told["post"]["parameters"]} == set(
        signing.sign("s" * 32, "msg_1", 1, b"{}")
    )
    ended = told["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (
        ended
        == operation("/jobs/{job_id}", "get")["responses"]["200"]["content"]["application/json"]["schema"]
    )


def test_limits_are_those_of_the_settings():
    small = AWAY.model_copy(update={"max_prompts": 3, "max_batch": 5, "webhook_secret": None})
    paths = document.build(api.create(small), small)["paths"]
    assert "callback_url" not in json.dumps(paths)
    body = paths["/parse/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["prompts"]["maxItems"] == 3
    assert body["properties"]["images"]["maxItems"] == 5


def test_a_key_may_be_sent_in_two_ways():
    assert set(SPEC["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert operation("/parse", "post")["security"] == [{}, {"bearer": []}, {"apiKey": []}]
    assert operation("/livez", "get")["security"] == []


async def test_the_page_calls_nobody_else(make_settings: Callable[..., Settings], jobs: Jobs):
    app = api.create(make_settings(), jobs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://spectrum") as client:
        page = await client.get("/docs")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "http://" not in page.text and "https://" not in page.text
        for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
            asset = await client.get(f"/{name}")
            assert asset.status_code == 200 and asset.text
        assert (await client.get("/docs/../secrets")).status_code == 404
        assert (await client.get("/openapi.json")).json() == app.openapi()


async def test_schemathesis_finds_nothing(
    make_settings: Callable[..., Settings], connect: Callable[..., Jobs], jobs: Jobs
):
    """Examples, coverage, fuzzing and stateful runs over HTTP, as a stranger with the document would.

    `use_after_free` is left out: DELETE cancels a job, which stays to be seen as cancelled.
    """
    settings = make_settings(wait_seconds=5, lease_seconds=30, event_heartbeat_seconds=1)
    server = Moody(api.create(settings, jobs))
    await jobs.beat("steady", {"name": "bands", "revision": "0", "device": "cpu"}, 600)
    async with worker_of(settings, connect(lease_seconds=30), Bands()), listening(server) as url:
        ran = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "4", "--seed", "1"),
            *("--no-shrink", "--continue-on-failure", "--exclude-checks", "use_after_free"),
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.integration.picture_formats", "PYTHONPATH": "."},
            cwd=HERE.parents[1],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await ran.communicate()
    assert ran.returncode == 0, said.decode()
    assert len(server.seen) > 200
