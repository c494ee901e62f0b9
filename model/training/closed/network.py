"""EfficientNet-Lite0 with a feature pyramid and one score per class: no prompts, no queries, no diffusion.

Source of the head: Kirillov, Girshick, He, Dollár, 'Panoptic Feature Pyramid Networks' (arXiv 1901.02446),
its semantic branch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model.evaluation.vocabularies import CCP19
from model.network.efficientnet import MAPS, EfficientNetLite0
from model.network.errors import CheckpointError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
KIND = "closed"


@dataclass(frozen=True, slots=True)
class ClosedConfig:
    """Sizes of the network, and how a picture enters it (pixels): as it enters the preset `mini`."""

    classes: tuple[str, ...] = CCP19.names
    width: int = 128
    short_side: int = 256
    max_long_side: int = 640
    multiple: int = 32

    def __post_init__(self) -> None:
        if self.classes[:1] != ("background",):
            raise ValueError(f"the first class must be background, not {self.classes[:1]}")
        if self.width < 8 or self.width % 8 or self.multiple % 32 or self.multiple < 32:
            raise ValueError(f"width {self.width} or multiple {self.multiple} does not fit the network")


class ClosedNetwork(nn.Module):
    """Scores of a fixed list of classes at stride 4.

    Letters: B pictures, C classes, D the pyramid's width, H and W sides (multiples of 32).
    """

    def __init__(self, config: ClosedConfig | None = None) -> None:
        super().__init__()
        self.config = config or ClosedConfig()
        width = self.config.width
        self.body = EfficientNetLite0()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for _, channels in MAPS.values())
        self.smooth = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.GroupNorm(8, width),
                nn.ReLU(inplace=True),
            )
            for _ in MAPS
        )
        self.classify = nn.Conv2d(width, len(self.config.classes), 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in 0..1 -> logits (B, C, H / 4, W / 4)."""
        maps = self.body((pixels * 255 - 127) / 128)
        levels = [enter(maps[stride]) for stride, enter in zip(MAPS, self.lateral, strict=True)]
        for i in reversed(range(len(levels) - 1)):
            levels[i] = levels[i] + _grown(levels[i + 1], levels[i])
        smooth = [part(level) for part, level in zip(self.smooth, levels, strict=True)]
        finest = smooth[0]
        for level in smooth[1:]:
            finest = finest + _grown(level, finest)
        return self.classify(finest)


def _grown(coarse: Tensor, fine: Tensor) -> Tensor:
    return F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)


def save(folder: Path, config: ClosedConfig, weights: Mapping[str, Tensor]) -> None:
    """Write `config.json` and `model.safetensors`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: w.contiguous().cpu() for name, w in weights.items()}, folder / WEIGHTS)
    written = json.dumps({"kind": KIND, **asdict(config)}, indent=2)
    (folder / CONFIG).write_text(written + "\n", encoding="utf-8")


def load(folder: Path) -> ClosedNetwork:
    """A saved network in evaluation mode, on the CPU. CheckpointError (a ValueError) when it is not there."""
    if not is_closed(folder):
        raise CheckpointError(f"no closed-set network at {folder}: {CONFIG} is missing or of another kind")
    try:
        given = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        del given["kind"]
        network = ClosedNetwork(ClosedConfig(**{**given, "classes": tuple(given["classes"])}))
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (ValueError, TypeError, KeyError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"the network at {folder} is broken: {str(error)[:300]}") from error
    return network.eval()


def is_closed(folder: Path) -> bool:
    """Whether a folder holds a closed-set network rather than a checkpoint of ours."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("kind") == KIND


def revision(folder: Path) -> str:
    """The first 12 hex digits of the SHA-256 of config and weights."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    digest.update((folder / WEIGHTS).read_bytes())
    return digest.hexdigest()[:12]
