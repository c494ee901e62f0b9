"""The stages of the network, by name, and a watch on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from model.network.spectrum import Spectrum

Watch = Callable[[str], AbstractContextManager[None]]


def stages(network: Spectrum) -> list[tuple[str, Any, str]]:
    """(stage, owner, method) in the order of a picture's way; what none of them does is 'between'."""
    return [
        ("vision tower", network.tower, "forward"),
        ("IM2CONTEXT", network, "condition"),
        ("VAE encoder", network.i2tx, "encode"),
        ("UNet", network.i2tx, "denoise"),
        ("VAE decoder", network.i2tx, "decode"),
        ("pyramid", network.pyramid, "forward"),
        ("pixel decoder", network.decoder.pixel_decoder, "forward"),
        ("mask decoder", network.decoder.transformer, "forward"),
        ("embeddings", network.embed, "forward"),
        ("embeddings", network.embed, "per_pixel"),
        ("grounding", network.grounding, "text"),
        ("grounding", network.grounding, "logits"),
        ("grounding", network.grounding, "maps"),
        ("between", network, "looks"),
    ]


@contextmanager
def watched(network: Spectrum, watch: Watch) -> Iterator[None]:
    """Every stage of `network` runs inside `watch(stage)` while the block is open."""
    places = stages(network)
    for stage, owner, method in places:
        setattr(owner, method, _inside(getattr(owner, method), watch, stage))
    try:
        yield
    finally:
        for _, owner, method in places:
            delattr(owner, method)  # the class's own shows again


def _inside(method: Callable[..., Any], watch: Watch, stage: str) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with watch(stage):
            return method(*args, **kwargs)

    return run
