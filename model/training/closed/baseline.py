"""The closed-set network as a row beside ours in `spectrum evaluate`.

The evaluation does not know the training: who knows both adds `CLOSED` to the evaluation's `BASELINES`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from model.evaluation.baselines.baseline import Baseline
from model.evaluation.feeding import Parses
from model.training.closed.parser import ClosedParser

CHECKPOINT = Path("runs/closed/checkpoint")


def _open(options: argparse.Namespace) -> Parses:
    return ClosedParser.load(options.closed, device=options.device)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--closed",
        type=Path,
        default=CHECKPOINT,
        help="folder of the baseline 'closed'; %(default)s by default",
    )


CLOSED = Baseline(
    "closed",
    ("semantic", "persons", "composites", "empty"),
    _open,
    "The closed-set network is a plain segmentation network trained on the same photos. It knows its classes "
    "alone, and takes every connected piece of foreground for one person.",
    _add_options,
)
