"""What the fits of a trained checkpoint's reading have in common: their options, and what they open."""

from __future__ import annotations

import argparse
from pathlib import Path

from model import checkpoint
from model.data.ccp import CcpDataset
from model.network.config import SpectrumConfig
from model.parser import Parser


def options(name: str, text: str | None) -> argparse.ArgumentParser:
    """Options of `python -m model.training.NAME`: data, checkpoint, out, photos, threads, quiet."""
    p = argparse.ArgumentParser(prog=f"python -m model.training.{name}", description=text)
    p.add_argument("--data", type=Path, required=True, help="prepared CCP")
    p.add_argument("--checkpoint", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True, help="folder for the checkpoint with what was fitted")
    p.add_argument(
        "--photos", type=int, default=160, help="the first so many of `train`; %(default)s by default"
    )
    p.add_argument("--threads", type=int)
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    return p


def opened(p: argparse.ArgumentParser, args: argparse.Namespace) -> tuple[Parser, CcpDataset, SpectrumConfig]:
    """The checkpoint's parser, `train`, and the config as it is; ends the program where one is missing."""
    try:
        return (
            Parser.load(args.checkpoint, threads=args.threads),
            CcpDataset(args.data, "train"),
            SpectrumConfig.load(args.checkpoint / checkpoint.CONFIG),
        )
    except ValueError as error:
        p.error(str(error))
