"""When pictures come: a Poisson process whose rate follows the hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k8s.simulation.plan import HOUR, Load

_STEP = 10.0  # seconds within which the rate counts as constant


def arrivals(load: Load, rng: np.random.Generator) -> NDArray[np.float64]:
    """Moments in seconds from the day's beginning, in order."""
    edges = np.arange(0.0, load.hours * HOUR, _STEP)
    rates = np.array([load.rate((edge + _STEP / 2) / HOUR) for edge in edges])
    counts = rng.poisson(rates * _STEP)
    moments = np.repeat(edges, counts) + rng.uniform(0.0, _STEP, int(counts.sum()))
    return np.sort(moments[moments < load.hours * HOUR])
