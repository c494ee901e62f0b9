"""The texture stage: adapters on the UNet, IM2CONTEXT and the gates learn to draw a body's texture map."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig
from torch import Tensor, nn

from model import checkpoint
from model.network.adapters import ATTENTION, EVERYWHERE, attach_lora, merged_weights, save_lora
from model.network.sources import Sources
from model.network.spectrum import Spectrum
from model.training.generative.diffusion import Noise
from model.training.generative.latents import cached, encode, key_of
from model.training.generative.pictures import Picture, fitted, grid
from model.training.generative.synthetic import Portrait, Redrawn, read_scenes
from model.training.generative.texturing import (
    PairBatches,
    Pairs,
    Readout,
    Textures,
    Texturing,
    denoised,
    latent_weight,
    maps_of,
    one_step,
    quality,
    seen,
    single_portraits,
    view_of,
)
from model.training.loop import Schedule, Training
from model.training.stages.common import add_common, local_device, start
from model.training.stages.files import write_full
from model.training.stages.memory import recompute_blocks

LOG = logging.getLogger(__name__)
TARGETS = {"attention": ATTENTION, "all": EVERYWHERE}
SHOWN = 8
Rerender = Callable[[int, Picture], Picture]  # place of a held-out portrait, texture map -> its body anew


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Portraits never trained on. mean (T, T, 3): the mean map of those that are; mask (T, T) of the body."""

    data: Textures
    pictures: list[Picture]
    maps: list[Picture]
    mean: Picture
    mask: NDArray[np.bool_]


