"""What a baseline is: a name, the tasks that are fair to it, and a way to open it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.evaluation.baselines.bodypix import BodyPix
from model.evaluation.feeding import Parses

BODYPIX = Path("../shared/peers/bodypix_mobilenet_x050_stride8.onnx")


def _no_options(_parser: argparse.ArgumentParser, /) -> None:
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """`open` makes the parser of the command's options; ValueError says what is missing.

    tasks: those whose question it can answer. remark: what a reader of its figures must know. add_options:
    adds the options that `open` reads.
    """

    name: str
    tasks: tuple[str, ...]
    open: Callable[[argparse.Namespace], Parses]
    remark: str = ""
    add_options: Callable[[argparse.ArgumentParser], object] = _no_options


def _bodypix(options: argparse.Namespace) -> Parses:
    return BodyPix(options.bodypix)


def _bodypix_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bodypix", type=Path, default=BODYPIX, help="ONNX file of the baseline 'bodypix'; %(default)s"
    )


BASELINES: dict[str, Baseline] = {
    "bodypix": Baseline(
        "bodypix",
        ("persons", "parts"),
        _bodypix,
        "BodyPix gives one mask for everybody, knows no hair, and finds the body's parts under clothes too. "
        "The parts' truth is its own answer within labelled skin, so that its figures for parts show what "
        "clothes cost it, not how well it knows skin.",
        _bodypix_options,
    ),
}
"""By name. A further one is an entry here: anything that has `parse(images, queries)` will do."""
