"""What holds for every test: hypothesis draws the same examples each time, as all random input is seeded."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A machine that is busy for a moment makes no test fail: times are for benchmarks.
settings.register_profile(
    "spectrum", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("spectrum")
