"""A checkpoint on disk: `config.json` and `model.safetensors` in one folder. Nothing pickled.

A folder of `full` also has `sources.json`, which names the files of its frozen parts (see
`model.network.sources`); its `model.safetensors`, if there is one, then holds the trained parts alone.
A folder of `mini` may have `closer.safetensors`: the weights of a tower and head that closer looks are read
with, on the same backbone.
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

__all__ = [
    "CheckpointError",
    "is_finite",
    "load",
    "load_closer",
    "load_text",
    "revision",
    "save",
    "save_closer",
]

CONFIG, WEIGHTS, SOURCES = "config.json", "model.safetensors", "sources.json"
CLOSER = "closer.safetensors"
SHARED = ("i2tx.", "im2context.")  # what a closer look's network has in common with the first look's
HALF_FROM = 1024  # tensors of at least this many elements are stored in half precision


def save(folder: Path, config: SpectrumConfig, weights: dict[str, Tensor]) -> None:
    """Write a checkpoint. Large tensors go to float16; norms, biases and statistics keep float32."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_small(weights), folder / WEIGHTS)
    (folder / CONFIG).write_text(config.to_json(), encoding="utf-8")


def save_closer(folder: Path, weights: dict[str, Tensor]) -> None:
    """Write what closer looks of the checkpoint in `folder` are read with: all of `weights` but the backbone.

    CheckpointError where they do not fit the network there, or come from another backbone.
    """
    first = load(folder).state_dict()
    for name, weight in first.items():
        other = weights.get(name)
        if other is None or other.shape != weight.shape:
            raise CheckpointError(f"the closer look has no {name} of shape {tuple(weight.shape)}")
        if name.startswith(SHARED) and not torch.equal(other.float(), weight.float()):
            raise CheckpointError(f"the closer look has another backbone: {name} differs")
    own = {name: weights[name] for name in first if not name.startswith(SHARED)}
    save_file(_small(own), folder / CLOSER)


def _small(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: (w.half() if w.is_floating_point() and w.numel() >= HALF_FROM else w).contiguous().cpu()
        for name, w in weights.items()
    }


def reconfigured(folder: Path, out: Path, config: SpectrumConfig) -> str:
    """Write the checkpoint in `folder` to `out` with another config; its revision. `out` may be `folder`."""
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != folder.resolve():
        for name in (WEIGHTS, CLOSER):
            if (folder / name).is_file():
                copyfile(folder / name, out / name)
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
        weights = _weights(folder / WEIGHTS)
        if serving and is_lean(config):
            return lean_network(config, weights)
        network = Spectrum(config)
        network.load_state_dict(weights)
    except (ValueError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"the checkpoint at {folder} is broken: {str(error)[:300]}") from error
    return network.eval()


def load_closer(folder: Path, first: Spectrum) -> Spectrum | None:
    """What closer looks are read with: a network that shares its backbone with `first`, the folder's own.

    None where the folder has none, and `first` reads them too. CheckpointError where it does not fit.
    """
    if not (folder / CLOSER).is_file():
        return None
    try:
        weights = _weights(folder / CLOSER)
        shared = {k: w for k, w in _weights(folder / WEIGHTS).items() if k.startswith(SHARED)}
        if is_lean(first.config):
            network = lean_network(first.config, shared | weights)
        else:
            network = Spectrum(first.config)
            network.load_state_dict(shared | weights)
    except (ValueError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"the closer look at {folder} is broken: {str(error)[:300]}") from error
    network.i2tx, network.im2context = first.i2tx, first.im2context
    return network.eval()


def _weights(path: Path) -> dict[str, Tensor]:
    return {k: w.float() if w.is_floating_point() else w for k, w in load_file(path).items()}


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
    own = [folder / WEIGHTS, *(path for path in [folder / CLOSER] if path.is_file())]
    for path in locate(sources) if sources else own:
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
