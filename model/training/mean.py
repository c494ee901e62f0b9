"""`python -m model.training.mean`: one checkpoint between two that come from one another.

Source: Wortsman et al., 'Model soups' (arXiv 2203.05482): weights fine-tuned from one start may be averaged.
The backbone, and what projects its maps, is the first checkpoint's alone: the second may have another.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from model import checkpoint

BACKBONE = ("i2tx.", "im2context.", "conditioning.")


def averaged(name: str) -> bool:
    """Whether a weight is averaged: tower, head, text, and the projections of the tower's maps."""
    if name.startswith("pyramid."):
        return name.startswith("pyramid.project.tower")
    return not name.startswith(BACKBONE)


def mean(first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """`first` with `share` of `second` in what is averaged. ValueError where the two differ there."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"the share of the second checkpoint must lie in 0..1, not {share}")
    mixed = dict(first)
    for name, weight in first.items():
        if averaged(name) and weight.is_floating_point():
            other = second.get(name)
            if other is None or other.shape != weight.shape:
                raise ValueError(f"the second checkpoint has no {name} of shape {tuple(weight.shape)}")
            mixed[name] = weight.lerp(other, share)
    return mixed


def main(argv: Sequence[str] | None = None) -> int:
    """Write the mean; exit status."""
    p = argparse.ArgumentParser(prog="python -m model.training.mean", description=__doc__)
    p.add_argument("first", type=Path, help="checkpoint whose backbone and config stay")
    p.add_argument("second", type=Path, help="checkpoint that it was fine-tuned from")
    p.add_argument("--share", type=float, default=0.5, help="of the second; %(default)s by default")
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args(argv)
    try:
        first, second = (checkpoint.load(folder) for folder in (args.first, args.second))
        weights = mean(first.state_dict(), second.state_dict(), args.share)
    except ValueError as error:
        p.error(str(error))
    checkpoint.save(args.out, first.config, weights)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
