"""The dashboard: rows of panels from what a caller notices down to what the machine does.

The layout is Grafana's dashboard model (schema 39): a grid of 24 columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, Literal

from k8s.monitoring import queries
from k8s.monitoring.queries import PANEL_WINDOW as WINDOW

Kind = Literal["timeseries", "stat"]
Unit = Literal["reqps", "percentunit", "s", "short", "bytes", "ops"]

_SOURCE = {"type": "prometheus", "uid": "${source}"}
_SHARES = (0.5, 0.95, 0.99)
_COLUMNS, _HEIGHT, _STAT_HEIGHT = 24, 8, 4


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of some queries; each query has the legend of its lines."""

    title: str
    about: str
    unit: Unit
    queries: tuple[tuple[str, str], ...]
    kind: Kind = "timeseries"
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side under a heading."""

    title: str
    panels: tuple[Panel, ...]


_NOW = Row(
    "Now",
    (
        Panel(
            "Requests",
            "Those of callers; health checks and scrapes left out.",
            "reqps",
            ((queries.callers(WINDOW), ""),),
            "stat",
        ),
        Panel(
            "Server errors",
            "Share of requests answered 5xx.",
            "percentunit",
            ((f"{queries.callers(WINDOW, '5..')} / {queries.callers(WINDOW)} or vector(0)", ""),),
            "stat",
        ),
        Panel("Queue", "Jobs waiting or running.", "short", (("max(parse_queue_depth)", ""),), "stat"),
        Panel(
            "Oldest job",
            "Age of the oldest job that has not ended.",
            "s",
            (("max(parse_oldest_job_age_seconds)", ""),),
            "stat",
        ),
        Panel(
            "Waiting for a worker, p95",
            "The autoscaler follows this and the queue's length.",
            "s",
            ((queries.queue_seconds(0.95, WINDOW), ""),),
            "stat",
        ),
        Panel(
            "Pictures",
            "Pictures that models have read.",
            "ops",
            ((queries.rate("parse_batch_size_sum", WINDOW), ""),),
            "stat",
        ),
    ),
)

_CALLERS = Row(
    "What callers notice",
    (
        Panel(
            "Requests by route and code",
            "499 is a caller who left before the answer.",
            "reqps",
            ((queries.callers(WINDOW, by="route, code"), "{{route}} {{code}}"),),
            stacked=True,
        ),
        Panel(
            "Refused at admission",
            "Ours: depth, age, memory, unavailable; a caller's own: rate, concurrency, quota.",
            "reqps",
            ((queries.rate("parse_rejected_total", WINDOW, by="reason"), "{{reason}}"),),
            stacked=True,
        ),
        Panel(
            "Requests being answered",
            "Waiting for their result included.",
            "short",
            (("sum(parse_inflight)", "requests"),),
        ),
    ),
)

_SPARED = Row(
    "What need not be computed",
    (
        Panel(
            "Where answers come from",
            "hit: known from before; shared: with an equal request; miss and bypass: computed.",
            "reqps",
            ((queries.rate("parse_cache_total", WINDOW, by="outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Callbacks",
            "By outcome; what was not taken is tried again for hours.",
            "reqps",
            ((queries.rate("parse_callbacks_total", WINDOW, by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Callers who left",
            "Before their answer; what nobody else waits for is dropped.",
            "reqps",
            ((queries.rate("parse_disconnects_total", WINDOW), "left"),),
        ),
        Panel(
            "Too late",
            "Jobs dropped since their deadline had passed, by the stage that found out.",
            "ops",
            ((queries.rate("parse_expired_total", WINDOW, by="stage"), "{{stage}}"),),
            stacked=True,
        ),
    ),
)

_QUEUE = Row(
    "Queue",
    (
        Panel("Depth", "Jobs waiting or running.", "short", (("max(parse_queue_depth)", "jobs"),)),
        Panel(
            "Time in the queue",
            "From admission to the claim by a worker.",
            "s",
            tuple((queries.queue_seconds(share, WINDOW), f"p{100 * share:.0f}") for share in _SHARES),
        ),
        Panel(
            "Oldest job",
            "Grows without an end where nobody works.",
            "s",
            (("max(parse_oldest_job_age_seconds)", "age"),),
        ),
        Panel(
            "Taken over and given up",
            "Jobs of workers that fell silent, and those dead after the delivery limit.",
            "ops",
            (
                (queries.rate("parse_redeliveries_total", WINDOW), "redelivered"),
                (queries.rate("parse_dead_letters_total", WINDOW), "dead letters"),
            ),
        ),
    ),
)

_WORKERS = Row(
    "Workers",
    (
        Panel(
            "Seconds by stage, p95",
            "Where the time of one picture goes.",
            "s",
            ((queries.quantile(0.95, "parse_stage_seconds", WINDOW, by="stage"), "{{stage}}"),),
        ),
        Panel(
            "Mean batch",
            "Pictures that shared one call of the model; near 1 under load, the budget is too small.",
            "short",
            ((queries.mean("parse_batch_size", WINDOW), "pictures"),),
        ),
        Panel(
            "Workers in a forward pass",
            "Share of time, by worker: near 1 under load, or something keeps the device waiting.",
            "percentunit",
            ((queries.rate("parse_device_busy_seconds_total", WINDOW, by="instance"), "{{instance}}"),),
        ),
        Panel(
            "GPU busy",
            "Share of time, by worker.",
            "percentunit",
            ((queries.MEASURED_GPU, "{{instance}}"),),
        ),
        Panel(
            "GPU memory",
            "What the model's process holds, by worker.",
            "bytes",
            ((queries.GPU_MEMORY, "{{instance}}"),),
        ),
    ),
)

ROWS = (_NOW, _CALLERS, _SPARED, _QUEUE, _WORKERS)


def document() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": "spectrum",
        "title": "Spectrum",
        "description": "Human parsing: callers, queue, workers. Written by python -m k8s.monitoring.",
        "tags": ["spectrum"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "templating": {
            "list": [{"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [{"id": number} | panel for number, panel in enumerate(_laid_out(), start=1)],
    }


def _laid_out() -> Iterator[dict[str, Any]]:
    """Headings and panels, each with its place in the grid."""
    y = 0
    for row in ROWS:
        yield {
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
        }
        width = _COLUMNS // len(row.panels)
        height = _STAT_HEIGHT if row.panels[0].kind == "stat" else _HEIGHT
        for column, panel in enumerate(row.panels):
            yield _drawn(panel) | {
                "gridPos": {"x": column * width, "y": y + 1, "w": width, "h": height},
            }
        y += 1 + height


def _drawn(panel: Panel) -> dict[str, Any]:
    custom = {"fillOpacity": 10, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0}
            | ({"custom": custom} if panel.kind == "timeseries" else {}),
            "overrides": [],
        },
        "targets": [
            {"refId": reference, "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for reference, (expression, legend) in zip(ascii_uppercase, panel.queries, strict=False)
        ],
    }
