"""The denoiser stage: a text-to-picture latent diffusion model of people.

For `full` it fine-tunes Stable Diffusion's UNet and may be left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model import checkpoint
from model.data.ccp import CcpDataset, tagged_photos
from model.data.pictures import fitted
from model.network.spectrum import Spectrum
from model.network.text_context import ClipStates, MiniLmStates, Reads, States, TextContext
from model.training.generative.autoencoding import to_picture
from model.training.generative.captions import caption_of, caption_of_tags
from model.training.generative.denoising import (
    Captioned,
    CaptionedBatches,
    Denoising,
    Noisy,
    held_out_batches,
    held_out_loss,
    sampled,
)
from model.training.generative.diffusion import Noise
from model.training.generative.latents import cached, decode, encode, in_groups, key_of
from model.training.generative.pictures import Picture, grid, read_pictures
from model.training.generative.synthetic import read_scenes
from model.training.generative.texturing import single_portraits
from model.training.loop import Schedule, Training
from model.training.stages.common import Init, add_common, ccp_root, local_device, start
from model.training.stages.files import write_full
from model.training.stages.memory import recompute_blocks

SHOWN = (
    "a person in a red dress, black shoes",
    "a person in a white t-shirt, blue jeans, white shoes",
    "a person in a black coat, grey pants, brown shoes",
    "a person in a yellow sweater, green skirt",
    "a person in a pink blouse, white shorts, brown bag",
    "",
)
TEXT_FILE = "text_context.safetensors"
HELD_OUT = 64  # texture maps, the last ones, as the texture stage holds them out
Source = tuple[str, Callable[[], Iterator[Picture]], list[str]]  # name, pictures, captions


class DenoiserTraining(Training[Noisy]):
    """Trains UNet and text context; the rest of the checkpoint is as it came in."""

    def __init__(
        self,
        network: Spectrum,
        objective: Denoising,
        schedule: Schedule,
        folder: Path,
        *,
        held_out: list[Noisy],
        shown: States,
        size: tuple[int, int],
        device: str = "cpu",
        sources: Path | None = None,
        sampling: tuple[int, int] = (3, 25),
    ) -> None:
        """shown: states of captions to sample, the last one empty; size: (height, width) of the pictures.

        sampling: draws for each caption of the sheet, and DDIM steps of each.
        """
        parts = {"unet": objective.unet, **({"text": objective.text} if objective.text else {})}
        super().__init__(nn.ModuleDict(parts), objective, schedule, folder, device=device)
        self.network, self.raw, self.held_out = network, objective, held_out
        self.shown, self.size, self.sources, self.sampling = shown, size, sources, sampling

    def losses(self, batch: Noisy, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """The denoising loss."""
        return self.objective(batch)

    def validate(self) -> dict[str, float]:
        """The loss on held-out photos, their noise and steps fixed."""
        return {"val_loss": round(held_out_loss(self.raw, self.held_out), 5)}

    def write_checkpoint(self) -> None:
        """The whole network with the averaged UNet, and the text context in a file beside it."""
        folder = self.folder / "checkpoint"
        with self.averaged():
            if self.sources is None:
                checkpoint.save(folder, self.network.config, self.network.state_dict())
            else:
                diffusion = write_diffusion(folder / "sd", self.network, self.sources)
                write_full(folder, self.network, {}, self.sources, diffusion=str(diffusion))
            if self.raw.text is not None:
                weights = {k: w.cpu().contiguous() for k, w in self.raw.text.state_dict().items()}
                save_file(weights, folder / TEXT_FILE)

    def finish(self) -> None:
        """The sheet (a row for each draw, a column for each caption) and the report."""
        self.part.eval()
        height, width = (side // 8 for side in self.size)
        self.network.i2tx.to(self.device)
        rows = []
        draws, steps = self.sampling
        for seed in range(draws):
            shape = (self.raw.unet.config.in_channels, height, width)
            latents = sampled(self.raw, self.shown, shape, steps=steps, guidance=3.0, seed=seed)
            rows.append([to_picture(p) for p in decode(self.network.i2tx, latents)])
        grid(rows).save(self.folder / "sheet.png")
        report = {"steps": self.step, **self.validate(), "sheet": list(SHOWN)}
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def write_diffusion(folder: Path, network: Spectrum, sources: Path) -> Path:
    """VAE, UNet and scheduler as diffusers writes them; the folder, whole."""
    from model.network.sources import Sources, locate

    network.i2tx.vae.save_pretrained(folder / "vae")
    network.i2tx.unet.save_pretrained(folder / "unet")
    if scheduler := locate(Sources.load(sources / checkpoint.SOURCES)).scheduler:
        (folder / "scheduler").mkdir(exist_ok=True)
        shutil.copyfile(scheduler, folder / "scheduler" / scheduler.name)
    return folder.resolve()


def add_options(p: argparse.ArgumentParser) -> None:
    """The options of this stage."""
    add_common(p, steps=3000, batch=16, rate=1e-3, warmup=100)
    p.add_argument("--synthetic", type=Path, help="folder of `spectrum synthesize`, to train on as well")
    p.add_argument("--most", type=int, default=3000, help="synthetic scenes to take at most")
    p.add_argument("--height", type=int, help="of a picture, pixels, multiple of 8; width is two thirds")
    p.add_argument("--dropout", type=float, default=0.1, help="share of captions left out")
    p.add_argument(
        "--map-share",
        type=float,
        default=0.0,
        help="share of batches that are texture maps: 'the texture map of a person in ...'",
    )


def build(args: argparse.Namespace) -> tuple[DenoiserTraining, CaptionedBatches]:
    """Network, loss and data of a run."""
    root = ccp_root(args)
    network = start(args, tail=True).eval()
    device = local_device(args.device)
    network.i2tx.to(device)
    height = args.height or (144 if args.preset == "mini" else 768)
    size = (height, height * 2 // 3 // 8 * 8)
    reads = reader(args.sources)
    noise = Noise(network.config.diffusion.schedule)
    train, maps, val = data_of(network, reads, root, size, args)
    if args.checkpointing:
        recompute_blocks(network.i2tx.unet)
    text = text_context(reads.width, network.config.context.width, args.init)
    if text is None and args.preset == "mini":
        raise ValueError("mini's text encoder is not as wide as its context")
    training = DenoiserTraining(
        network,
        Denoising(network.i2tx.unet, noise, text, bf16=args.bf16),
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
        held_out=held_out_batches(val, noise),
        shown=reads(SHOWN),
        size=size,
        device=args.device,
        sources=args.sources,
    )
    share = (training.rank, training.world)
    batches = CaptionedBatches(
        train,
        noise,
        seed=args.seed,
        batch=args.batch,
        steps=args.steps,
        dropout=args.dropout,
        maps=maps,
        map_share=args.map_share,
        share=share,
    )
    return training, batches


def data_of(
    network: Spectrum, reads: Reads, root: Path, size: tuple[int, int], args: argparse.Namespace
) -> tuple[Captioned, Captioned | None, Captioned]:
    """Pictures to learn from, texture maps if a share of them is wanted, and the photos of `val`."""
    if args.map_share and not args.synthetic:
        raise ValueError("--map-share needs --synthetic DIR (see spectrum synthesize)")
    cache = args.out / "cache"
    sources = [*photos(root, size), *(synthetic(args.synthetic, size, args.most) if args.synthetic else [])]
    train = captioned(network, sources, reads, cache / "train", size)
    maps = None
    if args.map_share:
        maps = captioned(network, [texture_maps(args.synthetic, args.most)], reads, cache / "maps", None)
    return train, maps, captioned(network, [val_photos(root, size)], reads, cache / "val", size)


def reader(sources: Path | None) -> Reads:
    """The text encoder of the preset, as states of tokens."""
    if sources is None:
        return MiniLmStates()
    from model.network.pretrained import load_text_model
    from model.network.sources import Sources

    return ClipStates(*load_text_model(Sources.load(sources / checkpoint.SOURCES)))


def text_context(width: int, context: int, inits: list[Init]) -> TextContext | None:
    """The trained path from states to context: none where Stable Diffusion reads the states themselves."""
    if width == context:
        return None
    text = TextContext(width, context)
    for init in inits:
        if init.brings("i2tx.unet") and (init.folder / TEXT_FILE).is_file():
            text.load_state_dict(load_file(init.folder / TEXT_FILE))
    return text


def photos(root: Path, size: tuple[int, int]) -> list[Source]:
    """The photos of `train`, and those with tags."""
    tagged = tagged_photos(root)
    paths = [path for path, _ in tagged]
    return [
        _labelled(root, "train", size),
        ("tagged", lambda: _read(paths, size), [caption_of_tags(tags) for _, tags in tagged]),
    ]


def val_photos(root: Path, size: tuple[int, int]) -> Source:
    """The photos of `val`."""
    return _labelled(root, "val", size)


def _labelled(root: Path, split: str, size: tuple[int, int]) -> Source:
    dataset = CcpDataset(root, split)
    paths = [root / "images" / f"{id_}.jpg" for id_ in dataset.ids]
    return split, lambda: _read(paths, size), [caption_of(item) for item in dataset]


def _read(paths: list[Path], size: tuple[int, int]) -> Iterator[Picture]:
    return (fitted(read_pictures([path], min(size))[0], size) for path in paths)


def synthetic(folder: Path, size: tuple[int, int], most: int) -> list[Source]:
    """Prepared scenes with the captions that they carry."""
    scenes = read_scenes(folder)
    count = min(most, len(scenes))
    captions = [scenes[i].caption for i in range(count)]
    return [(f"synthetic {folder}", lambda: (fitted(scenes[i].image, size) for i in range(count)), captions)]


def texture_maps(folder: Path, most: int) -> Source:
    """The texture maps of prepared portraits but the last ones, which the texture stage holds out."""
    scenes = read_scenes(folder)
    places = single_portraits(scenes, most)[:-HELD_OUT]
    if not places:
        raise ValueError(f"no more than {HELD_OUT} portraits in {folder}")
    captions = [f"the texture map of {scenes[i].people[0].caption}" for i in places]
    return f"maps {folder}", lambda: (scenes[i].people[0].texture for i in places), captions


def captioned(
    network: Spectrum, sources: list[Source], reads: Reads, cache: Path, size: tuple[int, int] | None
) -> Captioned:
    """Latents of all pictures, as they are and mirrored, and states of all captions.

    size None: of texture maps, which are not mirrored, for left and right have places of their own in them.
    """
    said = [caption for _, _, captions in sources for caption in captions]
    latents: list[Tensor] = []
    for name, read, captions in sources:
        key = key_of(network.i2tx.vae, name=name, size=size, captions=captions)

        def make(read: Callable[[], Iterator[Picture]] = read) -> dict[str, Tensor]:
            views = [encode(network.i2tx, read())]
            if size is not None:
                views.append(encode(network.i2tx, (p[:, ::-1] for p in read())))
            return {"latents": torch.stack(views)}

        file = cache / f"{len(latents)}.safetensors"
        if captions:
            latents.append(cached(file, key, make)["latents"])
    unique = sorted(set(said) - {""})
    found = [reads(group) for group in in_groups([*unique, ""], 64)]
    states = States(torch.cat([f.states for f in found]).half(), torch.cat([f.known for f in found]))
    place = {caption: i for i, caption in enumerate([*unique, ""])}
    return Captioned(torch.cat(latents, dim=1), torch.tensor([place[c] for c in said]), states)
