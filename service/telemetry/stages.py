"""A job's passage through a stage, as a metric and as a span of its trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service import metrics
from service.telemetry import traces

# What a model tells of one call, in the order of happening.
_ON_DEVICE: tuple[metrics.Stage, ...] = ("preprocess", "forward", "postprocess")


def passed(
    stage: metrics.Stage, seconds: float, request: Mapping[str, Any], *, ago: float = 0.0, **attributes: int
) -> None:
    """Count a stage that took `seconds` and was over `ago` seconds ago; `request` is the job's."""
    metrics.observe(stage, seconds)
    traces.stage(stage, request, seconds, ago=ago, **attributes)


def passed_device(timings_ms: Mapping[str, float], request: Mapping[str, Any], batch: int) -> None:
    """Count what a call of the model that is over now, with `batch` pictures, took in each of its stages."""
    ago = 0.0
    for stage in reversed(_ON_DEVICE):
        if stage in timings_ms:
            seconds = timings_ms[stage] / 1000
            passed(stage, seconds, request, ago=ago, batch=batch)
            ago += seconds
