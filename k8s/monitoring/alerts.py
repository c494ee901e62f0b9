"""The alerts, each with a page that says what to do: docs/runbooks/NAME.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from k8s.monitoring import queries
from service.settings import Settings

Severity = Literal["page", "ticket"]

RUNBOOKS = "docs/runbooks"
# A caller's own limits (rate, concurrency, quota) are no fault of the service.
_OURS = 'reason=~"depth|age|memory|unavailable"'
_DEPTH = Settings.model_fields["queue_depth"].default


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that lasts: `page` wakes somebody, `ticket` waits for the morning."""

    name: str
    runbook: str
    condition: str
    lasts: str
    severity: Severity
    summary: str

    @property
    def page(self) -> str:
        """The page in the repository that says what to do."""
        return f"{RUNBOOKS}/{self.runbook}.md"


def _claimed(window: str) -> str:
    """Jobs a second that workers have claimed."""
    return queries.rate("parse_stage_seconds_count", window, 'stage="queue"')


ALERTS = (
    Alert(
        "SpectrumApiAbsent",
        "api-absent",
        'absent(up{job="api"} == 1)',
        "2m",
        "page",
        "No replica of the API shows its metrics.",
    ),
    Alert(
        "SpectrumNobodyWorks",
        "nobody-works",
        f"max(parse_oldest_job_age_seconds) > 60 unless {queries.rate('parse_batch_size_count', '2m')} > 0",
        "2m",
        "page",
        "A job has waited {{ $value | humanizeDuration }} and no worker has read a picture for two minutes.",
    ),
    Alert(
        "SpectrumServerErrors",
        "server-errors",
        f"{queries.callers('5m', '500|502|504')} / {queries.callers('5m')} > 0.05",
        "5m",
        "page",
        "{{ $value | humanizePercentage }} of the requests fail by our fault.",
    ),
    Alert(
        "SpectrumRefusing",
        "refusing",
        f"{queries.rate('parse_rejected_total', '5m', _OURS, 'reason')} > 0",
        "5m",
        "page",
        "Jobs are refused for five minutes now: {{ $labels.reason }}.",
    ),
    Alert(
        "SpectrumQueueSlow",
        "queue-slow",
        f"{queries.queue_seconds(0.95, '5m')} > 10",
        "10m",
        "ticket",
        "One job in twenty waits {{ $value | humanizeDuration }} for a worker; the autoscaler should have "
        "helped by now.",
    ),
    Alert(
        "SpectrumQueueNearlyFull",
        "refusing",
        f"max(parse_queue_depth) > {round(0.8 * _DEPTH)}",
        "5m",
        "ticket",
        "{{ $value }} jobs are in the queue; at SPECTRUM_QUEUE_DEPTH new ones are refused.",
    ),
    Alert(
        "SpectrumWorkersDie",
        "workers-die",
        "sum(increase(parse_redeliveries_total[15m])) > 5",
        "0m",
        "ticket",
        "{{ $value | humanize }} jobs were taken over from workers that fell silent within 15 minutes.",
    ),
    Alert(
        "SpectrumDeadLetters",
        "dead-letters",
        "sum(increase(parse_dead_letters_total[15m])) > 0",
        "0m",
        "ticket",
        "Pictures were given up after every try: each is a bug of ours.",
    ),
    Alert(
        "SpectrumTooLate",
        "too-late",
        f"{queries.rate('parse_expired_total', '10m')} / {_claimed('10m')} > 0.05",
        "10m",
        "ticket",
        "{{ $value | humanizePercentage }} of the jobs are too late for their callers' deadlines.",
    ),
    Alert(
        "SpectrumGpuStarved",
        "gpu-starved",
        f"avg({queries.MEASURED_GPU}) < 0.3 and {queries.queue_seconds(0.5, '5m')} > 2",
        "10m",
        "ticket",
        "Jobs wait while GPUs are {{ $value | humanizePercentage }} busy: something before them is slow.",
    ),
)


def rules() -> dict[str, Any]:
    """The alerts as a file of rules for Prometheus."""
    return {"groups": [{"name": "spectrum", "rules": [_rule(alert) for alert in ALERTS]}]}


def resource() -> dict[str, Any]:
    """The same as a resource of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "spectrum"},
        "spec": rules(),
    }


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.condition,
        "for": alert.lasts,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook": alert.page},
    }
