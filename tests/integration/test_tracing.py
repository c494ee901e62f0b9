"""One trace from a caller's own span through the request and the queue to the worker's stages."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from PIL import Image

from service import api
from service.delivery.jobs import Jobs
from service.settings import Settings
from service.telemetry import traces
from service.worker.batching import Budget
from service.worker.craft import Craft
from service.worker.process import work
from tests.integration.conftest import MakeSettings

ROOT = Path(__file__).resolve().parents[2]
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STAGES = {"queue", "decode", "forward", "encode"}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """What has been traced; a process has one provider, so the module shares it."""
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    return kept


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


def craft() -> Craft:
    """A model that says how long it took."""
    return Craft(
        lambda data: np.asarray(Image.open(io.BytesIO(data))),
        lambda request: request,
        lambda width, height: width * height,
        lambda pictures, _queries, _share: [SimpleNamespace(timings_ms={"forward": 7.0}) for _ in pictures],
        render,
    )


def render(reading: Any, request: dict[str, Any], *, id: str, timings_ms: dict[str, float]) -> dict[str, Any]:
    """An answer that says little."""
    told = timings_ms | reading.timings_ms
    return {"id": id, "object": "parsing", "prompts": request["prompts"], "timings_ms": told}


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (4, 3)).save(data, "PNG")
    return data.getvalue()


async def parse_one(settings: Settings, jobs: Jobs, headers: dict[str, str]) -> None:
    """One picture through API and worker."""
    stop = asyncio.Event()
    worker = asyncio.create_task(work(jobs, craft(), stop, consumer="w", budget=Budget(1_000, 8)))
    transport = httpx.ASGITransport(api.create(settings, jobs))
    async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
        sent = {"image": ("p.png", picture(), "image/png")}
        answer = await client.post("/parse", files=sent, headers=headers | {"Prefer": "respond-async"})
        assert answer.status_code == 202
        await jobs.wait(answer.json()["id"], 30)
        await client.get("/livez")
    stop.set()
    assert await worker


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def trace_of(span: ReadableSpan) -> str:
    return trace.format_trace_id(span.context.trace_id)


async def test_one_trace_runs_from_the_caller_to_the_workers_stages(
    make_settings: MakeSettings, jobs: Jobs, spans: InMemorySpanExporter
) -> None:
    await parse_one(make_settings(), jobs, {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    found = named(spans)
    assert {"POST /parse"} | STAGES <= set(found)
    assert {trace_of(found[name]) for name in {"POST /parse"} | STAGES} == {TRACE}
    assert trace.format_span_id(found["POST /parse"].parent.span_id) == PARENT
    request = found["POST /parse"].context.span_id
    assert {found[name].parent.span_id for name in STAGES} == {request}
    assert found["forward"].attributes["batch"] == 1
    start, end = found["forward"].start_time, found["forward"].end_time
    assert start and end and (end - start) / 1e6 == pytest.approx(7.0)


async def test_without_a_caller_the_request_is_the_root_and_probes_are_not_traced(
    make_settings: MakeSettings, jobs: Jobs, spans: InMemorySpanExporter
) -> None:
    await parse_one(make_settings(), jobs, {})
    found = named(spans)
    assert found["POST /parse"].parent is None
    assert len({trace_of(found[name]) for name in {"POST /parse"} | STAGES}) == 1
    assert not [name for name in found if "livez" in name]


async def test_a_caller_who_samples_nothing_is_obeyed(
    make_settings: MakeSettings, jobs: Jobs, spans: InMemorySpanExporter
) -> None:
    await parse_one(make_settings(), jobs, {"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert not spans.get_finished_spans()


def test_a_context_goes_on_through_a_process_that_does_not_trace() -> None:
    given = f"00-{TRACE}-{PARENT}-01"
    assert traces.carried(given) == given
    assert traces.carried(None) is None


def test_a_job_outside_of_any_trace_makes_no_spans(spans: InMemorySpanExporter) -> None:
    request: dict[str, Any] = {"traceparent": None}
    traces.stage("decode", request, 0.1)
    assert not spans.get_finished_spans()


def test_spans_go_to_the_collector_by_the_end_of_the_process() -> None:
    seen: list[tuple[str, bool]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            seen.append((self.path, b"spectrum-worker" in body and bytes.fromhex(TRACE) in body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    program = (
        "from service.settings import Settings; from service.telemetry import traces; "
        "traces.configure(Settings(), 'worker'); "
        f"traces.stage('decode', {{'traceparent': '00-{TRACE}-{PARENT}-01'}}, 0.1)"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        environment = os.environ | {"SPECTRUM_OTLP_ENDPOINT": address, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, env=environment)
        server.shutdown()
    assert seen == [("/v1/traces", True)]
