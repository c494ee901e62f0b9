"""One process of a distributed training: runs the given command lines and leaves its weights for the test.

python -m torch.distributed.run ... ranks.py FOLDER COMMANDS.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from model.training.cli import module_of, parser, stage_of, train


def run(argv: list[str]) -> tuple[int, dict[str, torch.Tensor]]:
    """Train by a command line; the process's rank and what it trained."""
    args = parser(stage_of(argv)).parse_args(argv)
    torch.manual_seed(args.seed)
    training, batches = module_of(stage_of(argv)).build(args)
    batches.workers = 0
    train(training, batches)
    return training.rank, training.state()


def main() -> None:
    torch.set_num_threads(1)
    folder, commands = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    for name, argv in commands.items():
        rank, weights = run(argv)
        torch.save(weights, folder / f"{name}_{rank}.pt")


if __name__ == "__main__":
    main()
