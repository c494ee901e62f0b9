"""The log of a training as curves: losses above, scores on `val` below."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

LOSSES = ("dense", "objectness", "bce", "dice", "grounding")


def read_log(file: Path) -> list[dict[str, Any]]:
    """The lines of a log by step; of steps logged twice (a run that went on) the later one counts."""
    lines = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line)
    return [line for _, line in sorted({line["step"]: line for line in lines}.items())]


def smooth(values: list[float], window: int = 25) -> np.ndarray:
    """Running mean over up to `window` steps, of the same length."""
    sums = np.cumsum(np.insert(np.asarray(values, float), 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return (sums[ends] - sums[starts]) / (ends - starts)


def plot(log: Path, picture: Path) -> None:
    """Draw a log into a PNG. ImportError where matplotlib (extra `train`) is missing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = read_log(log)
    figure = Figure(figsize=(8, 8))
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    for name in LOSSES:
        known = [(line["step"], line[name]) for line in lines if name in line]
        if known:
            above.plot([s for s, _ in known], smooth([v for _, v in known]), label=name)
    above.set(ylabel="loss (running mean of 25 steps)", yscale="log")
    for name in sorted({key for line in lines for key in line if key.startswith("val_")}):
        scored = [(line["step"], line[name]) for line in lines if name in line]
        below.plot([s for s, _ in scored], [v for _, v in scored], marker="o", label=name)
    below.set(xlabel="step", ylabel="mIoU on val")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=100)
