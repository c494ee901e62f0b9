"""A checkpoint on disk: `config.json` and `model.safetensors` in one folder. Nothing pickled."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.network.config import SpectrumConfig
from model.network.spectrum import Spectrum

CONFIG, WEIGHTS = "config.json", "model.safetensors"
HALF_FROM = 1024  # tensors of at least this many elements are stored in half precision


class CheckpointError(ValueError):
    """A checkpoint is missing, broken, or of another shape than its config says."""


def save(folder: Path, config: SpectrumConfig, weights: dict[str, Tensor]) -> None:
    """Write a checkpoint. Large tensors go to float16; norms, biases and statistics keep float32."""
    folder.mkdir(parents=True, exist_ok=True)
    small = {
        name: (w.half() if w.is_floating_point() and w.numel() >= HALF_FROM else w).contiguous().cpu()
        for name, w in weights.items()
    }
    save_file(small, folder / WEIGHTS)
    (folder / CONFIG).write_text(config.to_json(), encoding="utf-8")


def load(folder: Path) -> Spectrum:
    """Read a checkpoint: a network in evaluation mode, float32 on the CPU. CheckpointError if it cannot."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(f"no checkpoint at {folder}: {name} is missing")
    try:
        config = SpectrumConfig.load(folder / CONFIG)
        weights = load_file(folder / WEIGHTS)
        network = Spectrum(config)
        network.load_state_dict({k: w.float() if w.is_floating_point() else w for k, w in weights.items()})
    except (ValueError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"the checkpoint at {folder} is broken: {str(error)[:300]}") from error
    return network.eval()


def revision(folder: Path) -> str:
    """The first 12 hex digits of the SHA-256 of config and weights: names exactly what answers."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    with (folder / WEIGHTS).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:12]


def is_finite(weights: dict[str, Tensor]) -> bool:
    """Whether no weight is NaN or infinite."""
    return all(bool(torch.isfinite(w).all()) for w in weights.values() if w.is_floating_point())
