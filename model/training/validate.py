"""A quick look at `val` while training: the network's own maps, before any reading."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.data.ccp import BODY, CLASSES, IGNORE, CcpDataset
from model.evaluation.vocabularies import CCP19
from model.network.spectrum import Spectrum
from model.training.batches import NOTHING, PROMPTS


class Validation:
    """mIoU of ccp19's twenty classes at stride 4, by the dense map, by the queries, and by their mean.

    The figures steer a training; what counts is `spectrum evaluate`, through the parser that serves.
    """

    def __init__(
        self, dataset: CcpDataset, *, size: tuple[int, int] = (384, 256), limit: int | None = None
    ) -> None:
        self.pixels: list[Tensor] = []
        self.truth: list[np.ndarray] = []
        small = (size[1] // 4, size[0] // 4)
        for item in dataset[: limit or len(dataset)]:
            picture = Image.fromarray(item.image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
            labels = Image.fromarray(CCP19.truth(item.labels)).resize(small, Image.Resampling.NEAREST)
            self.pixels.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
            self.truth.append(np.asarray(labels))
        self.table = torch.from_numpy(prompt_classes())

    @torch.inference_mode()
    def score(self, network: Spectrum, text: Tensor) -> dict[str, float]:
        """mIoU of the dense map, of the queries and of their mean; text (P, D_text) of the prompts."""
        network.eval()
        count = len(CCP19.names)
        confusion = {name: np.zeros((count, count), np.int64) for name in ("dense", "queries", "mean")}
        for pixels, truth in zip(self.pixels, self.truth, strict=True):
            batch = (pixels[None].float() / 255).to(text.device).contiguous(memory_format=torch.channels_last)
            for name, scores in self._maps(network, batch, text).items():
                guess = scores.argmax(0).cpu().numpy()
                known = truth != IGNORE
                confusion[name] += np.bincount(
                    truth[known].astype(int) * count + guess[known], minlength=count * count
                ).reshape(count, count)
        return {f"val_{name}": round(mean_iou(c), 4) for name, c in confusion.items()}

    def _maps(self, network: Spectrum, pixels: Tensor, text: Tensor) -> dict[str, Tensor]:
        dense, queries = votes(network, pixels, text)
        return {
            name: self._merge(m)
            for name, m in (("dense", dense), ("queries", queries), ("mean", dense + queries))
        }

    def _merge(self, scores: Tensor) -> Tensor:
        """(P + 1, h, w) of prompts -> (21, h, w) of ccp19; the last is what ccp19 ignores."""
        merged = scores.new_zeros((len(CCP19.names) + 1, *scores.shape[1:]))
        return merged.index_add_(0, self.table.to(scores.device), scores)[:-1]


def votes(network: Spectrum, pixels: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """What the dense map and the queries say of one picture, each (P + 1, h, w); the last is 'nothing'.

    pixels (1, 3, H, W) in 0..1; text (P, D_text) of the prompts.
    """
    out = network(pixels)
    prompts = network.grounding.text(text)
    dense = network.grounding.logits(out.pixels[0], prompts).softmax(-1).permute(2, 0, 1)
    labels = network.grounding.logits(out.z[-1][0], prompts).softmax(-1)  # (Q, P + 2)
    labels = labels[:, :-2]  # neither 'person' nor 'no object' competes for a pixel
    claims = torch.einsum("qp,qhw->phw", labels, out.masks[-1][0].sigmoid()).clamp(max=1)
    nothing = (1 - claims.sum(0, keepdim=True)).clamp(min=0)
    return dense, torch.cat([claims, torch.zeros_like(nothing), nothing])


def prompt_classes() -> np.ndarray:
    """ccp19 class of every prompt id; NOTHING is background, prompts outside ccp19 are 20."""
    outside = len(CCP19.names)
    table = np.full(len(PROMPTS) + 1, outside, np.int64)
    for i, name in enumerate(CLASSES[1:]):
        value = CCP19.class_of_prompt("skin") if name in BODY else CCP19.class_of_label(name)
        table[i] = outside if value == IGNORE else value
    table[NOTHING] = 0
    return table


def mean_iou(confusion: np.ndarray) -> float:
    """Mean over classes that occur of intersection over union. confusion (C, C): truth, guess."""
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    return float((np.diag(confusion)[union > 0] / union[union > 0]).mean())
