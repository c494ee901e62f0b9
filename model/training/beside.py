"""`python -m model.training.beside`: a checkpoint whose closer looks are read with another one's weights.

A first look must know one person who fills a picture, and a closer look one of several at half that size; who
went on from the same weights on windows alone knows the latter better, on the same backbone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from model import checkpoint


def main(argv: Sequence[str] | None = None) -> int:
    """Write the checkpoint of both; exit status."""
    p = argparse.ArgumentParser(prog="python -m model.training.beside", description=__doc__)
    p.add_argument("first", type=Path, help="checkpoint of the first look, whose config stays")
    p.add_argument("closer", type=Path, help="checkpoint of the closer looks, of the same backbone")
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args(argv)
    try:
        first, closer = (checkpoint.load(folder) for folder in (args.first, args.closer))
        checkpoint.save(args.out, first.config, first.state_dict())
        checkpoint.save_closer(args.out, closer.state_dict())
    except ValueError as error:
        p.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
