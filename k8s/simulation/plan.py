"""What a simulated day is made of. Every number has its unit; all have a default."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from service.settings import Settings

_SETTINGS = Settings.model_fields
HOUR = 3_600.0


def _default(name: str) -> Any:
    return _SETTINGS[name].default


@dataclass(frozen=True, slots=True)
class Load:
    """Pictures a second: a base, and bells (hour of the day, height, width in hours) on top of it."""

    base: float = 4.0
    bells: tuple[tuple[float, float, float], ...] = ((12.5, 12.0, 1.2), (20.0, 40.0, 0.9))
    hours: float = 24.0

    def rate(self, hour: float) -> float:
        """Pictures a second at this hour."""
        from math import exp

        return self.base + sum(h * exp(-0.5 * ((hour - at) / width) ** 2) for at, h, width in self.bells)


@dataclass(frozen=True, slots=True)
class Work:
    """What one worker does with the pictures of one call of the model.

    A call of n pictures takes `call_seconds` and n times `picture_seconds`, times a factor that is
    lognormal with a standard deviation of about `spread`.
    """

    picture_seconds: float = 1 / 7  # README: two cores, 'about 7 pictures a second'
    call_seconds: float = 0.0
    spread: float = 0.2
    batch: int = _default("batch_size")
    start_seconds: float = 60.0  # from the wish for a worker to its first claim
    lease_seconds: float = _default("lease_seconds")


@dataclass(frozen=True, slots=True)
class Scaling:
    """KEDA's two triggers and the autoscaler's behaviour, as in k8s/components/keda/scaledobject.yaml."""

    length: int = 3  # jobs waiting or running for each worker
    queue_seconds: float | None = 5.0  # p95 of the last minute; None: that trigger is not there
    least: int = 2
    most: int = 12
    sync_seconds: float = 15.0  # Kubernetes' own
    tolerance: float = 0.1  # Kubernetes' own
    up_share: float = 1.0
    up_pods: int = 4
    up_period: float = 15.0
    down_share: float = 0.1
    down_period: float = 60.0
    down_window: float = 300.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A node that is gone at once, with `workers` on it; others take their place after `notice_seconds`."""

    hour: float
    workers: int = 2
    notice_seconds: float = 70.0  # 40 s until a node counts as lost, 30 s that its pods are borne with


@dataclass(frozen=True, slots=True)
class Plan:
    """One day."""

    load: Load = field(default_factory=Load)
    work: Work = field(default_factory=Work)
    scaling: Scaling = field(default_factory=Scaling)
    losses: tuple[Loss, ...] = (Loss(9.0, 1), Loss(20.0, 2))
    depth: int = _default("queue_depth")
    seed: int = 0

    def with_length(self, length: int) -> Plan:
        """The same day with another number of jobs for each worker."""
        return replace(self, scaling=replace(self.scaling, length=length))


def measured(work: Work, report: Path) -> Work:
    """Service times from the JSON of `spectrum bench service --json`. ValueError where it holds none."""
    told = json.loads(report.read_text(encoding="utf8"))
    rate = float(told.get("pictures_per_second", 0))
    if rate <= 0:
        raise ValueError(f"{report} tells of no pictures a second")
    return replace(work, picture_seconds=1 / rate)
