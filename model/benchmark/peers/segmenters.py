"""Segmenters from transformers, built from configs written out here: nothing is ever downloaded.

Sizes are those of the published checkpoints; `Peer.published` holds their authors' parameter counts.
"""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import nn

from model.benchmark.peers.peer import CLASSES, WORDS, Built, Peer, Task

TOKENS = 8  # of a prompt such as 'a photo of a red dress'
STAGES = ["stage1", "stage2", "stage3", "stage4"]


def _swin_tiny(stages: list[str]) -> Any:
    sizes: dict[str, Any] = {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24]}
    sizes |= {"window_size": 7, "out_features": stages}
    return transformers.SwinConfig(**sizes)


def _clipseg() -> Built:
    """ViT-B/16 with the refined decoder of width 64. The picture is read once for all prompts: its own
    forward pass would read it for each prompt again, at twenty times the cost.
    """
    config = transformers.CLIPSegConfig(
        vision_config={"patch_size": 16}, use_complex_transposed_convolution=True, reduce_dim=64
    )
    model = transformers.CLIPSegForImageSegmentation(config)

    def run(task: Task) -> Any:
        seen = model.clip.vision_model(
            task.pixels, output_hidden_states=True, interpolate_pos_encoding=True
        ).hidden_states
        layers = [seen[i + 1].expand(task.prompts, -1, -1) for i in model.extract_layers]
        words = model.get_conditional_embeddings(batch_size=task.prompts, input_ids=task.words(TOKENS))
        return model.decoder(layers, words)

    return model, run


def _segformer() -> Built:
    config = transformers.SegformerConfig(
        depths=[3, 4, 18, 3], hidden_sizes=[64, 128, 320, 512], decoder_hidden_size=768
    )
    config.num_labels = 150
    model = transformers.SegformerForSemanticSegmentation(config)
    return model, lambda task: model(task.pixels)


def _mask2former() -> Built:
    config = transformers.Mask2FormerConfig(backbone_config=_swin_tiny(STAGES))
    config.num_labels = 133
    model = transformers.Mask2FormerForUniversalSegmentation(config)
    return model, lambda task: model(task.pixels)


def _oneformer() -> Built:
    config = transformers.OneFormerConfig(
        backbone_config=_swin_tiny(STAGES), num_queries=150, is_training=False
    )
    config.num_labels = 150
    model = transformers.OneFormerForUniversalSegmentation(config)
    words = torch.ones(1, 77, dtype=torch.long)  # 'the task is panoptic'
    return model, lambda task: model(task.pixels, task_inputs=words.to(task.pixels.device))


def _sapiens2() -> Built:
    head = {"upsample_out_channels": [512, 256, 128, 64], "conv_out_channels": [64, 64]}
    config = transformers.Sapiens2Config(image_size=[1024, 768], head_config=head)
    config.num_labels = 29
    model = transformers.Sapiens2ForSemanticSegmentation(config)
    return model, lambda task: model(task.resized(1024, 768))


def _sam() -> Built:
    model = transformers.SamModel(transformers.SamConfig())

    def run(task: Task) -> Any:
        points = torch.rand(1, task.prompts, 1, 2, device=task.pixels.device) * 1024
        return model(pixel_values=task.resized(1024, 1024), input_points=points)

    return model, run


def _sam3() -> Built:
    return _concepts(transformers.Sam3Model(transformers.Sam3Config()), tokens=32)


def _sam3_lite() -> Built:
    return _concepts(transformers.Sam3LiteTextModel(transformers.Sam3LiteTextConfig()), tokens=16)


def _concepts(model: nn.Module, *, tokens: int) -> Built:
    def run(task: Task) -> Any:
        words = task.words(tokens)[:1]
        return model(
            pixel_values=task.resized(1008, 1008), input_ids=words, attention_mask=torch.ones_like(words)
        )

    return model, run


class GroundedSam(nn.Module):
    """Boxes by words (Grounding DINO), then a mask in each of ten boxes (SAM 2)."""

    BOXES = 10

    def __init__(self) -> None:
        super().__init__()
        stages = ["stage2", "stage3", "stage4"]
        config = transformers.GroundingDinoConfig(backbone_config=_swin_tiny(stages))
        self.dino = transformers.GroundingDinoForObjectDetection(config)
        self.sam = transformers.Sam2Model(transformers.Sam2Config())

    def forward(self, task: Task) -> Any:
        """All prompts in one sentence, as its authors use it: three tokens a prompt."""
        self.dino(pixel_values=task.pixels, input_ids=task.words(3).reshape(1, -1))
        boxes = torch.tensor([[[64.0, 64.0, 512.0, 960.0]] * self.BOXES], device=task.pixels.device)
        return self.sam(pixel_values=task.resized(1024, 1024), input_boxes=boxes, multimask_output=False)


def _grounded_sam() -> Built:
    model = GroundedSam()
    return model, model.forward


ENLARGED = (1024, 1024)
PEERS = (
    Peer("CLIPSeg rd64-refined", WORDS, _clipseg, 150.7, remark="the picture read once for all prompts",
         classes=("CLIPSegForImageSegmentation",)),
    Peer("SegFormer-b3", CLASSES, _segformer, 47.3, classes=("SegformerForSemanticSegmentation",)),
    Peer("Mask2Former Swin-T", f"{CLASSES}, instances", _mask2former, 47.4,
         classes=("Mask2FormerForUniversalSegmentation",)),
    Peer("OneFormer Swin-T", f"{CLASSES}, instances", _oneformer,
         classes=("OneFormerForUniversalSegmentation",)),
    Peer("SAM ViT-B", "instances without a name", _sam, 93.7, ENLARGED, "its prompts are points",
         ("SamModel",)),
    Peer("Sapiens2 0.4B", CLASSES, _sapiens2, 400.0, (1024, 768), "its head's widths are assumed",
         ("Sapiens2ForSemanticSegmentation",)),
    Peer("Grounding DINO T + SAM 2 T", f"{WORDS}, instances", _grounded_sam, 211.0, ENLARGED,
         "DINO reads the picture at its own size; SAM 2 without the parts for video",
         ("GroundingDinoForObjectDetection", "Sam2Model")),
    Peer("SAM 3 Lite text", f"{WORDS}, instances", _sam3_lite, None, (1008, 1008), "one prompt alone",
         ("Sam3LiteTextModel",)),
    Peer("SAM 3", f"{WORDS}, instances", _sam3, 848.0, (1008, 1008), "one prompt alone; its image part",
         ("Sam3Model",)),
)  # fmt: skip
