"""The confusion of a task as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model.evaluation.result import Result


def draw_confusion(result: Result, path: Path) -> Path:
    """Draw how the pixels of each true class (row) were called (column), as shares of the row.

    Classes without a true pixel have no row. ValueError for a result without a confusion; ImportError where
    matplotlib (extra `train`) is missing.
    """
    if result.confusion is None:
        raise ValueError(f"the task {result.task!r} counts no confusion")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name, _ in result.rows]
    there = np.flatnonzero(result.confusion.sum(axis=1))
    shares = result.confusion[there] / result.confusion[there].sum(axis=1, keepdims=True)
    figure = Figure(figsize=(1.5 + 0.42 * len(names), 1.5 + 0.38 * len(there)))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(there)), [names[i] for i in there])
    axes.set(xlabel="found", ylabel="true", title=f"{result.task}: shares of the true pixels, percent")
    for row, column in zip(*np.nonzero(shares >= 0.005), strict=True):
        value = shares[row, column]
        color = "white" if value > 0.5 else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=color)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return path
