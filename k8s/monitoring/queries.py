"""The questions that panels and alerts ask in common, as PromQL.

`WINDOW` stands for how far back a rate looks: Grafana's own interval on a panel, a duration in an alert.
"""

from __future__ import annotations

PANEL_WINDOW = "$__rate_interval"
NOT_FOR_CALLERS = "/metrics|/livez|/readyz"
# Every process shows every metric: 0 is also what one without a GPU says, or one that cannot measure it.
MEASURED_GPU = "parse_gpu_utilisation_ratio and max_over_time(parse_gpu_utilisation_ratio[1h]) > 0"
GPU_MEMORY = "parse_gpu_memory_bytes > 0"


def rate(metric: str, window: str, matchers: str = "", by: str = "") -> str:
    """Events a second, over all processes, for each value of the labels `by`."""
    chosen = f"{metric}{{{matchers}}}" if matchers else metric
    return f"sum{f' by ({by})' if by else ''} (rate({chosen}[{window}]))"


def quantile(share: float, histogram: str, window: str, matchers: str = "", by: str = "") -> str:
    """The value that `share` of what a histogram saw does not exceed, for each value of the label `by`."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', window, matchers, join('le', by))})"


def mean(histogram: str, window: str, by: str = "") -> str:
    """The mean of what a histogram saw."""
    return f"{rate(f'{histogram}_sum', window, by=by)} / {rate(f'{histogram}_count', window, by=by)}"


def queue_seconds(share: float, window: str) -> str:
    """How long jobs waited for a worker."""
    return quantile(share, "parse_stage_seconds", window, 'stage="queue"')


def callers(window: str, code: str = "", by: str = "") -> str:
    """Requests a second that somebody made, health checks and scrapes left out."""
    matchers = f'route!~"{NOT_FOR_CALLERS}"' + (f', code=~"{code}"' if code else "")
    return rate("parse_requests_total", window, matchers, by)


def join(*labels: str) -> str:
    """Labels with commas."""
    return ", ".join(label for label in labels if label)
