"""The parsing stage: the head, on masks, with L_G."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from model import checkpoint
from model.data.ccp import CcpDataset
from model.data.formats.registry import DATASETS, open_dataset
from model.data.made import MadeScenes
from model.data.scenes import SceneMaker
from model.data.sources import Chained, PhotoScenes
from model.data.tagged import TaggedScenes
from model.network.config import PRESETS
from model.network.i2tx import SCHEDULE
from model.network.spectrum import Spectrum
from model.network.towers import TextTower, minilm
from model.training.batches import MAX_PHRASES, PROMPTS, UPRIGHT, Batch, SceneBatches
from model.training.criterion import Criterion, Weights, rarity_of
from model.training.loop import From, Schedule, Training
from model.training.phrases import Phrases
from model.training.stages.common import add_common, ccp_root, start
from model.training.stages.files import write_full
from model.training.stages.memory import lower_features, recompute_blocks
from model.training.validate import Validation

TIMESTEPS: int = SCHEDULE["num_train_timesteps"]


class Parsing(nn.Module):
    """Network and losses as one module, so that every process's gradients meet."""

    def __init__(self, network: Spectrum, criterion: Criterion) -> None:
        super().__init__()
        self.network, self.criterion = network, criterion

    def forward(self, batch: Batch, text: Tensor, spoken: list[Tensor]) -> dict[str, Tensor]:
        """text (P, D_text) of the prompts; spoken: per picture (k, D_text) of its phrases."""
        pixels = (batch.pixels.float() / 255).contiguous(memory_format=torch.channels_last)
        return self.criterion(self.network(pixels), batch, self.network.grounding, text, spoken)


class Trainer(Training[Batch]):
    """Trains a network on scene batches; everything it needs to go on lies in `folder`."""

    def __init__(
        self,
        network: Spectrum,
        criterion: Criterion,
        phrases: Phrases,
        schedule: Schedule,
        folder: Path,
        *,
        validation: Validation | None = None,
        device: str = "cpu",
        sources: Path | None = None,
    ) -> None:
        """sources: the folder of a `full` whose frozen parts the checkpoint then only names."""
        # What a `full` froze is large and stays as it was: neither state nor average need it.
        super().__init__(
            network, Parsing(network, criterion), schedule, folder, device=device, whole=sources is None
        )
        self.network, self.phrases = network, phrases
        self.validation, self.sources = validation, sources

    def sampler(self) -> From:
        """Each process draws batches of its own: a scene costs more to make than its share of a step."""
        return From(self.step, self.schedule.steps, rank=self.rank, world=self.world)

    def losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
        """The criterion's losses of a batch, its prompts worded at random."""
        text = self.phrases.draw(rng).to(self.device)
        return self.objective(batch, text, [self._spoken(p).to(self.device) for p in batch.phrases])

    def _spoken(self, phrases: Tensor) -> Tensor:
        rows = [
            self.phrases.colored[label, color] if color >= 0 else self.phrases.variants[label][0]
            for label, color in phrases.tolist()
        ]
        return torch.stack(rows) if rows else torch.zeros(0, 1)

    def write_checkpoint(self) -> None:
        """The averaged network, or what a `full` trained of it."""
        folder = self.folder / "checkpoint"
        if self.sources is None:
            checkpoint.save(folder, self.network.config, self.average)
        else:
            write_full(folder, self.network, self.average, self.sources)

    def validate(self) -> dict[str, float]:
        """mIoU on `val`."""
        if self.validation is None:
            return {}
        return self.validation.score(self.network, self.phrases.plain().to(self.device))


def add_options(p: argparse.ArgumentParser) -> None:
    """The options of this stage."""
    add_common(p, steps=4000, batch=8, rate=5e-4, warmup=150)
    p.add_argument("--height", type=int, default=288, help="height of an upright training crop, pixels")
    p.add_argument("--points", type=int, default=1024, help="points sampled per mask by the losses")
    p.add_argument("--empty-share", type=float, default=0.07, help="share of scenes without people")
    p.add_argument("--empty", type=Path, help="folder of further pictures without people")
    p.add_argument("--tagged", type=Path, help="photos labelled within their tags (model.training.pseudo)")
    p.add_argument(
        "--photos",
        action="append",
        default=[],
        metavar="NAME=DIR[@SPLIT]",
        help=f"photos of another dataset beside CCP, repeatable: {', '.join(DATASETS)}; its split 'train'",
    )
    p.add_argument(
        "--synthetic", type=Path, action="append", help="folder of `spectrum synthesize`; repeatable"
    )
    p.add_argument("--synthetic-share", type=float, default=0.5, help="of groups; a third of it of portraits")
    p.add_argument(
        "--window-share", type=float, default=0.0, help="of upright scenes: one of several people, closer"
    )
    p.add_argument("--upright-share", type=float, default=UPRIGHT, help="of the batches; the others are wide")
    p.add_argument(
        "--synthetic-without",
        type=lambda text: text.split(","),
        default=[],
        metavar="GARMENT,...",
        help="leave out made-up scenes where somebody wears these",
    )
    p.add_argument("--dyed", type=float, default=0.0, help="share of the photos' garments in another colour")
    p.add_argument("--afar", type=float, default=0.0, help="share of the groups that stand far away")
    p.add_argument("--freeze", action="store_true", help="VAE, UNet and IM2CONTEXT stay as they come in")
    p.add_argument("--phrases", type=int, default=MAX_PHRASES, help="K: key phrases of a caption at most")
    p.add_argument("--timestep", type=int, default=0, help="t of the one pass through the UNet")
    p.add_argument("--scale", type=float, help="side of the diffusion input relative to the network's")
    p.add_argument("--short-side", type=int, help="short side at which the checkpoint parses, pixels")
    p.add_argument(
        "--without",
        action="append",
        default=[],
        choices=["context", "unet", "grounding", "tower-maps"],
        help="ablation: leave out C, the UNet stream, L_G, or the tower's own maps (as the paper does)",
    )


