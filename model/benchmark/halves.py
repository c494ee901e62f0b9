"""`python -m model.benchmark.halves`: how far masks of `full` in half precision are from those in float32.

Without a GPU: what a card's half precision changes is done by hand, in float32. Weights, inputs and results
of every layer of the backbone are rounded to the type; sums stay in float32, as in a card's matrix units.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from model.benchmark.networks import preset, random_network
from model.network.spectrum import Spectrum

TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one picture: mean IoU of the thresholded masks, share of cells that agree, error of the features."""

    iou: float
    cells: float
    features: float


class Rounding:
    """Rounds what goes through a network's backbone; `largest` is the largest value that a layer gave."""

    def __init__(self, network: Spectrum, dtype: torch.dtype) -> None:
        self.largest = 0.0
        self._dtype = dtype
        for part in (network.tower, network.im2context, network.conditioning, network.i2tx):
            for layer in part.modules():
                if not list(layer.children()):
                    self._round(layer)

    def _round(self, layer: nn.Module) -> None:
        for weight in layer.parameters(recurse=False):
            weight.data = self._rounded(weight.data)
        layer.register_forward_pre_hook(lambda _, given: tuple(map(self._rounded, given)))
        layer.register_forward_hook(lambda _, __, result: self._seen(result))

    def _seen(self, result: Any) -> Any:
        if isinstance(result, Tensor) and result.is_floating_point():
            self.largest = max(self.largest, float(result.abs().max()))
        return self._rounded(result)

    def _rounded(self, value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.to(self._dtype).to(value.dtype)
        return value


@torch.inference_mode()
def agreement(
    network: Spectrum, pictures: Sequence[Tensor], dtype: torch.dtype
) -> tuple[list[Agreement], float]:
    """How the masks of each picture (1, 3, H, W) agree with float32's, and the largest value on the way.

    The network is rounded from then on.
    """
    exact = [network(pixels).last() for pixels in pictures]
    rounding = Rounding(network, dtype)
    found = []
    for pixels, before in zip(pictures, exact, strict=True):
        after = network(pixels).last()
        one, other = (out.masks[-1][0].flatten(1) > 0 for out in (before, after))
        both, either = (one & other).sum(1), (one | other).sum(1)
        there = either > 0
        error = (before.pixels - after.pixels).norm() / before.pixels.norm()
        iou = float((both[there] / either[there]).mean()) if bool(there.any()) else 1.0
        found.append(Agreement(iou, float((one == other).float().mean()), float(error)))
    return found, rounding.largest


def main(argv: Sequence[str] | None = None) -> int:
    """Print the agreement; exit status."""
    p = argparse.ArgumentParser(prog="python -m model.benchmark.halves", description=__doc__)
    p.add_argument("photos", type=Path, nargs="+")
    p.add_argument("--preset", default="full", help="of random weights; %(default)s by default")
    p.add_argument("--type", choices=sorted(TYPES), default="float16", help="%(default)s by default")
    p.add_argument("--side", type=int, default=512, help="of the square input; %(default)s by default")
    args = p.parse_args(argv)
    try:
        pictures = [_entered(path, args.side) for path in args.photos]
        network = random_network(preset(args.preset), torch.device("cpu"))
    except (OSError, ValueError) as error:
        p.error(str(error))
    found, largest = agreement(network, pictures, TYPES[args.type])
    for path, one in zip(args.photos, found, strict=True):
        told = f"mean IoU {one.iou:.4f}, cells {one.cells:.5f}, features differ by {one.features:.5f}"
        sys.stdout.write(f"{path.name}: {told}\n")
    sys.stdout.write(f"largest value of a layer: {largest:.4g}; {args.type} ends at ")
    sys.stdout.write(f"{torch.finfo(TYPES[args.type]).max:.4g}\n")
    return 0


def _entered(path: Path, side: int) -> Tensor:
    with Image.open(path) as image:
        small = np.array(image.convert("RGB").resize((side, side)))
    return torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255


if __name__ == "__main__":
    sys.exit(main())
