"""The texture stage: adapters on the UNet, IM2CONTEXT and the gates learn to draw a body's texture map."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig
from safetensors.torch import load_file
from torch import Tensor

from model import checkpoint
from model.network.adapters import ATTENTION, EVERYWHERE, attach_lora
from model.network.sources import Sources
from model.network.spectrum import Spectrum
from model.training.generative.diffusion import Noise
from model.training.generative.latents import cached, encode, key_of
from model.training.generative.synthetic import Portrait, Redrawn, read_scenes
from model.training.generative.texturing import (
    PairBatches,
    Readout,
    Textures,
    Texturing,
    latent_weight,
    seen,
    single_portraits,
    view_of,
)
from model.training.loop import Schedule
from model.training.stages.common import Init, add_common, local_device, start
from model.training.stages.memory import recompute_blocks
from model.training.stages.texture_training import READOUT_FILE, HeldOut, Rerender, TextureTraining

LOG = logging.getLogger(__name__)
HELD_OUT_VIEWS = 8  # of which the mean of several draws is taken
TARGETS = {"attention": ATTENTION, "all": EVERYWHERE}


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
    p.add_argument(
        "--context-only",
        action="store_true",
        help="train IM2CONTEXT by the readout alone; a second run begins with it",
    )
    p.add_argument(
        "--context-rate", type=float, help="peak rate of IM2CONTEXT and readout, where it is not --rate"
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
    lora = None if args.context_only else adapt(network, args)
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
        context_rate=args.context_rate,
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
    readout = (readout_of(network.config.context.width, size, args.init), share) if share else None
    parts = (network.i2tx.unet, network.im2context, network.conditioning)
    return Texturing(*parts, noise, weight, bf16=args.bf16, readout=readout, context_only=args.context_only)


def readout_of(width: int, size: tuple[int, int], inits: Sequence[Init]) -> Readout:
    """The readout that learned with the IM2CONTEXT to start from; a new one where none is beside it."""
    readout = Readout(width, size)
    for init in inits:
        file = init.folder / READOUT_FILE
        if init.brings("im2context") and file.is_file():
            try:
                readout.load_state_dict(load_file(file))
            except RuntimeError as error:
                raise ValueError(f"{file} does not fit maps of {size} latents: {error}") from error
    return readout


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
    last = [scenes[i] for i in places[count:]]
    shown = [
        seen(
            network.tower,
            (view_of(s.image, size, view, i) for s, i in zip(last, places[count:], strict=True)),
        )
        for view in range(max(args.views, HELD_OUT_VIEWS))
    ]
    patches, cls = (torch.stack(parts) for parts in zip(*shown, strict=True))
    rest = Textures(patches, cls, made["latents"][count:])
    pictures, maps = [s.image for s in last], [s.people[0].texture for s in last]
    return train, HeldOut(rest, pictures, maps, made["mean"].numpy(), mask)
