"""The whole network: picture -> masks, mask embeddings and pixel embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import HeadConfig, SpectrumConfig
from model.network.grounding import Grounding, MaskEmbedding
from model.network.i2tx import UNET_TAPS, I2Tx, Tap
from model.network.im2context import Conditioning, Im2Context
from model.network.pyramid import Pyramid
from model.network.towers import ClipTower, EfficientNetTower, Seen, vision_tower

if TYPE_CHECKING:
    from model.network.lean.head import LeanDecoder
    from model.network.mask2former import MaskDecoder


@dataclass(frozen=True, slots=True)
class Output:
    """masks: per layer (B, Q, h, w) logits, last layer last; z: per layer (B, Q, E); pixels (B, h, w, E)."""

    masks: tuple[Tensor, ...]
    z: tuple[Tensor, ...]
    pixels: Tensor

    def last(self) -> Output:
        """What is read at inference: the last layer alone, in float32."""
        return Output((self.masks[-1].float(),), (self.z[-1].float(),), self.pixels.float())


class Spectrum(nn.Module):
    """Vision tower -> IM2CONTEXT -> I2Tx -> pyramid -> Mask2Former head -> grounding.

    `tower`, `i2tx` and `decoder` are built from the config unless they are given, of the config's sizes.
    """

    def __init__(
        self,
        config: SpectrumConfig,
        *,
        tower: EfficientNetTower | ClipTower | None = None,
        i2tx: I2Tx | None = None,
        decoder: MaskDecoder | LeanDecoder | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        context, head = config.context, config.head
        self.tower = tower or vision_tower(config.tower)
        self.im2context = Im2Context(
            config.tower.patch_width,
            context.width,
            tokens=context.tokens,
            layers=context.layers,
            heads=context.heads,
            feedforward=context.feedforward,
        )
        self.i2tx = i2tx or I2Tx(config.diffusion)
        self.conditioning = Conditioning(
            config.tower.width,
            context.width,
            context.tokens,
            self.i2tx.unet.time_embedding.linear_2.out_features,
            gate_per_token=context.gate_per_token,
        )
        self.pyramid = Pyramid(self._sources(), head.strides, head.width)
        self.decoder = decoder or _mask_decoder(head)
        self.embed = MaskEmbedding(head.hidden, head.embedding, join=head.mask_embedding)
        self.grounding = Grounding(config.text.width, head.embedding)

    def _sources(self) -> list[Tap]:
        config = self.config
        taps = [
            Tap(t.name, t.channels, round(t.stride / config.diffusion.scale))
            for t in I2Tx.taps(config.diffusion)
            if config.use_unet or t.name not in UNET_TAPS
        ]
        if config.tower.maps:
            taps += [Tap(f"tower.{s}", c, s) for s, c in self.tower.map_channels.items()]
            coarsest = max(self.tower.map_channels)
            # The coarsest map also serves the coarsest stride, so that no level hangs on the UNet alone.
            if max(config.head.strides) > coarsest:
                taps.append(Tap("tower.top", self.tower.map_channels[coarsest], max(config.head.strides)))
        return taps

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        """pixels (B, 3, H, W) in 0..1 -> every source of the pyramid by name."""
        seen = self.tower(pixels)
        context, shift = self.condition(seen)
        scale = self.config.diffusion.scale
        small = pixels if scale == 1.0 else F.interpolate(pixels, scale_factor=scale, mode="area")
        features: dict[str, Tensor] = self.i2tx(small * 2 - 1, context, shift, use_unet=self.config.use_unet)
        return features | self._maps(seen)

    def reflected(self, features: dict[str, Tensor], pixels: Tensor) -> dict[str, Tensor]:
        """What `features` of `pixels` (B, 3, H, W) nearly are for the mirror image.

        The tower sees the mirror image itself; the maps of VAE and UNet are turned over, which costs nothing
        and loses nothing that was measured.
        """
        own = self._maps(self.tower(pixels.flip(-1))) if self.config.tower.maps else {}
        return {name: own[name] if name in own else x.flip(-1) for name, x in features.items()}

    def _maps(self, seen: Seen) -> dict[str, Tensor]:
        maps = {f"tower.{stride}": feature for stride, feature in seen.maps.items()}
        if "tower.top" in self.pyramid.stride_of:
            maps["tower.top"] = seen.maps[max(seen.maps)]
        return maps

    def condition(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """What the UNet is told of the picture: context (B, T, D) and time shift (B, D_time)."""
        if self.config.use_context:
            return self.conditioning(self.im2context(seen.patches), seen.cls)
        tokens, width = self.config.context.tokens, self.config.context.width
        blank = seen.cls.new_zeros(len(seen.cls), tokens, width)
        return blank, seen.cls.new_zeros(len(seen.cls), self.conditioning.to_time.out_features)

    def forward(self, pixels: Tensor) -> Output:
        """pixels (B, 3, H, W) in 0..1, sides multiples of `config.multiple`."""
        return self._read(self.features(pixels.to(self.backbone_dtype)), pixels)

    def looks(self, pixels: Tensor) -> tuple[Output, ...]:
        """`forward`, and with `config.mirrored` a second output: the mirror image's, mirrored as it is."""
        pixels = pixels.to(self.backbone_dtype)
        features = self.features(pixels)
        first = self._read(features, pixels)
        if not self.config.mirrored:
            return (first,)
        return first, self._read(self.reflected(features, pixels), pixels)

    def _read(self, features: dict[str, Tensor], pixels: Tensor) -> Output:
        head = self.grounding.no_object.dtype
        features = {name: x.to(head) for name, x in features.items()}
        decoded = self.decoder(self.pyramid(features, (pixels.shape[-2], pixels.shape[-1])))
        # Only the last layer's embeddings are read at inference.
        layers = (
            zip(decoded.masks, decoded.queries, strict=True)
            if self.training
            else [(decoded.masks[-1], decoded.queries[-1])]
        )
        z = tuple(self.embed(m, q, decoded.pixels) for m, q in layers)
        return Output(decoded.masks, z, self.embed.per_pixel(decoded.pixels))

    @property
    def backbone_dtype(self) -> torch.dtype:
        """The precision in which tower, context and diffusion run."""
        return self.im2context.queries.dtype

    def lower_backbone(self, dtype: torch.dtype = torch.float16) -> Spectrum:
        """Run tower, IM2CONTEXT, VAE and UNet in `dtype`; what follows them stays in float32.

        Nearly all of the work is in the backbone. The head's deformable sampling was never written for half
        precision, and sums over a large mask pass what half precision holds.
        """
        for part in (self.tower, self.im2context, self.conditioning, self.i2tx):
            part.to(dtype)
        return self

    def round_products(self, dtype: torch.dtype) -> Spectrum:
        """Turn the weights of convolutions and linear layers ahead of the embeddings into `dtype`.

        Autocast would turn them in every pass. From now on the network runs under it alone.
        """
        for part in (self.tower, self.im2context, self.conditioning, self.i2tx, self.pyramid, self.decoder):
            for layer in part.modules():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    layer.to(dtype)
        return self

    def train_only_parsing(self) -> None:
        """Leave a gradient to what the parsing stage trains.

        `full` freezes the whole backbone, as the paper does. A tower that hands its own maps to the pyramid
        (`mini`) has too weak a prior for that and trains end to end; only the tower's first blocks stay.
        """
        if not self.config.tower.maps:
            self.tower.requires_grad_(False)
            self.freeze_backbone()
        if not self.config.use_unet:
            self.i2tx.unet.requires_grad_(False)
        if not (self.config.use_unet and self.config.use_context):
            self.im2context.requires_grad_(False)
            self.conditioning.requires_grad_(False)

    def freeze_backbone(self) -> None:
        """Keep VAE, UNet and IM2CONTEXT as the stages before left them."""
        for part in (self.im2context, self.i2tx):
            part.requires_grad_(False)

    @torch.no_grad()
    def parameter_counts(self) -> dict[str, int]:
        """Parameters by part; works on the meta device."""
        return {name: sum(p.numel() for p in part.parameters()) for name, part in self.named_children()}


def _mask_decoder(head: HeadConfig) -> MaskDecoder:
    from model.network.mask2former import MaskDecoder  # transformers, which a lean network does without

    return MaskDecoder(head)
