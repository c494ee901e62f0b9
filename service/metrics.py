"""Every Prometheus metric of the service, each once.

The API and each worker are processes of their own and expose what they counted themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Stage = Literal["upload", "queue", "decode", "preprocess", "forward", "postprocess", "encode"]
Expiry = Literal["admission", "claim", "decode", "forward"]
CacheOutcome = Literal["hit", "miss", "shared", "bypass"]
Rejection = Literal["depth", "age", "memory", "unavailable", "rate", "concurrency", "quota"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)

# Counted by the API
REQUESTS = Counter("parse_requests_total", "Requests answered", ["route", "code"])
REJECTED = Counter("parse_rejected_total", "Jobs refused at admission", ["reason"])
CACHE = Counter("parse_cache_total", "Pictures by where their answer comes from", ["outcome"])
CALLBACKS = Counter("parse_callbacks_total", "Calls to addresses that callers named", ["outcome"])
CALLBACKS.labels(outcome="delivered")  # there from the beginning, so that a panel tells 'none' from 'unknown'
DISCONNECTS = Counter("parse_disconnects_total", "Callers who left before their answer")
INFLIGHT = Gauge("parse_inflight", "Requests being answered now")
QUEUE_DEPTH = Gauge("parse_queue_depth", "Jobs waiting or running")
OLDEST_JOB_AGE = Gauge("parse_oldest_job_age_seconds", "Age of the oldest job that has not ended")

# Counted by both
STAGE_SECONDS = Histogram("parse_stage_seconds", "Seconds in one stage", ["stage"], buckets=SECONDS)
EXPIRED = Counter("parse_expired_total", "Jobs skipped since their deadline had passed", ["stage"])

# Counted by the worker
BATCH_SIZE = Histogram("parse_batch_size", "Pictures that shared one call of the model", buckets=SIZES)
DEVICE_BUSY = Counter("parse_device_busy_seconds_total", "Seconds in which a forward pass ran")
REDELIVERIES = Counter("parse_redeliveries_total", "Jobs taken over from a worker that fell silent")
DEAD_LETTERS = Counter("parse_dead_letters_total", "Jobs that could not be parsed")
GPU_MEMORY = Gauge("parse_gpu_memory_bytes", "Memory of the GPU held by the model")
GPU_UTILISATION = Gauge("parse_gpu_utilisation_ratio", "Share of time in which the GPU was busy")


def observe(stage: Stage, seconds: float) -> None:
    """Count one passage through a stage."""
    STAGE_SECONDS.labels(stage=stage).observe(max(0.0, seconds))


def reject(reason: Rejection) -> None:
    """Count one job refused at admission."""
    REJECTED.labels(reason=reason).inc()


def expire(stage: Expiry) -> None:
    """Count one job that nobody can use any more, found out before this stage."""
    EXPIRED.labels(stage=stage).inc()


@contextmanager
def timed(stage: Stage) -> Iterator[None]:
    """Count the time that the block takes as one passage through a stage."""
    start = perf_counter()
    try:
        yield
    finally:
        observe(stage, perf_counter() - start)
