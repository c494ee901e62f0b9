"""`spectrum train`: the stages, one command each."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

import torch

from model.training.loop import Training
from model.training.plot import plot

STAGES = {
    "autoencoder": "pictures in, the same pictures out, through small latents (mini only)",
    "denoiser": "a text-to-picture latent diffusion model of people",
    "texture": "from a person's picture to the texture map of its body: what makes features I2Tx",
    "parsing": "masks, and the words for them",
}


def parser(stage: str = "parsing") -> argparse.ArgumentParser:
    """The options of one stage."""
    p = argparse.ArgumentParser(
        prog="spectrum train",
        description=f"Train a stage; a run that stopped goes on. Stage {stage}: {STAGES[stage]}.",
    )
    p.add_argument("--stage", choices=list(STAGES), default="parsing")
    module_of(stage).add_options(p)
    return p


def module_of(stage: str) -> Any:
    """The module of a stage: `add_options` and `build`."""
    return import_module(f"model.training.stages.{stage}")


def main(argv: list[str] | None = None) -> int:
    """Run the command; exit status."""
    stage = stage_of(argv)
    p = parser(stage)
    args = p.parse_args(argv)
    if args.plot:
        plot(args.out / "log.jsonl", args.out / "log.png")
        print(f"wrote {args.out / 'log.png'}")
        return 0
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        training, batches = module_of(stage).build(args)
    except ValueError as error:
        p.error(str(error))
    train(training, batches)
    if training.rank == 0:
        plot(args.out / "log.jsonl", args.out / "log.png")
    return 0


def stage_of(argv: list[str] | None) -> str:
    """The stage that a command line names, so that the others' options need not be known."""
    which = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    which.add_argument("--stage", choices=list(STAGES), default="parsing")
    stage: str = which.parse_known_args(argv)[0].stage
    return stage


def train(training: Training[Any], batches: Any) -> None:
    """Go on where the run stopped, or begin."""
    if training.resume() and training.rank == 0:
        print(f"going on from step {training.step}")
    training.run(batches, workers=getattr(batches, "workers", 1))


if __name__ == "__main__":
    raise SystemExit(main())