def build(args: argparse.Namespace) -> tuple[Trainer, SceneBatches]:
    """Network, losses and data of a run."""
    root = ccp_root(args)
    train = CcpDataset(root, "train")
    network = start(args, tail=False, **changes(args))
    network.train_only_parsing()
    if args.freeze:
        network.freeze_backbone()
    if args.checkpointing:
        recompute_blocks(network.i2tx.unet)
    if args.bf16:
        lower_features(network)
    phrases = Phrases(list(PROMPTS), text_tower(args), gloss=network.config.text.gloss)
    maker = scene_maker(train, args)
    weights = Weights(grounding=0.0 if "grounding" in args.without else 1.0)
    criterion = Criterion(
        network.config.head, points=args.points, weights=weights, rarity=rarity_of(maker.presence)
    )
    schedule = Schedule(
        steps=args.steps,
        rate=args.rate,
        tower_rate=args.rate * 0.4,
        warmup=args.warmup,
        ema=args.ema,
        validate_every=args.validate_every,
        save_every=args.save_every,
    )
    trainer = Trainer(
        network,
        criterion,
        phrases,
        schedule,
        args.out,
        validation=Validation(CcpDataset(root, "val")),
        device=args.device,
        sources=args.sources,
    )
    if args.batch % trainer.world:
        raise ValueError(f"--batch {args.batch} cannot be shared out among {trainer.world} processes")
    return trainer, SceneBatches(
        maker,
        phrases,
        seed=args.seed,
        batch=args.batch // trainer.world,
        height=args.height,
        steps=args.steps,
        empty_share=args.empty_share,
        synthetic_share=args.synthetic_share if args.synthetic else 0.0,
        window_share=args.window_share,
        upright_share=args.upright_share,
        most_phrases=args.phrases,
    )


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """What the options change of a preset's config. ValueError for a K or t out of range."""
    if args.phrases < 1:
        raise ValueError(f"--phrases must be at least 1, not {args.phrases}")
    if not 0 <= args.timestep < TIMESTEPS:
        raise ValueError(f"--timestep must lie in 0..{TIMESTEPS - 1}, not {args.timestep}")
    config = PRESETS[args.preset]()
    diffusion = replace(config.diffusion, timestep=args.timestep, scale=args.scale or config.diffusion.scale)
    changed: dict[str, Any] = {f"use_{name}": False for name in args.without if name in ("context", "unet")}
    changed |= {"diffusion": diffusion, "short_side": args.short_side or config.short_side}
    if "tower-maps" in args.without:
        changed["tower"] = replace(config.tower, maps=False)
    return changed


def scene_maker(train: CcpDataset, args: argparse.Namespace) -> SceneMaker:
    """The scenes of a run: labelled photos, and what else the options name."""
    return SceneMaker(
        train,
        extra_empty=pictures(args.empty) if args.empty else (),
        also=Chained(*([TaggedScenes(args.tagged)] if args.tagged else []), *map(other_photos, args.photos)),
        synthetic=MadeScenes(*args.synthetic, without=args.synthetic_without) if args.synthetic else (),
        dyed=args.dyed,
        afar=args.afar,
    )


def other_photos(named: str) -> PhotoScenes:
    """The photos of 'NAME=DIR' or 'NAME=DIR@SPLIT'. ValueError for what cannot be opened."""
    name, found, where = named.partition("=")
    if not found or not where:
        raise ValueError(f"--photos wants NAME=DIR or NAME=DIR@SPLIT, not {named!r}")
    folder, _, split = where.partition("@")
    return PhotoScenes(open_dataset(name, folder, split or "train"))


def text_tower(args: argparse.Namespace) -> TextTower:
    """The frozen text encoder of the preset."""
    return checkpoint.load_text(args.sources) if args.sources else minilm()


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
