"""`full` from real files: Stable Diffusion, CLIP, TexDreamer's IM2CONTEXT and LoRA, and our own head.

Directories' own config files decide every size (see `model.network.sizes`), so that small ones load too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModel
from transformers.utils import logging as transformers_logging

from model.network.adapters import merge_lora
from model.network.config import SpectrumConfig, full
from model.network.errors import CheckpointError
from model.network.i2tx import I2Tx
from model.network.sizes import check_layout, config_of
from model.network.sources import Files, Sources, locate
from model.network.spectrum import Spectrum
from model.network.towers import ClipTower, TextTower, clip_text

BROKEN = (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError)
# What the parsing stage trains: all that a checkpoint of `full` has to carry of its own.
OWN_PARTS = ("conditioning", "pyramid", "decoder", "embed", "grounding")
# TexDreamer's `Image2Token` and our `Im2Context` are the same modules under other names.
TEXDREAMER_NAMES = {"visual_proj.": "enter.", "query": "queries", "i2t.": "decoder."}


def load_full(sources: Sources, *, base: SpectrumConfig | None = None) -> Spectrum:
    """A network in evaluation mode, float32 on the CPU, adapters merged. CheckpointError if it cannot be.

    base: sizes of head and mask embedding; by default those of `sources.head`, or the paper's. Whatever no
    source holds keeps fresh weights.
    """
    files = locate(sources)
    base = base or (_head_config(files.head) if files.head else full())
    with _quiet():
        vae, unet = _diffusers(AutoencoderKL, files.vae), _diffusers(UNet2DConditionModel, files.unet)
        clip, own = _transformers(CLIPVisionModel, files.vision), _own(files)
        check_layout(files, vae, unet)
        config = config_of(base, files, vae, unet, clip, own)
        for model, lora in ((unet, files.unet_lora), (clip, files.vision_lora)):
            if lora:
                merge_lora(model, lora)
    network = Spectrum(
        config,
        tower=ClipTower(config.tower, clip=clip),
        i2tx=I2Tx(config.diffusion, vae=vae, unet=unet),
    )
    _fill(network, own, files)
    return network.eval()


def load_text(sources: Sources) -> TextTower:
    """The frozen text encoder of the same sources, its adapter merged."""
    return clip_text(*load_text_model(sources))


def load_text_model(sources: Sources) -> tuple[CLIPTextModelWithProjection, CLIPTokenizer]:
    """The same as a model, frozen, and its tokenizer."""
    files = locate(sources)
    with _quiet():
        model = _transformers(CLIPTextModelWithProjection, files.text)
        if files.text_lora:
            merge_lora(model, files.text_lora)
        try:
            tokenizer = CLIPTokenizer.from_pretrained(files.text, local_files_only=True)
        except BROKEN as error:
            raise CheckpointError(f"{files.text} holds no tokenizer of CLIP's: {str(error)[:300]}") from error
    return model.eval().requires_grad_(False), tokenizer


def own_weights(network: Spectrum, *, context: bool = False) -> dict[str, Tensor]:
    """What a checkpoint of `full` carries of its own: not tower, VAE and UNet; IM2CONTEXT where `context`."""
    parts = (*OWN_PARTS, "im2context") if context else OWN_PARTS
    return {name: w for name, w in network.state_dict().items() if name.partition(".")[0] in parts}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' report of the half of CLIP that each tower leaves in the file."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _diffusers(kind: Any, folder: Path) -> Any:
    return _loaded(kind, folder, torch_dtype=torch.float32)


def _transformers(kind: Any, folder: Path) -> Any:
    return _loaded(kind, folder, dtype=torch.float32)


def _loaded(kind: Any, folder: Path, **options: Any) -> Any:
    """`kind.from_pretrained`, where a weight that the file lacks is an error and not a random number."""
    try:
        model, told = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
        )
    except BROKEN as error:
        raise CheckpointError(f"{folder} is no {kind.__name__}: {str(error)[:300]}") from error
    lacking = [*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])]
    if lacking:
        raise CheckpointError(f"{folder} is no {kind.__name__}: it lacks {', '.join(sorted(lacking)[:3])}")
    return model


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return {k: w.float() if w.is_floating_point() else w for k, w in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is no safetensors file: {str(error)[:300]}") from error


def _head_config(folder: Path) -> SpectrumConfig:
    try:
        return SpectrumConfig.load(folder / "config.json")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the checkpoint at {folder} is broken: {str(error)[:300]}") from error


def _own(files: Files) -> dict[str, Tensor]:
    """Weights of our own parts under the network's names: the head's, then those of IM2CONTEXT's own file."""
    own = _tensors(files.head / "model.safetensors") if files.head else {}
    if files.im2context:
        own = {name: w for name, w in own.items() if not name.startswith("im2context.")}
        own |= {f"im2context.{_our_name(name)}": w for name, w in _tensors(files.im2context).items()}
    return own


def _our_name(name: str) -> str:
    name = name.removeprefix("im2context.")
    for theirs, ours in TEXDREAMER_NAMES.items():
        # 'query' is a whole name, the others begin one.
        if name == theirs or (theirs.endswith(".") and name.startswith(theirs)):
            return ours + name.removeprefix(theirs)
    return name


def _fill(network: Spectrum, own: dict[str, Tensor], files: Files) -> None:
    """Load our own parts. A head must be whole and of the sizes that the other files ask for."""
    try:
        missing, unexpected = network.load_state_dict(own, strict=False)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights at {files.head or files.im2context} do not fit {files.unet}, {files.vision} and "
            f"{files.text}: {str(error)[:400]}"
        ) from error
    parts = (OWN_PARTS if files.head else ()) + (("im2context",) if files.im2context else ())
    lacking = [name for name in missing if name.partition(".")[0] in parts]
    if lacking or unexpected:
        raise CheckpointError(
            f"{files.head or files.im2context} is not whole: lacks {lacking[:3]}, unknown {unexpected[:3]}"
        )
