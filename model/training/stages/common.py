"""What every stage begins with: its options, and the network as earlier stages left it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from model import checkpoint
from model.evaluation.cli import data_root
from model.network.config import PRESETS, SpectrumConfig
from model.network.i2tx import SCHEDULE, I2Tx
from model.network.spectrum import Spectrum
from model.training.pretrained import load_imagenet

PARTS = (
    *("i2tx", "i2tx.vae", "i2tx.unet", "tower", "im2context", "conditioning"),
    *("pyramid", "decoder", "embed", "grounding"),
)
# A weak UNet has little to say of noise; it does better on 'v'. Pure noise at the last step keeps a picture's
# mean colour out of it, which a network would else read instead of its condition.
MINI_SCHEDULE: dict[str, Any] = {
    **SCHEDULE,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
}


@dataclass(frozen=True, slots=True)
class Init:
    """Weights to start from: a checkpoint's folder and the parts to take; no part named: all that fit."""

    folder: Path
    parts: tuple[str, ...] = ()

    def brings(self, part: str) -> bool:
        """Whether it fills this part, as a whole or within a larger one."""
        return not self.parts or any(part == p or part.startswith(f"{p}.") for p in self.parts)


def init_option(text: str) -> Init:
    """'DIR' or 'DIR:part,part'. ArgumentTypeError for an unknown part."""
    folder, colon, named = text.rpartition(":")
    if not colon or Path(text).is_dir():
        return Init(Path(text))
    parts = tuple(named.split(","))
    if unknown := [p for p in parts if p not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r} in {text!r}; parts are {', '.join(PARTS)}")
    return Init(Path(folder), parts)


def add_common(p: argparse.ArgumentParser, *, steps: int, batch: int, rate: float, warmup: int) -> None:
    """The options of every stage."""
    p.add_argument("--preset", choices=sorted(PRESETS), default="mini")
    p.add_argument("--data", type=Path, help="prepared CCP; otherwise $SPECTRUM_CCP or ../shared/data/ccp")
    p.add_argument("--out", type=Path, default=Path("runs/mini"), help="folder of state, log and checkpoint")
    p.add_argument("--steps", type=int, default=steps)
    p.add_argument("--batch", type=int, default=batch, help="pictures a step, over all processes")
    p.add_argument("--rate", type=float, default=rate, help="peak learning rate")
    p.add_argument("--warmup", type=int, default=warmup, help="steps until the rate has its peak")
    p.add_argument("--ema", type=float, default=0.998, help="decay of the averaged weights")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument(
        "--init",
        type=init_option,
        action="append",
        default=[],
        metavar="DIR[:PART,...]",
        help=f"start from this checkpoint, or from parts of it: {', '.join(PARTS)}; repeatable",
    )
    p.add_argument(
        "--sources", type=Path, help="preset full: folder with sources.json (see model.network.sources)"
    )
    p.add_argument("--threads", type=int, default=None)
    p.add_argument("--validate-every", type=int, default=500)
    p.add_argument("--save-every", type=int, default=200)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--bf16", action="store_true", help="run the backbone in bfloat16")
    p.add_argument(
        "--checkpointing", action="store_true", help="trade time for memory: recompute the UNet's blocks"
    )
    p.add_argument("--plot", action="store_true", help="only draw the log of --out into log.png")


def ccp_root(args: argparse.Namespace) -> Path:
    """The prepared photos that a run trains on. ValueError when there are none."""
    return data_root(args.data, os.environ, Path.cwd())


def local_device(device: str) -> torch.device:
    """The device of this process: under torchrun the GPU of its own number."""
    number = os.environ.get("LOCAL_RANK")
    return torch.device("cuda", int(number)) if device == "cuda" and number else torch.device(device)


def start(args: argparse.Namespace, *, tail: bool, **changes: Any) -> Spectrum:
    """The network as the stage finds it. tail: keep what lies behind the last tap; changes: of the config."""
    if args.preset == "full":
        return _start_full(args, changes)
    config: SpectrumConfig = replace(PRESETS[args.preset](), **changes)
    return begin(config, args.init, tail=tail)


