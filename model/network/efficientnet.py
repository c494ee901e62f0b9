"""EfficientNet-Lite0 as a feature pyramid, at the sizes of its published ImageNet weights.

Source: Tan & Le, 'EfficientNet' (arXiv 1905.11946), Lite variant: no squeeze-and-excitation, ReLU6, stem and
head not scaled. Batch norm keeps its ImageNet statistics: batches here are small.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# expansion, channels, repeats, stride, kernel of each stage
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
# stride: (block after which it is read, channels)
MAPS: dict[int, tuple[int, int]] = {4: (2, 24), 8: (4, 40), 16: (10, 112), 32: (15, 320)}


def _conv(inside: int, outside: int, kernel: int, stride: int = 1, *, groups: int = 1) -> nn.Sequential:
    # TensorFlow's 'same' padding: with stride 2 on an even side the odd pixel goes to the right and bottom.
    total = kernel - stride
    before, after = total // 2, total - total // 2
    even = before == after
    return nn.Sequential(
        nn.Identity() if even else nn.ZeroPad2d((before, after, before, after)),
        nn.Conv2d(inside, outside, kernel, stride, before if even else 0, groups=groups, bias=False),
        nn.BatchNorm2d(outside, eps=1e-3, momentum=0.01),
    )


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; identity added where the shape allows."""

    def __init__(self, inside: int, outside: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expand = _conv(inside, wide, 1) if expansion > 1 else None
        self.depthwise = _conv(wide, wide, kernel, stride, groups=wide)
        self.project = _conv(wide, outside, 1)
        self.act = nn.ReLU6(inplace=True)
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""
        y = x if self.expand is None else self.act(self.expand(x))
        y = self.project(self.act(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """Maps at strides 4, 8, 16, 32 (24, 40, 112, 320 channels). Sides must be multiples of 32."""

    def __init__(self, *, frozen_blocks: int = 0) -> None:
        super().__init__()
        self.frozen_blocks = frozen_blocks
        self.stem = nn.Sequential(*_conv(3, 32, 3, 2), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList()
        inside = 32
        for expansion, outside, repeats, stride, kernel in STAGES:
            for i in range(repeats):
                self.blocks.append(
                    InvertedResidual(
                        inside, outside, expansion=expansion, kernel=kernel, stride=stride if i == 0 else 1
                    )
                )
                inside = outside
        self._freeze()

    def _freeze(self) -> None:
        frozen = [self.stem, *self.blocks[: self.frozen_blocks]] if self.frozen_blocks else []
        for part in frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """Batch norm always runs on its stored statistics."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self

    @torch.no_grad()
    def fold(self) -> None:
        """Make each batch norm part of the convolution before it: the same numbers but for rounding, and no
        way back to training.
        """
        for part in self.modules():
            if not isinstance(part, nn.Sequential):
                continue
            for i, norm in enumerate(part):
                conv = part[i - 1]
                if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
                    _fold(conv, norm)
                    part[i] = nn.Identity()

    def forward(self, pixels: Tensor) -> dict[int, Tensor]:
        """pixels (B, 3, H, W), (x - 127) / 128 of 0..255 -> {stride: map}."""
        maps: dict[int, Tensor] = {}
        wanted = {block: stride for stride, (block, _) in MAPS.items()}
        x = self.stem(pixels)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in wanted:
                maps[wanted[i]] = x
        return maps


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("a batch norm without stored statistics cannot be folded")
    scale = norm.weight / (variance + norm.eps).sqrt()
    conv.weight = nn.Parameter(conv.weight * scale[:, None, None, None])
    conv.bias = nn.Parameter(norm.bias - mean * scale)
