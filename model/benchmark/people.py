"""`python -m model.benchmark.people`: what closer looks cost, by the number of people in a picture.

Made-up people before a plain ground, at a size that evaluations use. Each number of people takes turns with
and without closer looks, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from model.benchmark.pictures import Picture, noise
from model.data.synthetic.maker import SyntheticMaker
from model.parser import Parser, Query

SIZE = (384, 512)
SEED = 990_000


def seconds(parser: Parser, picture: Picture, sides: Sequence[int], runs: int) -> list[float]:
    """Median seconds of a parse at each `closer_side`; the first round warms up and does not count."""
    config = parser.config
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(runs + 1):
        for side, times in zip(sides, taken, strict=True):
            parser.config = replace(config, closer_side=side)
            began = time.perf_counter()
            parser.parse([picture], [Query()])
            times.append(time.perf_counter() - began)
    parser.config = config
    return [median(times[1:]) for times in taken]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; exit status."""
    p = argparse.ArgumentParser(prog="python -m model.benchmark.people", description=__doc__)
    p.add_argument("--people", type=int, nargs="+", default=[1, 2, 4, 6])
    p.add_argument("--runs", type=int, default=8)
    p.add_argument("--threads", type=int)
    args = p.parse_args(argv)
    parser = Parser.load(threads=args.threads)
    side = parser.config.closer_side
    maker = SyntheticMaker(backgrounds=[noise(SIZE, SEED)])
    lines = [
        f"{parser.name} {parser.revision}, {parser.precision}, {parser.threads} threads, {args.runs} runs",
        "| people there | people found | without, ms | with, ms | ratio |",
        "|---|---|--:|--:|--:|",
    ]
    for people in args.people:
        picture = np.asarray(maker.make(SEED + people, SIZE, people=people).image)
        found = len(parser.parse([picture], [Query()])[0].persons)
        without, within = seconds(parser, picture, (0, side), args.runs)
        ratio = within / without
        lines.append(f"| {people} | {found} | {1000 * without:.0f} | {1000 * within:.0f} | {ratio:.1f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
