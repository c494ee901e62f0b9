"""`spectrum train`: the stages, one command each."""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from model import checkpoint
from model.data.ccp import CcpDataset
from model.data.scenes import SceneMaker
from model.evaluation.cli import data_root
from model.network.config import PRESETS, SpectrumConfig
from model.network.spectrum import Spectrum
from model.network.towers import minilm
from model.training.batches import PROMPTS, SceneBatches
from model.training.criterion import Criterion, Weights
from model.training.loop import Schedule, Trainer
from model.training.phrases import Phrases
from model.training.plot import plot
from model.training.pretrained import load_imagenet
from model.training.validate import Validation


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = argparse.ArgumentParser(
        prog="spectrum train", description="Train a stage; a run that stopped goes on."
    )
    p.add_argument("--preset", choices=["mini"], default="mini")
    p.add_argument("--stage", choices=["parsing"], default="parsing")
    p.add_argument("--data", type=Path, help="prepared CCP; otherwise $SPECTRUM_CCP or ../shared/data/ccp")
    p.add_argument("--out", type=Path, default=Path("runs/mini"), help="folder of state, log and checkpoint")
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--height", type=int, default=288, help="height of an upright training crop, pixels")
    p.add_argument("--rate", type=float, default=5e-4)
    p.add_argument("--points", type=int, default=1024, help="points sampled per mask by the losses")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--init", type=Path, help="start from this checkpoint instead of ImageNet weights")
    p.add_argument("--warmup", type=int, default=150, help="steps until the rate has its peak")
    p.add_argument("--empty-share", type=float, default=0.07, help="share of scenes without people")
    p.add_argument("--empty", type=Path, help="folder of further pictures without people")
    p.add_argument("--threads", type=int, default=None)
    p.add_argument("--validate-every", type=int, default=500)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--plot", action="store_true", help="only draw the log of --out into log.png")
    p.add_argument(
        "--without",
        action="append",
        default=[],
        choices=["context", "unet", "grounding"],
        help="ablation: leave out C, the UNet stream or L_G",
    )
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command; exit status."""
    p = parser()
    args = p.parse_args(argv)
    if args.plot:
        plot(args.out / "log.jsonl", args.out / "log.png")
        print(f"wrote {args.out / 'log.png'}")
        return 0
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        args.data = data_root(args.data, os.environ, Path.cwd())
        trainer, batches = build(args)
    except ValueError as error:
        p.error(str(error))
    if trainer.resume():
        print(f"going on from step {trainer.step}")
    trainer.run(batches)
    plot(args.out / "log.jsonl", args.out / "log.png")
    return 0


def build(args: argparse.Namespace) -> tuple[Trainer, SceneBatches]:
    """Network, losses and data of a run."""
    train = CcpDataset(args.data, "train")
    network = start(args)
    phrases = Phrases(list(PROMPTS), minilm(), gloss=network.config.text.gloss)
    weights = Weights(grounding=0.0 if "grounding" in args.without else 1.0)
    criterion = Criterion(network.config.head, points=args.points, weights=weights)
    schedule = Schedule(
        steps=args.steps,
        rate=args.rate,
        tower_rate=args.rate * 0.4,
        warmup=args.warmup,
        validate_every=args.validate_every,
    )
    trainer = Trainer(
        network,
        criterion,
        phrases,
        schedule,
        args.out,
        validation=Validation(CcpDataset(args.data, "val")),
        device=args.device,
    )
    maker = SceneMaker(train, extra_empty=pictures(args.empty) if args.empty else ())
    return trainer, SceneBatches(
        maker,
        phrases,
        seed=args.seed,
        batch=args.batch,
        height=args.height,
        steps=args.steps,
        empty_share=args.empty_share,
    )


def start(args: argparse.Namespace) -> Spectrum:
    """The network as the stage finds it."""
    config: SpectrumConfig = PRESETS[args.preset]()
    left_out: dict[str, Any] = {f"use_{name}": False for name in args.without if name != "grounding"}
    network = Spectrum(dataclasses.replace(config, **left_out))
    if args.init:
        network.load_state_dict(checkpoint.load(args.init).state_dict())
    else:
        load_imagenet(network.tower)
    network.train_only_parsing()
    return network


def pictures(folder: Path) -> list[np.ndarray]:
    """Every picture of a folder as RGB, its long side at most 800."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}:
            with Image.open(path) as picture:
                picture.thumbnail((800, 800))
                found.append(np.asarray(picture.convert("RGB")))
    if not found:
        raise ValueError(f"no picture in {folder}")
    return found
