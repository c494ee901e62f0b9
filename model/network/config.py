"""Every size of the network in one place, and the two presets.

Source of `full`: the paper's sizes (Stable Diffusion 2.1, CLIP ViT-H/14, Mask2Former head). `mini` keeps
the same parts at sizes that train and run on a CPU.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any, Literal


def waves_of(frequencies: int) -> int:
    """How many values say where a cell lies (`model.network.places`)."""
    return 2 + 4 * frequencies


@dataclass(frozen=True, slots=True)
class TowerConfig:
    """Vision tower: `clip` (transformers' CLIP vision, maps unused) or `efficientnet-lite0`."""

    kind: Literal["clip", "efficientnet-lite0"] = "efficientnet-lite0"
    width: int = 320  # channels of a patch and of CLS
    clip: dict[str, Any] = field(default_factory=dict)  # CLIPVisionConfig fields, for kind == "clip"
    frozen_blocks: int = 3  # EfficientNet blocks (from the stem) that stay at their ImageNet weights
    maps: bool = True  # hand the tower's own maps to the pyramid as a further stream
    cells: int = 0  # a patch also says the colours of its cells x cells parts; 0 for features alone
    places: int = 0  # a patch also says where it lies, in so many frequencies; 0 for not (CLIP's patches do)

    @property
    def patch_width(self) -> int:
        """Values of a patch: features, then the colours of its cells, then its place."""
        return self.width + 3 * self.cells**2 + (waves_of(self.places) if self.places else 0)


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """IM2CONTEXT: `tokens` learned queries of `width` read the patches through `layers` decoder layers."""

    tokens: int = 16
    width: int = 128
    layers: int = 2
    heads: int = 4
    feedforward: int = 256
    gate_per_token: bool = False  # one gate for each token and channel (ODISE's form), not for each channel


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """VAE and UNet as diffusers' own config dictionaries, and how the picture enters them."""

    vae: dict[str, Any]
    unet: dict[str, Any]
    scale: float = 1.0  # side of the diffusion input relative to the network input
    timestep: int = 0
    noise_seed: int = 42
    lora_rank: int = 0  # 0: no adapter, or already merged
    schedule: dict[str, Any] = field(default_factory=dict)  # diffusers' scheduler; {}: Stable Diffusion's
    tail: bool = True  # keep the weights behind the last tap; the generative stages need them, parsing not


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """Pyramid, Mask2Former pixel decoder and transformer decoder, mask embeddings."""

    strides: tuple[int, ...] = (4, 8, 16, 32, 64)
    width: int = 128  # pyramid maps
    hidden: int = 128
    pixel_layers: int = 2
    pixel_feedforward: int = 256
    decoder_layers: int = 4
    decoder_feedforward: int = 512
    heads: int = 8
    queries: int = 48
    embedding: int = 128  # the space in which masks and text meet
    coordinates: int = 0  # frequencies of the pixel coordinates that masks may read; 0 for none
    # How a mask's pooled feature joins its query: two branches summed, or one after the other (ODISE's form).
    mask_embedding: Literal["parallel", "serial"] = "parallel"


@dataclass(frozen=True, slots=True)
class TextConfig:
    """Frozen text encoder: `minilm` (its PyPI package) or a transformers CLIP text directory."""

    kind: Literal["minilm", "clip"] = "minilm"
    width: int = 384
    gloss: bool = True  # weak encoders are told what a garment looks like
    clip: dict[str, Any] = field(default_factory=dict)


LONGEST = 2


@dataclass(frozen=True, slots=True)
class SpectrumConfig:
    """The whole network.

    `short_side` and `max_long_side` (pixels) bound the picture that enters it: to that short side, to the
    area of the two together, and to a long side of `LONGEST` times the second.
    """

    name: str
    tower: TowerConfig
    context: ContextConfig
    diffusion: DiffusionConfig
    head: HeadConfig
    text: TextConfig
    short_side: int = 320
    max_long_side: int = 640
    multiple: int = 32  # sides of the network input are multiples of this
    mirrored: bool = False  # read the mirror image too: half as much time again, a slightly better answer
    closer_side: int = 0  # read several people, or a small one, once more each at this short side; 0: do not
    # Factors on what the network gives the terms below a node of the taxonomy; see model.training.calibrate.
    calibration: dict[str, float] = field(default_factory=dict)
    # Weights by which a label's likelihood on a person is told, {} for none; see model.training.existence.
    existence: dict[str, float] = field(default_factory=dict)
    use_context: bool = True  # ablation: without C the UNet sees a zero context
    use_unet: bool = True  # ablation: the UNet's four taps leave the pyramid

    def to_json(self) -> str:
        """The config as stable, readable JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> SpectrumConfig:
        """Read what `to_json` wrote. ValueError for an unknown or missing field."""
        try:
            raw = json.loads(text)
            raw["tower"] = TowerConfig(**raw["tower"])
            raw["context"] = ContextConfig(**raw["context"])
            raw["diffusion"] = DiffusionConfig(**raw["diffusion"])
            raw["head"] = HeadConfig(**{**raw["head"], "strides": tuple(raw["head"]["strides"])})
            raw["text"] = TextConfig(**raw["text"])
            config = cls(**raw)
            if faults := [node for node, factor in config.calibration.items() if not 0.0 < factor < inf]:
                raise ValueError(f"calibration of {faults[0]!r} must be positive and finite")
            if faults := [name for name, weight in config.existence.items() if not isfinite(weight)]:
                raise ValueError(f"existence weight {faults[0]!r} must be finite")
            if config.closer_side < 0:
                raise ValueError(f"closer_side must not be negative: {config.closer_side}")
            return config
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a network config: {error}") from error

    @classmethod
    def load(cls, path: Path) -> SpectrumConfig:
        """Read a config file."""
        return cls.from_json(path.read_text(encoding="utf-8"))


def mini() -> SpectrumConfig:
    """The embedded default: own parameters under 24 M, one picture in a fraction of a second on a CPU."""
    return SpectrumConfig(
        name="mini",
        # What tells garments apart has little use for colour: it is nearly gone from this tower's patches.
        # And of a place convolutions know what the edges tell, where CLIP adds a position to every patch.
        tower=TowerConfig(cells=4, places=3),
        context=ContextConfig(),
        diffusion=DiffusionConfig(
            vae=vae_config((16, 32, 64, 64), groups=8), unet=MINI_UNET, scale=0.5, tail=False
        ),
        head=HeadConfig(coordinates=4),
        text=TextConfig(),
        short_side=256,
    )


def vae_config(channels: tuple[int, ...], *, groups: int = 32) -> dict[str, Any]:
    """AutoencoderKL with Stable Diffusion's layout (4 levels, stride 8, 4 latent channels)."""
    return {
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": list(channels),
        "layers_per_block": 2,
        "latent_channels": 4,
        "norm_num_groups": groups,
        "sample_size": 512,
        "scaling_factor": 0.18215,
    }


def unet_config(
    channels: tuple[int, ...], *, context: int, heads: int | list[int], groups: int = 32
) -> dict[str, Any]:
    """UNet2DConditionModel with Stable Diffusion's layout: cross attention on all levels but the coarsest.

    `heads` is diffusers' `attention_head_dim`, which in this class counts heads, not channels.
    """
    return {
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "block_out_channels": list(channels),
        "layers_per_block": 2,
        "cross_attention_dim": context,
        "attention_head_dim": heads,
        "norm_num_groups": groups,
        "use_linear_projection": True,
    }


MINI_UNET = unet_config((48, 64, 96, 128), context=128, heads=4, groups=8)


def full() -> SpectrumConfig:
    """The paper's sizes. Weights are the user's: see `model.network.pretrained`."""
    return SpectrumConfig(
        name="full",
        tower=TowerConfig(kind="clip", width=1280, clip=CLIP_H_VISION, frozen_blocks=0, maps=False),
        context=ContextConfig(
            tokens=77, width=1024, layers=3, heads=16, feedforward=2048, gate_per_token=True
        ),
        diffusion=DiffusionConfig(
            vae=vae_config((128, 256, 512, 512)),
            unet=unet_config((320, 640, 1280, 1280), context=1024, heads=[5, 10, 20, 20]),
            lora_rank=128,
        ),
        head=HeadConfig(
            strides=(4, 8, 16, 32),
            width=512,
            hidden=256,
            pixel_layers=6,
            pixel_feedforward=1024,
            decoder_layers=9,
            decoder_feedforward=2048,
            heads=8,
            queries=100,
            embedding=256,
            mask_embedding="serial",
        ),
        text=TextConfig(kind="clip", width=1024, gloss=False, clip=CLIP_H_TEXT),
        short_side=512,
        max_long_side=1280,
        multiple=64,
    )


CLIP_H_VISION: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "patch_size": 14,
    "image_size": 224,
    "hidden_act": "gelu",
    "projection_dim": 1024,
}
CLIP_H_TEXT: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "max_position_embeddings": 77,
    "vocab_size": 49408,
    "hidden_act": "gelu",
    "projection_dim": 1024,
}
PRESETS = {"mini": mini, "full": full}
