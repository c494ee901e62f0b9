"""Mask2Former's pixel decoder and transformer decoder, from transformers, initialised as they want."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import (
    Mask2FormerPixelDecoder,
    Mask2FormerPreTrainedModel,
    Mask2FormerTransformerModule,
)

from model.network.config import HeadConfig
from model.network.decoder import Decoded, Place


def mask2former_config(head: HeadConfig) -> Mask2FormerConfig:
    """transformers' config of this head. Its `decoder_layers` counts one more than there are layers."""
    return Mask2FormerConfig(
        feature_size=head.hidden,
        mask_feature_size=head.hidden,
        hidden_dim=head.hidden,
        encoder_layers=head.pixel_layers,
        encoder_feedforward_dim=head.pixel_feedforward,
        decoder_layers=head.decoder_layers + 1,
        dim_feedforward=head.decoder_feedforward,
        num_attention_heads=head.heads,
        num_queries=head.queries,
        feature_strides=list(head.strides),
        common_stride=head.strides[0],
        dropout=0.0,
    )


class MaskDecoder(Mask2FormerPreTrainedModel):
    """Pyramid maps -> class-agnostic masks.

    Nested under transformers' own base class because only `post_init` gives the pixel decoder's level
    embedding and the deformable offsets their values: alone they are uninitialised memory.
    """

    def __init__(self, head: HeadConfig) -> None:
        config = mask2former_config(head)
        super().__init__(config)
        channels = [head.width] * len(head.strides)
        self.pixel_decoder = Mask2FormerPixelDecoder(config, feature_channels=channels)
        self.transformer = Mask2FormerTransformerModule(head.hidden, config)
        self.place = Place(head.hidden, head.coordinates) if head.coordinates else None
        self.post_init()  # type: ignore[no-untyped-call]
        if self.place is not None:
            nn.init.zeros_(self.place.project.weight)

    def forward(self, pyramid: list[Tensor]) -> Decoded:
        """pyramid: (B, width, H/stride, W/stride), finest first."""
        features = self.pixel_decoder(pyramid, return_dict=True)
        pixels = features.mask_features
        placed = pixels if self.place is None else pixels + self.place(pixels)
        out = self.transformer(list(features.multi_scale_features), placed)
        queries = tuple(q.transpose(0, 1) for q in out.intermediate_hidden_states)  # (Q, B, D) -> (B, Q, D)
        return Decoded(tuple(out.masks_queries_logits), queries, pixels)
