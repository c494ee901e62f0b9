"""A network for answering alone: quick to make, and without what only training needs."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from model.network.config import SpectrumConfig, unet_config, vae_config
from model.network.i2tx import I2Tx
from model.network.lean.diffusion import Unet, Vae
from model.network.lean.head import LeanDecoder
from model.network.spectrum import Spectrum
from model.network.towers import EfficientNetTower


def is_lean(config: SpectrumConfig) -> bool:
    """Whether the lean parts can stand for the libraries': `mini`'s tower, and Stable Diffusion's layout with
    no setting that `vae_config` and `unet_config` do not write.
    """
    vae, unet = config.diffusion.vae, config.diffusion.unet
    return (
        config.tower.kind == "efficientnet-lite0"
        and _plain(
            vae, vae_config((8, 8, 8, 8)), free=("block_out_channels", "norm_num_groups", "scaling_factor")
        )
        and _plain(
            unet,
            unet_config((8, 8, 8, 8), context=8, heads=1),
            free=("block_out_channels", "cross_attention_dim", "attention_head_dim", "norm_num_groups"),
        )
    )


def _plain(given: dict[str, Any], known: dict[str, Any], *, free: tuple[str, ...]) -> bool:
    same = all(
        value == known.get(name) for name, value in given.items() if name not in (*free, "sample_size")
    )
    return same and set(known) <= set(given)


def lean_shell(config: SpectrumConfig) -> Spectrum:
    """A network of lean parts with the config's sizes, its weights not yet loaded."""
    i2tx = I2Tx(config.diffusion, vae=Vae(config.diffusion.vae), unet=Unet(config.diffusion.unet))
    return Spectrum(config, i2tx=i2tx, decoder=LeanDecoder(config.head))


def lean_network(config: SpectrumConfig, weights: dict[str, Tensor]) -> Spectrum:
    """A network of lean parts around these weights, in evaluation mode. RuntimeError if they do not fit."""
    network = lean_shell(config)
    network.load_state_dict(weights, assign=True)
    if isinstance(network.tower, EfficientNetTower):
        network.tower.body.fold()
    return network.eval().requires_grad_(False)