def begin(config: SpectrumConfig, inits: Sequence[Init], *, tail: bool) -> Spectrum:
    """A network of a config, filled from checkpoints in turn; the tower from ImageNet if none brings one.

    The latents' scaling factor comes with the VAE, the noise schedule with the UNet.
    """
    schedule = config.diffusion.schedule or (MINI_SCHEDULE if tail else {})
    config = replace(config, diffusion=replace(config.diffusion, tail=tail, schedule=schedule))
    for init in inits:
        config = _inherited(config, init)
    network = Spectrum(config)
    if not any(init.brings("tower") for init in inits):
        load_imagenet(network.tower)
    for init in inits:
        take(network, init)
    return network


def _inherited(config: SpectrumConfig, init: Init) -> SpectrumConfig:
    theirs, diffusion = _config(init.folder).diffusion, config.diffusion
    if init.brings("i2tx.vae") and "scaling_factor" in theirs.vae:
        diffusion = replace(diffusion, vae={**diffusion.vae, "scaling_factor": theirs.vae["scaling_factor"]})
    if init.brings("i2tx.unet") and (theirs.schedule or not diffusion.tail):
        diffusion = replace(diffusion, schedule=theirs.schedule)
    return replace(config, diffusion=diffusion)


def _start_full(args: argparse.Namespace, changes: dict[str, Any]) -> Spectrum:
    if not args.sources:
        raise ValueError("preset full reads Stable Diffusion and CLIP from --sources DIR (with sources.json)")
    network = read_full(args.sources)
    diffusion = network.config.diffusion
    if asked := changes.get("diffusion"):  # of these the files say nothing
        told = {name: getattr(asked, name) for name in ("timestep", "scale", "noise_seed")}
        diffusion = replace(diffusion, **told)
        network.i2tx = I2Tx(diffusion, vae=network.i2tx.vae, unet=network.i2tx.unet)
    network.config = replace(network.config, **{**changes, "diffusion": diffusion})
    for init in args.init:
        take(network, init)
    return network


def read_full(folder: Path) -> Spectrum:
    """The network of a folder with `sources.json`; without a `config.json`, of the paper's sizes."""
    if (folder / checkpoint.CONFIG).is_file():
        return checkpoint.load(folder)
    from model.network.pretrained import load_full  # `mini` need not wait for PEFT
    from model.network.sources import Sources

    return load_full(Sources.load(folder / checkpoint.SOURCES))


def _config(folder: Path) -> SpectrumConfig:
    try:
        return SpectrumConfig.load(folder / checkpoint.CONFIG)
    except (OSError, ValueError) as error:
        raise checkpoint.CheckpointError(f"no checkpoint at {folder}: {error}") from error


def take(network: Spectrum, init: Init) -> list[str]:
    """Copy what `init` names into the network; the names taken. CheckpointError for a part that does not fit.

    A checkpoint without a tail leaves the network's own tail as it is.
    """
    config, theirs = _config(init.folder), _weights(init.folder)
    ours = network.state_dict()
    fits = {n: w for n, w in theirs.items() if n in ours and w.shape == ours[n].shape}
    if not init.parts:
        taken = fits
    else:
        taken = {}
        for part in init.parts:
            taken |= _part(part, ours, theirs, fits, init.folder, tail=config.diffusion.tail)
    if not taken:
        raise checkpoint.CheckpointError(f"nothing in {init.folder} fits the network")
    network.load_state_dict(taken, strict=False)
    return sorted(taken)


def _part(
    part: str,
    ours: dict[str, Tensor],
    theirs: dict[str, Tensor],
    fits: dict[str, Tensor],
    folder: Path,
    *,
    tail: bool,
) -> dict[str, Tensor]:
    wanted = [name for name in ours if name.startswith(f"{part}.")]
    odd = [n for n in wanted if n not in fits and (n in theirs or tail or not part.startswith("i2tx"))]
    found = {n: fits[n] for n in wanted if n in fits}
    if odd or not found:
        what = odd[0] if odd else f"any of {part}"
        shapes = f" ({tuple(theirs[what].shape)} for {tuple(ours[what].shape)})" if what in theirs else ""
        raise checkpoint.CheckpointError(f"{part} of {folder} does not fit the network: {what}{shapes}")
    return found


def _weights(folder: Path) -> dict[str, Tensor]:
    if (folder / checkpoint.SOURCES).is_file():
        return checkpoint.load(folder).state_dict()
    if not (folder / checkpoint.WEIGHTS).is_file():
        raise checkpoint.CheckpointError(f"no checkpoint at {folder}: {checkpoint.WEIGHTS} is missing")
    weights = load_file(folder / checkpoint.WEIGHTS)
    return {name: w.float() if w.is_floating_point() else w for name, w in weights.items()}
