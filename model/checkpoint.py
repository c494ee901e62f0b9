"""A checkpoint on disk: `config.json` and `model.safetensors` in one folder. Nothing pickled.

A folder of `full` also has `sources.json`, which names the files of its frozen parts (see
`model.network.sources`); its `model.safetensors`, if there is one, then holds the trained parts alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.network.config import SpectrumConfig
from model.network.errors import CheckpointError
from model.network.serving import is_lean, lean_network
from model.network.sources import Sources, locate
from model.network.spectrum import Spectrum
from model.network.towers import TextTower, minilm

__all__ = ["CheckpointError", "is_finite", "load", "load_text", "revision", "save"]

CONFIG, WEIGHTS, SOURCES = "config.json", "model.safetensors", "sources.json"
HALF_FROM = 1024  # tensors of at least this many elements are stored in half precision


def save(folder: Path, config: SpectrumConfig, weights: dict[str, Tensor]) -> None:
    """Write a checkpoint. Large tensors go to float16; norms, biases and statistics keep float32."""
    folder.mkdir(parents=True, exist_ok=True)
    small = {
        name: (w.half() if w.is_floating_point() and w.numel() >= HALF_FROM else w).contiguous().cpu()
        for name, w in weights.items()
    }
    save_file(small, folder / WEIGHTS)
    (folder / CONFIG).write_text(config.to_json(), encoding="utf-8")


def reconfigured(folder: Path, out: Path, config: SpectrumConfig) -> str:
    """Write the checkpoint in `folder` to `out` with another config; its revision. `out` may be `folder`."""
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != folder.resolve():
        copyfile(folder / WEIGHTS, out / WEIGHTS)
    (out / CONFIG).write_text(config.to_json(), encoding="utf-8")
    return revision(out)


def load(folder: Path, *, serving: bool = False) -> Spectrum:
    """Read a checkpoint: a network in evaluation mode, float32 on the CPU. CheckpointError if it cannot.

    serving: a network that only answers, made without the libraries where its layout allows that.
    """
    sources = _sources(folder)
    for name in (CONFIG,) if sources else (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(f"no checkpoint at {folder}: {name} is missing")
    if sources:
        from model.network.pretrained import load_full  # `mini` need not wait for PEFT

        return load_full(sources, base=_config(folder))
    try:
        config = SpectrumConfig.load(folder / CONFIG)
        weights = load_file(folder / WEIGHTS)
        weights = {k: w.float() if w.is_floating_point() else w for k, w in weights.items()}
        if serving and is_lean(config):
            return lean_network(config, weights)
        network = Spectrum(config)
        network.load_state_dict(weights)
    except (ValueError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"the checkpoint at {folder} is broken: {str(error)[:300]}") from error
    return network.eval()


def load_text(folder: Path) -> TextTower:
    """The frozen text encoder that this checkpoint was trained with. CheckpointError if it cannot be had."""
    sources = _sources(folder)
    if sources is None:
        return minilm()
    from model.network import pretrained

    return pretrained.load_text(sources)


def revision(folder: Path) -> str:
    """The first 12 hex digits of the SHA-256 of config and weights: names exactly what answers."""
    sources = _sources(folder)
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    for path in locate(sources) if sources else [folder / WEIGHTS]:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:12]


def _sources(folder: Path) -> Sources | None:
    """Where the frozen parts lie; the folder's own weights are the head, if it has any. None for `mini`."""
    if not (folder / SOURCES).is_file():
        return None
    sources = Sources.load(folder / SOURCES)
    return replace(sources, head=str(folder)) if (folder / WEIGHTS).is_file() else sources


def _config(folder: Path) -> SpectrumConfig:
    try:
        return SpectrumConfig.load(folder / CONFIG)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the checkpoint at {folder} is broken: {str(error)[:300]}") from error


def is_finite(weights: dict[str, Tensor]) -> bool:
    """Whether no weight is NaN or infinite."""
    return all(bool(torch.isfinite(w).all()) for w in weights.values() if w.is_floating_point())
