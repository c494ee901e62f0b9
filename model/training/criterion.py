"""The losses of the parsing stage.

Source: paper, 'Training' (mask losses and L_G), Mask2Former (matching, weights 2/5/5, no object .1); the
dense pixel-text loss is ours: it makes the pooled z_i good from the first epochs on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss

from model.data.ccp import CLASSES
from model.network.config import HeadConfig
from model.network.grounding import Grounding
from model.network.mask2former import mask2former_config
from model.network.spectrum import Output
from model.training.batches import NOTHING, PROMPTS, Batch

OBJECTNESS, BCE, DICE = 2.0, 5.0, 5.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each family of losses counts; `grounding` 0 is the ablation without L_G."""

    queries: float = 1.0
    dense: float = 10.0
    grounding: float = 1.0


def rarity_of(presence: np.ndarray) -> Tensor:
    """Weight (P,) of each prompt's label: (median frequency / frequency)^.35, in .6..2.5.

    presence (N, 256) bool: which picture has which class of `CLASSES`. Unweighted, a common garment takes
    the masks of its rarer neighbour: sweaters came back as tops.
    """
    frequency = presence[:, 1 : len(CLASSES)].mean(0)
    seen = frequency > 0
    weight = np.ones(len(PROMPTS), np.float32)
    ratio = np.median(frequency[seen]) / frequency[seen] if seen.any() else np.ones(0)
    weight[:-1][seen] = np.clip(ratio**0.35, 0.6, 2.5)
    return torch.from_numpy(weight)


class Criterion(nn.Module):
    """Output of the network and a batch with its text -> losses by name; their weighted sum trains."""

    def __init__(
        self,
        head: HeadConfig,
        *,
        points: int = 12544,
        weights: Weights | None = None,
        rarity: Tensor | None = None,
    ) -> None:
        """rarity (P,): how much the label of a query counts by prompt, for what is seen too seldom."""
        super().__init__()
        config = mask2former_config(head)
        config.num_labels = len(PROMPTS)
        config.train_num_points = points
        config.class_weight, config.mask_weight, config.dice_weight = OBJECTNESS, BCE, DICE
        self.matched = Mask2FormerLoss(config, weight_dict={})
        # The loss leaves this buffer to `post_init` of a model, which it is no part of here.
        with torch.no_grad():
            self.matched.empty_weight.fill_(1.0)[-1] = config.no_object_weight
            if rarity is not None:
                self.matched.empty_weight[:-1] = rarity
        self.weights = weights or Weights()

    def forward(
        self, out: Output, batch: Batch, grounding: Grounding, text: Tensor, spoken: list[Tensor]
    ) -> dict[str, Tensor]:
        """text (P, D_text) of the prompts; spoken: per picture (k, D_text) of its phrases."""
        prompts = grounding.text(text)
        losses: dict[str, Tensor] = {}
        truth = [m.float() for m in batch.masks]  # points are sampled by interpolation
        for masks, z in zip(out.masks, out.z, strict=True):
            terms = self._queries(masks, grounding.logits(z, prompts), truth, batch.labels)
            for name, value in terms.items():
                losses[name] = losses.get(name, 0.0) + value * self.weights.queries
        losses["dense"] = self.weights.dense * self._dense(grounding.logits(out.pixels, prompts), batch.dense)
        if self.weights.grounding:
            losses["grounding"] = self.weights.grounding * caption_contrast(out.z[-1], spoken, grounding)
        return losses

    def _queries(
        self, masks: Tensor, logits: Tensor, truth: list[Tensor], labels: list[Tensor]
    ) -> dict[str, Tensor]:
        terms = self.matched(masks, logits, truth, labels)
        return {
            "objectness": OBJECTNESS * terms["loss_cross_entropy"],
            "bce": BCE * terms["loss_mask"],
            "dice": DICE * terms["loss_dice"],
        }

    @staticmethod
    def _dense(logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of every pixel's embedding against the prompts, rare classes weighted up.

        logits (B, h, w, P + 1), target (B, h, w). Weight: (median count / count)^.35 within the batch, in
        .4..4.
        """
        flat = target.flatten()
        known = flat[flat >= 0]
        counts = torch.bincount(known, minlength=NOTHING + 1).float()
        present = counts > 0
        weight = torch.ones_like(counts)
        weight[present] = (counts[present].median() / counts[present]).pow(0.35).clamp(0.4, 4.0)
        loss = F.cross_entropy(logits.flatten(0, 2), flat, weight, ignore_index=-100, label_smoothing=0.02)
        return loss


def caption_contrast(z: Tensor, spoken: list[Tensor], grounding: Grounding) -> Tensor:
    """L_G: the phrases of a picture's caption must fit its masks better than those of the others.

    g(x, s) = 1/K sum_k sum_i p_ik <z_i, T(p_k)>, p_ik the softmax over masks; symmetric InfoNCE over the
    batch. z (B, Q, E); spoken: per picture (k, D_text), pictures with none are left out. Source: paper, L_G.
    """
    rows = [i for i, phrases in enumerate(spoken) if len(phrases)]
    if len(rows) < 2:
        return z.sum() * 0.0
    visual = F.normalize(z[rows], dim=-1)
    similar = [visual @ grounding.text(spoken[i].to(z)).T for i in rows]  # each (B', Q, K_n)
    scale = grounding.scale
    g = torch.stack([((s * scale).softmax(1) * s).sum(1).mean(-1) for s in similar], dim=1)  # (B', B')
    target = torch.arange(len(rows), device=z.device)
    return F.cross_entropy(g * scale, target) + F.cross_entropy(g.T * scale, target)