class TextureTraining(Training[Pairs]):
    """Trains adapters, IM2CONTEXT and conditioning; the checkpoint has the adapters merged."""

    def __init__(
        self,
        network: Spectrum,
        objective: Texturing,
        lora: LoraConfig,
        schedule: Schedule,
        folder: Path,
        *,
        held_out: HeldOut,
        device: str = "cpu",
        sources: Path | None = None,
        rerender: Rerender | None = None,
        sampling: tuple[int, int] = (10, 4),
    ) -> None:
        """The UNet of `network` has its adapters attached already. sampling: DDIM steps, draws of a mean."""
        part = nn.ModuleDict(
            {
                "unet": objective.unet,
                "im2context": objective.im2context,
                "conditioning": objective.conditioning,
                **({"readout": objective.readout} if objective.readout is not None else {}),
            }
        )
        super().__init__(part, objective, schedule, folder, device=device, whole=False)
        self.network, self.raw, self.lora, self.held_out = network, objective, lora, held_out
        self.sources, self.rerender, self.sampling = sources, rerender, sampling

    def losses(self, batch: Pairs, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """The denoising loss of the maps, and that of what is read from the context alone."""
        return self.objective(batch)

    def validate(self) -> dict[str, float]:
        """PSNR of held-out maps in one step from noise, and how far above the mean map's it is."""
        held = self.held_out
        found = self._quality(one_step(self.raw, held.data, draws=1, seed=0))
        return {"val_psnr": round(found, 3), "val_gain": round(found - self._mean_quality(), 3)}

    def _quality(self, latents: Tensor) -> float:
        self.network.i2tx.vae.to(self.device)
        maps = maps_of(self.network.i2tx, latents, len(self.held_out.mask))
        return quality(maps, self.held_out.maps, self.held_out.mask)

    def _mean_quality(self) -> float:
        held = self.held_out
        return quality([held.mean] * len(held.maps), held.maps, held.mask)

    def write_checkpoint(self) -> None:
        """The whole network, its UNet's adapters merged; the adapters by themselves beside it."""
        folder = self.folder / "checkpoint"
        with self.averaged():
            save_lora(self.raw.unet, self.lora, self.folder / "lora")
            if self.sources is not None:
                lora = str((self.folder / "lora").resolve())
                write_full(folder, self.network, {}, self.sources, unet_lora=lora, im2context=None)
                return
            weights = {n: w for n, w in self.network.state_dict().items() if not n.startswith("i2tx.unet.")}
            weights |= {f"i2tx.unet.{n}": w for n, w in merged_weights(self.raw.unet).items()}
            checkpoint.save(folder, self.network.config, weights)

    def finish(self) -> None:
        """Every protocol's PSNR, and a sheet of the best one's maps."""
        self.part.eval()
        held = self.held_out
        steps, draws = self.sampling
        ways: dict[str, Callable[[], Tensor]] = {
            "one_step": lambda: one_step(self.raw, held.data, draws=1, seed=0),
            f"one_step_mean_of_{draws}": lambda: one_step(self.raw, held.data, draws=draws, seed=0),
            f"ddim_{steps}": lambda: denoised(self.raw, held.data, steps=steps, draws=1, seed=0),
            f"ddim_{steps}_mean_of_{draws}": lambda: denoised(
                self.raw, held.data, steps=steps, draws=draws, seed=0
            ),
        }
        latents: dict[str, Tensor] = {name: way() for name, way in ways.items()}
        found = {name: round(self._quality(x), 3) for name, x in latents.items()}
        best = max(found, key=lambda name: found[name])
        mean = self._mean_quality()
        report = {
            "steps": self.step,
            "held_out": len(held.maps),
            "psnr": found,
            "psnr_mean_map": round(mean, 3),
            "psnr_autoencoder": round(self._quality(held.data.latents), 3),
            "best": best,
            "gain_db": round(found[best] - mean, 3),
            "columns": "picture, predicted map, true map" + (", body redrawn" if self.rerender else ""),
        }
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        self._sheet(latents[best][:SHOWN])

    def _sheet(self, latents: Tensor) -> None:
        held, side = self.held_out, len(self.held_out.mask)
        rows = []
        for i, made in enumerate(maps_of(self.network.i2tx, latents, side)):
            height, width = held.pictures[i].shape[:2]
            size = (side, max(1, round(side * width / height)))
            row = [fitted(held.pictures[i], size), made, held.maps[i]]
            if self.rerender:
                row.append(fitted(self.rerender(i, made), size))
            rows.append(row)
        grid(rows).save(self.folder / "sheet.png")


def add_options(p: argparse.ArgumentParser) -> None:
    """The options of this stage."""
    add_common(p, steps=3000, batch=16, rate=2e-3, warmup=50)
    p.add_argument("--synthetic", type=Path, help="folder of `spectrum synthesize` with portraits; needed")
    p.add_argument("--most", type=int, default=4000, help="portraits to take at most")
    p.add_argument(
        "--held-out", type=int, default=64, help="portraits, the last ones, that are not trained on"
    )
    p.add_argument("--views", type=int, default=2, help="views of each portrait that the tower sees")
    p.add_argument("--rank", type=int, help="of the adapters; 32 for mini, 128 for full")
    p.add_argument(
        "--targets", choices=sorted(TARGETS), help="where adapters sit; full: attention, mini: all"
    )
    p.add_argument(
        "--readout",
        type=float,
        help="weight of reading the map straight from the context as well; 1 for mini, 0 for full",
    )
    p.add_argument("--pure", type=float, default=0.5, help="share of rows that start from pure noise")
    p.add_argument("--height", type=int, help="of the tower's picture, pixels; width is two thirds")


def build(args: argparse.Namespace) -> tuple[TextureTraining, PairBatches]:
    """Network, loss and data of a run."""
    if not args.synthetic:
        raise ValueError("the stage texture needs --synthetic DIR (see spectrum synthesize)")
    if args.sources and Sources.load(args.sources / checkpoint.SOURCES).unet_lora:
        raise ValueError(f"{args.sources} has a unet_lora already; this stage trains one, so leave it out")
    network = start(args, tail=True).eval()
    device = local_device(args.device)
    network.i2tx.to(device)
    network.tower.to(device)
    scenes = read_scenes(args.synthetic)
    places = single_portraits(scenes, args.most)
    if len(places) <= args.held_out:
        raise ValueError(f"{len(places)} portraits in {args.synthetic} are no more than the held-out ones")
    train, held_out = prepare(network, scenes, places, args)
    lora = adapt(network, args)
    noise = Noise(network.config.diffusion.schedule)
    training = TextureTraining(
        network,
        objective_of(network, noise, latent_weight(held_out.mask, sides(train)), args),
        lora,
        Schedule(
            steps=args.steps,
            rate=args.rate,
            weight_decay=0.01,
            warmup=args.warmup,
            ema=args.ema,
            save_every=args.save_every,
            validate_every=args.validate_every,
        ),
        args.out,
        held_out=held_out,
        device=args.device,
        sources=args.sources,
        rerender=redrawing(args.synthetic, places[len(places) - args.held_out :]),
    )
    share = (training.rank, training.world)
    batches = PairBatches(
        train, noise, seed=args.seed, batch=args.batch, steps=args.steps, pure=args.pure, share=share
    )
    return training, batches


def adapt(network: Spectrum, args: argparse.Namespace) -> LoraConfig:
    """Attach the adapters that this stage trains, as the options or the preset want them."""
    mini = args.preset == "mini"
    lora = attach_lora(
        network.i2tx.unet,
        rank=args.rank or (32 if mini else 128),
        targets=TARGETS[args.targets or ("all" if mini else "attention")],
    )
    if args.checkpointing:
        recompute_blocks(network.i2tx.unet)
    return lora


def objective_of(network: Spectrum, noise: Noise, weight: Tensor, args: argparse.Namespace) -> Texturing:
    """The losses; weight (1, 1, h, w) of the maps' latents."""
    share = args.readout if args.readout is not None else float(args.preset == "mini")
    size = (weight.shape[-2], weight.shape[-1])
    readout = (Readout(network.config.context.width, size), share) if share else None
    parts = (network.i2tx.unet, network.im2context, network.conditioning)
    return Texturing(*parts, noise, weight, bf16=args.bf16, readout=readout)


def sides(data: Textures) -> tuple[int, int]:
    """Height and width of the maps' latents."""
    return data.latents.shape[-2], data.latents.shape[-1]


def redrawing(folder: Path, held_out: list[int]) -> Rerender | None:
    """Draws held-out bodies in other maps; None, and a word, where that cannot be."""
    try:
        redrawn = Redrawn(folder, held_out[0])
    except ValueError as error:
        LOG.warning("the sheet shows no body drawn anew: %s", error)
        return None
    return lambda i, texture: redrawn(held_out[i], texture)


def prepare(
    network: Spectrum, scenes: Sequence[Portrait], places: list[int], args: argparse.Namespace
) -> tuple[Textures, HeldOut]:
    """What tower and VAE make of all portraits, kept on disk; the last ones are held out."""
    height = args.height or (288 if args.preset == "mini" else 512)
    size = (height, height * 2 // 3 // 32 * 32)
    count = len(places) - args.held_out
    first = scenes[places[0]].people[0]
    side, mask = first.texture.shape[0], first.texture_mask

    def make() -> dict[str, Tensor]:
        maps = [scenes[i].people[0].texture for i in places]
        told = [
            seen(network.tower, (view_of(scenes[i].image, size, view, i) for i in places))
            for view in range(args.views)
        ]
        mean = np.mean(np.stack(maps[:count]), axis=0, dtype=np.float64)
        return {
            "patches": torch.stack([patches for patches, _ in told]),
            "cls": torch.stack([cls for _, cls in told]),
            "latents": encode(network.i2tx, maps),
            "mean": torch.from_numpy(mean.round().astype(np.uint8)),
        }

    said = {"folder": str(args.synthetic.resolve()), "places": places, "size": size, "side": side}
    key = key_of(network.tower, network.i2tx.vae, **said, views=args.views, count=count)
    made = cached(args.out / "cache" / "textures.safetensors", key, make)
    train = Textures(made["patches"][:, :count], made["cls"][:, :count], made["latents"][:count])
    rest = Textures(made["patches"][:1, count:], made["cls"][:1, count:], made["latents"][count:])
    last = [scenes[i] for i in places[count:]]
    pictures, maps = [s.image for s in last], [s.people[0].texture for s in last]
    return train, HeldOut(rest, pictures, maps, made["mean"].numpy(), mask)
