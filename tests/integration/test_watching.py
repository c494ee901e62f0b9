"""Panels, alerts and the autoscaler ask for metrics, labels and values that a real run shows."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from k8s.monitoring import alerts, dashboard
from service import api, metrics
from service.delivery.jobs import Jobs
from service.settings import Settings
from service.worker.batching import Budget
from service.worker.process import work
from tests.chaos import pictures
from tests.chaos.stub_worker import MODEL, Stub
from tests.unit.manifest_tree import Tree
from tests.unit.promql import Selector, selected

MakeSettings = Callable[..., Settings]
Samples = dict[str, list[Sample]]

PROMETHEUS = {"up"}  # what Prometheus adds itself: metrics, and labels of whom it reads
TARGET_LABELS = {"job", "instance", "namespace", "pod"}
# Values that one run need not show: the metric's own list of them.
ALLOWED = {"reason": set(get_args(metrics.Rejection))}
EXPRESSIONS = [
    *(query for row in dashboard.ROWS for panel in row.panels for query, _ in panel.queries),
    *(alert.condition for alert in alerts.ALERTS),
    Tree().triggers()["queue-time"]["metadata"]["query"],
]


@pytest.fixture(scope="module")
def seen() -> Samples:
    """What the run has shown; filled by the first test that asks for it."""
    return {}


@pytest.fixture
async def samples(
    seen: Samples, make_settings: MakeSettings, connect: Callable[..., Jobs], tmp_path: Path
) -> Samples:
    """The samples of /metrics after some of everything has happened."""
    if not seen:
        settings = make_settings(queue_depth=2, wait_seconds=20, lease_seconds=30)
        transport = httpx.ASGITransport(api.create(settings, connect(queue_depth=2)))
        async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
            await live_through(client, settings, connect(lease_seconds=30), tmp_path)
            text = (await client.get("/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                seen.setdefault(sample.name, []).append(sample)
    return seen


async def live_through(client: httpx.AsyncClient, settings: Settings, jobs: Jobs, folder: Path) -> None:
    """Two jobs wait, one of them until it is too late; a third is refused; then a worker comes."""
    rng = random.Random(0)
    later, late = {"Prefer": "respond-async"}, {"Prefer": "respond-async", "X-Deadline-Ms": "2000"}
    told = [
        await client.post("/parse", files={"image": pictures.sound(rng).data}, headers=headers)
        for headers in (later, late, later)
    ]
    assert [answer.status_code for answer in told] == [202, 202, 503]
    await asyncio.sleep(2.1)
    async with working(settings, jobs, folder):
        answer = await client.post("/parse", files={"image": pictures.sound(rng).data})
        assert answer.status_code == 200
        bad = await client.post("/parse", files={"image": pictures.torn(rng).data})
        assert bad.status_code == 422
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await client.get(path)).status_code == 200


@asynccontextmanager
async def working(settings: Settings, jobs: Jobs, folder: Path) -> AsyncIterator[None]:
    stop = asyncio.Event()
    await jobs.beat("w", {**MODEL, "device": "stub"}, 60)
    craft = Stub(folder / "log", 0, 0).craft(settings)
    task = asyncio.create_task(work(jobs, craft, stop, consumer="w", budget=Budget(10**9, 8)))
    try:
        while await jobs.depth():
            await asyncio.sleep(0.02)
        yield
    finally:
        stop.set()
        await task


def missing(selector: Selector, samples: Samples) -> list[str]:
    """What the selector asks for that no sample has."""
    if selector.name in PROMETHEUS:
        return sorted(set(selector.matchers) - TARGET_LABELS)
    found = samples.get(selector.name, [])
    labels = {name for sample in found for name in sample.labels} | TARGET_LABELS
    lacks = [] if found else [selector.name]
    lacks += sorted((set(selector.matchers) | selector.grouped) - labels)
    for label, (operator, value) in selector.matchers.items():
        held = {sample.labels.get(label) for sample in found} | ALLOWED.get(label, set())
        if label in TARGET_LABELS or (label, operator) == ("code", "Re"):
            continue
        lacks += [f"{label}={one}" for one in alternatives(operator, value) if one not in held]
    return lacks


def alternatives(operator: str, value: str) -> list[str]:
    """The values that a matcher names: one, or those of a regular expression like a|b."""
    return value.split("|") if operator in ("Re", "NotRe") else [value]


@pytest.mark.parametrize("expression", EXPRESSIONS)
async def test_a_real_run_shows_what_is_asked_for(expression: str, samples: Samples) -> None:
    assert [missing(selector, samples) for selector in selected(expression)] == [
        [] for _ in selected(expression)
    ]


@pytest.mark.parametrize(
    ("expression", "lack"),
    [
        ("sum(rate(parse_request_total[5m]))", ["parse_request_total"]),
        ("rate(parse_requests_total{rout='/parse'}[5m])", ["rout", "rout=/parse"]),
        ("sum by (stages) (parse_stage_seconds_count)", ["stages"]),
        ("parse_stage_seconds_count{stage='queued'}", ["stage=queued"]),
        ("parse_requests_total{route!~'/metrics|/health'}", ["route=/health"]),
        ("parse_rejected_total{reason=~'depth|size'}", ["reason=size"]),
    ],
)
async def test_what_no_run_shows_is_noticed(expression: str, lack: list[str], samples: Samples) -> None:
    (selector,) = selected(expression)
    assert missing(selector, samples) == lack


def family(name: str) -> str:
    """The name of a histogram without what its samples add."""
    return re.sub(r"_(?:bucket|sum|count)$", "", name)


async def test_every_metric_of_ours_is_watched(samples: Samples) -> None:
    ours = {family(name) for name in samples if name.startswith("parse_") and not name.endswith("_created")}
    asked = {family(selector.name) for expression in EXPRESSIONS for selector in selected(expression)}
    assert ours <= asked
