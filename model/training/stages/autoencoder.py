"""The autoencoder stage, `mini` only: `full` has Stable Diffusion's."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from model.training.generative.beginning import begin_as_thumbnail
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
HELD_OUT_MAPS = 64


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
        held_out_maps: Sequence[Picture] = (),
        device: str = "cpu",
    ) -> None:
        """scaled_on: pictures that the latents' scale is measured on; none: it stays as it is."""
        super().__init__(network.i2tx.vae, objective, schedule, folder, device=device)
        self.network, self.scaled_on = network, scaled_on
        self.held_out, self.held_out_maps = held_out, held_out_maps

    def losses(self, batch: Crops, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """Reconstruction, perceptual term and KL."""
        return self.objective(batch.pixels, batch.noise)

    def validate(self) -> dict[str, float]:
        """PSNR of held-out photos, and of held-out texture maps, through the latents' mean."""
        scores = {"val_psnr": self._quality(self.held_out)}
        if self.held_out_maps:
            scores["val_map_psnr"] = self._quality(self.held_out_maps)
        return scores

    def _quality(self, pictures: Sequence[Picture]) -> float:
        made = reconstructed(self.part, pictures)
        pairs = zip(made, pictures, strict=True)
        return round(float(np.mean([psnr(m, t[: m.shape[0], : m.shape[1]]) for m, t in pairs])), 3)

    def write_checkpoint(self) -> None:
        """The whole network with the averaged VAE, and its latents' scale in the config."""
        with self.averaged():
            self.part.eval()
            config = self.network.config
            if self.scaled_on:
                scale = scale_of(self.part, self.scaled_on[:SCALED_ON], (SEEN_SHORT * 3 // 2, SEEN_SHORT))
                vae = {**config.diffusion.vae, "scaling_factor": round(scale, 5)}
                config = replace(config, diffusion=replace(config.diffusion, vae=vae))
            checkpoint.save(self.folder / "checkpoint", config, self.network.state_dict())

    def finish(self) -> None:
        """The sheet (pictures, below each what came back) and the report."""
        self.part.eval()
        rows: list[list[Picture]] = []
        for pictures in (self.held_out[:SHOWN], self.held_out_maps[:SHOWN]):
            if pictures:
                rows += [list(pictures), reconstructed(self.part, pictures)]
        grid(rows).save(self.folder / "sheet.png")
        report = {"steps": self.step, **self.validate(), "photos": len(self.held_out)}
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def add_options(p: argparse.ArgumentParser) -> None:
    """The options of this stage."""
    add_common(p, steps=2000, batch=12, rate=1e-3, warmup=100)
    p.add_argument(
        "--synthetic", type=Path, help="folder of `spectrum synthesize`: pictures and textures too"
    )
    p.add_argument("--side", type=int, default=96, help="side of a training crop, pixels")
    p.add_argument("--kl", type=float, default=1e-5, help="weight of the KL term, per latent value")
    p.add_argument("--perceptual", type=float, default=0.05, help="weight of the perceptual term; 0 for none")
    p.add_argument("--chroma", type=float, default=4.0, help="weight of colour without brightness")
    p.add_argument(
        "--anchor", type=float, default=0.1, help="weight of latents being the picture, made small"
    )
    p.add_argument("--map-share", type=float, default=0.3, help="share of batches that are texture maps")
    p.add_argument(
        "--only-decoder", action="store_true", help="keep encoder and scale: later stages' latents stay valid"
    )
    p.add_argument("--most", type=int, default=2000, help="synthetic scenes to take at most")


def build(args: argparse.Namespace) -> tuple[AutoencoderTraining, CropBatches]:
    """Network, loss and data of a run."""
    if args.preset == "full":
        raise ValueError("preset full has Stable Diffusion's autoencoder: begin with the stage texture")
    root = ccp_root(args)
    network = start(args, tail=True)
    photos = read_pictures(training_photos(root), SHORT)
    made, maps = synthetic_pictures(args.synthetic, args.most) if args.synthetic else ([], [])
    if not any(init.brings("i2tx.vae") for init in args.init):
        begin_as_thumbnail(network.i2tx.vae)
    if args.only_decoder:
        keep_encoder(network.i2tx.vae)
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
        Autoencoding(
            network.i2tx.vae,
            early,
            kl=args.kl,
            perceptual=args.perceptual,
            chroma=args.chroma,
        ),
        schedule,
        args.out,
        held_out=read_pictures(photo_paths(root, "val"), SEEN_SHORT),
        scaled_on=[] if args.only_decoder else photos,
        held_out_maps=maps[:HELD_OUT_MAPS],
        device=args.device,
    )
    batches = CropBatches(
        photos + made,
        seed=args.seed,
        batch=args.batch,
        side=args.side,
        steps=args.steps,
        maps=maps[HELD_OUT_MAPS:],
        map_share=args.map_share,
        share=(training.rank, training.world),
    )
    return training, batches


def keep_encoder(vae: Any) -> None:
    """Train the decoder alone."""
    for part in (vae.encoder, vae.quant_conv):
        part.requires_grad_(False)


def synthetic_pictures(folder: Path, most: int) -> tuple[list[Picture], list[Picture]]:
    """Pictures, their short side at `SHORT` at most, and texture maps of prepared scenes, the last first.

    The texture stage holds its last portraits out; the first maps here are held out as well.
    """
    found: list[Picture] = []
    maps: list[Picture] = []
    scenes = read_scenes(folder)
    for i in reversed(range(len(scenes))[:most]):
        scene = scenes[i]
        large = min(scene.image.shape[:2]) > SHORT
        found.append(shrunk(Image.fromarray(scene.image), SHORT) if large else scene.image)
        maps += [person.texture for person in scene.people[:1]]
    return found, maps
