"""The autoencoder stage, `mini` only: `full` has Stable Diffusion's."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from model import checkpoint
from model.network.efficientnet import EfficientNetLite0
from model.network.spectrum import Spectrum
from model.training.generative.autoencoding import (
    Autoencoding,
    CropBatches,
    Crops,
    EarlyMaps,
    reconstructed,
    scale_of,
)
from model.training.generative.pictures import (
    Picture,
    grid,
    photo_paths,
    psnr,
    read_pictures,
    shrunk,
    training_photos,
)
from model.training.generative.synthetic import read_scenes
from model.training.loop import Schedule, Training
from model.training.stages.common import add_common, ccp_root, start

SHORT = 160  # short side, pixels, of the pictures that crops are cut from
SEEN_SHORT = 128  # of those that the network meets when it parses
SCALED_ON = 128  # pictures that the latents' scale is measured on
SHOWN = 8


class AutoencoderTraining(Training[Crops]):
    """Trains the VAE of a network; the rest of its checkpoint is as it came in."""

    def __init__(
        self,
        network: Spectrum,
        objective: Autoencoding,
        schedule: Schedule,
        folder: Path,
        *,
        held_out: list[Picture],
        scaled_on: list[Picture],
        device: str = "cpu",
    ) -> None:
        super().__init__(network.i2tx.vae, objective, schedule, folder, device=device)
        self.network, self.held_out, self.scaled_on = network, held_out, scaled_on

    def losses(self, batch: Crops, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """Reconstruction, perceptual term and KL."""
        return self.objective(batch.pixels, batch.noise)

    def validate(self) -> dict[str, float]:
        """PSNR of held-out pictures through the latents' mean."""
        return {"val_psnr": round(self._quality(), 3)}

    def _quality(self) -> float:
        made = reconstructed(self.part, self.held_out)
        pairs = zip(made, self.held_out, strict=True)
        return float(np.mean([psnr(m, t[: m.shape[0], : m.shape[1]]) for m, t in pairs]))

    def write_checkpoint(self) -> None:
        """The whole network with the averaged VAE, and its latents' scale in the config."""
        with self.averaged():
            self.part.eval()
            scale = scale_of(self.part, self.scaled_on[:SCALED_ON], (SEEN_SHORT * 3 // 2, SEEN_SHORT))
            config = self.network.config
            vae = {**config.diffusion.vae, "scaling_factor": round(scale, 5)}
            config = replace(config, diffusion=replace(config.diffusion, vae=vae))
            checkpoint.save(self.folder / "checkpoint", config, self.network.state_dict())

    def finish(self) -> None:
        """The sheet (above: pictures, below: what came back) and the report."""
        self.part.eval()
        shown = self.held_out[:SHOWN]
        made = reconstructed(self.part, shown)
        pairs = [[t[: m.shape[0], : m.shape[1]], m] for m, t in zip(made, shown, strict=True)]
        grid([[row[i] for row in pairs] for i in (0, 1)]).save(self.folder / "sheet.png")
        report = {"steps": self.step, "val_psnr": round(self._quality(), 3), "pictures": len(self.held_out)}
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def add_options(p: argparse.ArgumentParser) -> None:
    """The options of this stage."""
    add_common(p, steps=2000, batch=12, rate=2e-3, warmup=100)
    p.add_argument(
        "--synthetic", type=Path, help="folder of `spectrum synthesize`: pictures and textures too"
    )
    p.add_argument("--side", type=int, default=96, help="side of a training crop, pixels")
    p.add_argument("--kl", type=float, default=1e-5, help="weight of the KL term, per latent value")
    p.add_argument("--perceptual", type=float, default=0.2, help="weight of the perceptual term; 0 for none")
    p.add_argument("--most", type=int, default=2000, help="synthetic scenes to take at most")


def build(args: argparse.Namespace) -> tuple[AutoencoderTraining, CropBatches]:
    """Network, loss and data of a run."""
    if args.preset == "full":
        raise ValueError("preset full has Stable Diffusion's autoencoder: begin with the stage texture")
    root = ccp_root(args)
    network = start(args, tail=True)
    photos = read_pictures(training_photos(root), SHORT)
    pictures = photos + (synthetic_pictures(args.synthetic, args.most) if args.synthetic else [])
    body = getattr(network.tower, "body", None)
    early = EarlyMaps(body) if args.perceptual and isinstance(body, EfficientNetLite0) else None
    schedule = Schedule(
        steps=args.steps,
        rate=args.rate,
        weight_decay=0.01,
        warmup=args.warmup,
        ema=args.ema,
        save_every=args.save_every,
        validate_every=args.validate_every,
    )
    training = AutoencoderTraining(
        network,
        Autoencoding(network.i2tx.vae, early, kl=args.kl, perceptual=args.perceptual),
        schedule,
        args.out,
        held_out=read_pictures(photo_paths(root, "val"), SEEN_SHORT),
        scaled_on=photos,
        device=args.device,
    )
    batches = CropBatches(
        pictures,
        seed=args.seed,
        batch=args.batch,
        side=args.side,
        steps=args.steps,
        share=(training.rank, training.world),
    )
    return training, batches


def synthetic_pictures(folder: Path, most: int) -> list[Picture]:
    """Pictures, their short side at `SHORT` at most, and texture maps of prepared scenes."""
    found: list[Picture] = []
    scenes = read_scenes(folder)
    for i in range(min(most, len(scenes))):
        scene = scenes[i]
        large = min(scene.image.shape[:2]) > SHORT
        found.append(shrunk(Image.fromarray(scene.image), SHORT) if large else scene.image)
        found += [person.texture for person in scene.people[:1]]
    return found
