"""The metrics that dashboards and alerts are written against."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import service.metrics
from service.telemetry import stages
from service.worker.hardware import cpu_name

DOCS = Path(__file__).resolve().parents[2] / "docs" / "observability.md"
STAGES = ("upload", "queue", "decode", "preprocess", "forward", "postprocess", "encode")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PROMISED = {
    "parse_requests_total": ("route", "code"),
    "parse_stage_seconds": ("stage",),
    "parse_batch_size": (),
    "parse_queue_depth": (),
    "parse_oldest_job_age_seconds": (),
    "parse_inflight": (),
    "parse_redeliveries_total": (),
    "parse_dead_letters_total": (),
    "parse_rejected_total": ("reason",),
    "parse_gpu_memory_bytes": (),
    "parse_gpu_utilisation_ratio": (),
}


def registered() -> dict[str, tuple[str, ...]]:
    """Our metrics' names as a scrape shows them, with their labels."""
    found = {}
    for collector in set(REGISTRY._collector_to_names):
        name = str(getattr(collector, "_name", ""))
        if name.startswith("parse_"):
            kind = getattr(collector, "_type", "")
            full = f"{name}_total" if kind == "counter" else name
            found[full] = tuple(getattr(collector, "_labelnames", ()))
    return found


@pytest.mark.parametrize(("name", "labels"), PROMISED.items())
def test_a_promised_metric_is_there_with_its_labels(name: str, labels: tuple[str, ...]) -> None:
    assert registered()[name] == labels


def test_the_page_tells_every_metric_and_no_other() -> None:
    told = set(re.findall(r"^\| `(parse_\w+)", DOCS.read_text(encoding="utf8"), re.MULTILINE))
    assert told == set(registered())


def test_stages_are_counted_in_the_promised_buckets() -> None:
    assert service.metrics.SECONDS == BUCKETS
    assert set(STAGES) == set(service.metrics.Stage.__args__)  # type: ignore[attr-defined]


def test_a_call_of_the_model_counts_in_each_of_its_stages() -> None:
    def count(stage: str) -> float:
        return REGISTRY.get_sample_value("parse_stage_seconds_count", {"stage": stage}) or 0.0

    before = {stage: count(stage) for stage in STAGES}
    stages.passed_device({"forward": 12.0, "postprocess": 3.0}, {}, 4)
    after = {stage: count(stage) - before[stage] for stage in STAGES}
    assert after == dict.fromkeys(STAGES, 0.0) | {"forward": 1.0, "postprocess": 1.0}


def test_a_processor_is_told_by_its_name(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor\t: 0\nmodel name\t: A Fast One\nmodel name\t: A Fast One\n")
    assert cpu_name(listing) == "A Fast One"
    assert cpu_name(tmp_path / "none") != ""
