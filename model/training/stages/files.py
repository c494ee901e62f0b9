"""The checkpoint of a `full`: what was trained, and where the rest lies."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from model import checkpoint
from model.network.pretrained import own_weights
from model.network.sources import Sources
from model.network.spectrum import Spectrum


def write_full(
    folder: Path, network: Spectrum, trained: dict[str, Tensor], sources: Path, **changes: Any
) -> None:
    """Write config, our own parts and `sources.json`.

    trained: weights by the network's names, in place of its present ones. sources: the folder the network was
    read from. changes: fields of its `Sources` that are other now.
    """
    found = replace(Sources.load(sources / checkpoint.SOURCES), head=None, **changes)
    named = {name: value for name, value in asdict(found).items() if value is not None}
    whole = {name: str(Path(value).resolve()) for name, value in named.items() if Path(value).exists()}
    found = replace(found, **whole)
    weights = own_weights(network, context=found.im2context is None)
    checkpoint.save(folder, network.config, weights | {n: w for n, w in trained.items() if n in weights})
    (folder / checkpoint.SOURCES).write_text(found.to_json(), encoding="utf-8")
