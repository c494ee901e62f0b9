"""The contract as OpenAPI 3.1: /openapi.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.settings import Settings
from service.web.openapi import answers, bodies, callbacks
from service.web.openapi.operations import OPERATIONS, TAGS, Operation

_SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"apiKey": []}]
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, where the service asks for one",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key"},
}
_LINKS = {
    "getJob": {"operationId": "getJob", "parameters": {"job_id": "$response.body#/id"}},
    "cancelJob": {"operationId": "cancelJob", "parameters": {"job_id": "$response.body#/id"}},
}


def describe(app: FastAPI, settings: Settings) -> None:
    """Let the application tell its contract; it is built when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app, settings)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def build(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The document; its limits are those of the settings."""
    docs = _descriptions(app)
    paths: dict[str, Any] = {}
    for (path, method), operation in OPERATIONS.items():
        told = _operation(operation, path, settings)
        told["description"] = docs.get((path, method), operation.summary)
        paths.setdefault(path, {})[method] = told
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": app.title,
            "version": app.version,
            "description": app.description,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": list(TAGS),
        "paths": paths,
        "components": {"schemas": answers.components(), "securitySchemes": _SCHEMES},
    }


def _descriptions(app: FastAPI) -> dict[tuple[str, str], str]:
    """What the routes' own docstrings say, by path and method."""
    plain = get_openapi(title=app.title, version=app.version, routes=app.routes)
    return {
        (path, method): told["description"]
        for path, methods in plain["paths"].items()
        for method, told in methods.items()
        if "description" in told
    }


def _operation(operation: Operation, path: str, settings: Settings) -> dict[str, Any]:
    known = bodies.parameters(settings)
    told: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [] if operation.open else _SECURITY,
        "parameters": [{"name": name, **known[name]} for name in operation.parameters],
        "responses": {},
    }
    if operation.id in _BODIES:
        told["requestBody"] = {"required": True, "content": _BODIES[operation.id](settings)}
    for status, response in _GOOD[operation.id]().items():
        sent = (operation.headers or {}).get(status, ())
        told["responses"][status] = {"headers": answers.headers(sent), **response}
    told["responses"] |= answers.problems(operation.errors, path)
    if operation.id == "parse" and settings.webhook_secret is not None:
        told["callbacks"] = callbacks.job_ended()
    return told


def _parse_body(settings: Settings) -> dict[str, Any]:
    return {
        "application/json": {"schema": bodies.parse_json(settings), "examples": bodies.parse_examples()},
        "multipart/form-data": {
            "schema": bodies.parse_form(settings),
            "encoding": {"image": {"contentType": "image/jpeg, image/png, image/webp"}},
        },
    }


def _batch_body(settings: Settings) -> dict[str, Any]:
    return {
        "application/json": {"schema": bodies.batch_json(settings), "examples": bodies.batch_examples()},
        "multipart/form-data": {
            "schema": bodies.batch_form(settings),
            "encoding": {"image": {"contentType": "image/jpeg, image/png, image/webp"}},
        },
    }


_BODIES: dict[str, Callable[[Settings], dict[str, Any]]] = {"parse": _parse_body, "parseBatch": _batch_body}


def _json(name: str, examples: dict[str, Any] | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": answers.reference(name)}
    if examples is not None:
        content["examples"] = examples
    return {"application/json": content}


def _object(description: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {"200": {"description": description, "content": {"application/json": {"schema": schema}}}}


def _parsed() -> dict[str, Any]:
    queued = {"queued": answers.job_examples()["queued"]}
    return {
        "200": {"description": "The parsing", "content": answers.forms()},
        "202": {"description": "Accepted: a job", "content": _json("JobAnswer", queued), "links": _LINKS},
        "304": {"description": "The caller has this answer already"},
    }


def _batch() -> dict[str, Any]:
    item = {"index": 0, "status": "done", "id": answers.example()["id"], "result": answers.example()}
    examples = {"one": {"summary": "One picture", "value": {"object": "batch", "items": [item]}}}
    return {
        "200": {"description": "All have ended", "content": _json("BatchAnswer", examples)},
        "202": {"description": "Some are still jobs", "content": _json("BatchAnswer")},
    }


def _job() -> dict[str, Any]:
    content = {**_json("JobAnswer", answers.job_examples()), **answers.exported()}
    text = "The job; in other forms than JSON, the result of one that is done"
    return {"200": {"description": text, "content": content}}


def _cancelled() -> dict[str, Any]:
    return {"200": {"description": "The job as it is now", "content": _json("JobAnswer")}}


def _events() -> dict[str, Any]:
    event = {
        "type": "object",
        "description": "One event; `data` is a job as JSON",
        "required": ["event", "data"],
        "properties": {
            "id": {"type": "string"},
            "event": {"enum": ["status", "end"]},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    }
    stream = {"text/event-stream": {"schema": event}}
    return {
        "200": {
            "description": "`status` while the job has not ended, then `end` with the job",
            "content": stream,
        },
        "204": {"description": "The last event was received already"},
    }


def _info() -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    return _object(
        "What the service is",
        service={"type": "string", "const": "spectrum"},
        version={"type": "string"},
        models={"type": "array", "items": {"type": "object"}},
        image_formats=texts,
        mask_formats=texts,
        limits={"type": "object", "additionalProperties": True},
    )


def _metrics() -> dict[str, Any]:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {"200": {"description": "Prometheus text of this process", "content": text}}


_GOOD: dict[str, Callable[[], dict[str, Any]]] = {
    "parse": _parsed,
    "parseBatch": _batch,
    "getJob": _job,
    "cancelJob": _cancelled,
    "watchJob": _events,
    "info": _info,
    "livez": lambda: _object("It is", status={"type": "string", "const": "alive"}),
    "readyz": lambda: _object(
        "They can", status={"type": "string", "const": "ready"}, workers={"type": "integer", "minimum": 1}
    ),
    "metrics": _metrics,
}
