"""Training of the VAE: its batches, its losses, and the scale of its latents.

Source: Rombach et al., 'High-Resolution Image Synthesis with Latent Diffusion Models' (arXiv 2112.10752), the
KL-regularised autoencoder with a perceptual term; without the adversarial one, which small networks and few
pictures do badly with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from model.data.pictures import fitted
from model.network.efficientnet import EfficientNetLite0
from model.training.generative.pictures import Picture, crop, recolored


@dataclass(frozen=True, slots=True)
class Crops:
    """pixels (B, 3, S, S) uint8; noise (B, 4, S/8, S/8) for the posterior's sample."""

    pixels: Tensor
    noise: Tensor

    def to(self, device: torch.device) -> Crops:
        """The same on a device."""
        return Crops(self.pixels.to(device), self.noise.to(device))


class CropBatches(Dataset[Crops]):
    """Batch number `step`: random crops of random pictures, or whole texture maps, as the texture stage has
    them; a pure function of (seed, step).

    maps: of one size, perhaps none; `map_share` of the batches are theirs.
    """

    workers = 0  # crops cost little beside a step, and workers would each copy the pictures

    def __init__(
        self,
        pictures: Sequence[Picture],
        *,
        seed: int,
        batch: int,
        side: int,
        steps: int,
        maps: Sequence[Picture] = (),
        map_share: float = 0.3,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        if side % 8:
            raise ValueError(f"the side of a crop must be a multiple of 8, not {side}")
        if not 0.0 <= map_share <= 1.0:
            raise ValueError(f"the share of maps must lie in 0..1, not {map_share}")
        self.maps, self.map_share = maps, map_share if len(maps) else 0.0
        self.pictures, self.seed, self.batch, self.side, self.steps = pictures, seed, batch, side, steps
        self.share = share

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Crops:
        rank, world = self.share
        of_maps = np.random.default_rng((self.seed, step)).random() < self.map_share
        rngs = [np.random.default_rng((self.seed, step, i)) for i in range(rank, self.batch, world)]
        parts = [self._map(rng) if of_maps else self._crop(rng) for rng in rngs]
        height, width = parts[0].shape[:2]
        noise = [rng.standard_normal((4, height // 8, width // 8), np.float32) for rng in rngs]
        pixels = torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2)
        return Crops(pixels, torch.from_numpy(np.stack(noise)))

    def _crop(self, rng: np.random.Generator) -> Picture:
        picture = self.pictures[int(rng.integers(len(self.pictures)))]
        return recolored(crop(picture, (self.side, self.side), rng), rng)

    def _map(self, rng: np.random.Generator) -> Picture:
        return self.maps[int(rng.integers(len(self.maps)))]


class EarlyMaps(nn.Module):
    """Maps of an EfficientNet's first blocks, with ImageNet weights: what details look like."""

    def __init__(self, body: EfficientNetLite0, blocks: tuple[int, ...] = (0, 2)) -> None:
        super().__init__()
        self.stem, self.blocks = body.stem, nn.ModuleList(body.blocks[: blocks[-1] + 1])
        self.read = blocks
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> EarlyMaps:  # noqa: ARG002
        """Always on its stored statistics."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """pixels (B, 3, H, W) in -1..1 -> maps, each channel scaled to its own size in the batch."""
        x, maps = self.stem(pixels), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.read:
                maps.append(x)
        return maps


class Autoencoding(nn.Module):
    """L1, squared error of colour, a light perceptual term, and a small pull of the posterior to the normal.

    Streets are grey, and the median of a street's colours, which L1 asks for, is none: hence the second term.
    """

    def __init__(
        self,
        vae: Any,
        early: EarlyMaps | None,
        *,
        kl: float = 1e-5,
        perceptual: float = 0.05,
        chroma: float = 1.0,
    ) -> None:
        super().__init__()
        self.vae, self.early = vae, early
        self.kl, self.perceptual, self.chroma = kl, perceptual, chroma

    def forward(self, pixels: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """pixels (B, 3, S, S) uint8, noise (B, 4, S/8, S/8) -> losses by name."""
        wanted = (pixels.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        posterior = self.vae.encode(wanted).latent_dist
        made = self.vae.decode(posterior.mean + posterior.std * noise).sample
        losses = {
            "l1": F.l1_loss(made, wanted),
            "chroma": self.chroma * F.mse_loss(opponent(made), opponent(wanted)),
            "kl": self.kl * posterior.kl().mean() / noise[0].numel(),
        }
        if self.early is not None:
            with torch.no_grad():
                truth = self.early(wanted)
            terms = [
                F.l1_loss(m, t) / t.abs().mean().clamp(min=1e-3)
                for m, t in zip(self.early(made), truth, strict=True)
            ]
            losses["perceptual"] = self.perceptual * torch.stack(terms).mean()
        return losses


def opponent(pixels: Tensor) -> Tensor:
    """RGB (B, 3, H, W) -> red against green, and yellow against blue (B, 2, H, W): nothing of brightness."""
    red, green, blue = pixels.unbind(1)
    return torch.stack([red - green, (red + green) / 2 - blue], dim=1)


@torch.no_grad()
def reconstructed(vae: Any, pictures: Sequence[Picture]) -> list[Picture]:
    """Each picture through the latents' mean and back, cut to sides that are multiples of 8."""
    device = next(vae.parameters()).device
    found = []
    for picture in pictures:
        height, width = (side // 8 * 8 for side in picture.shape[:2])
        pixels = torch.from_numpy(picture[:height, :width].copy()).permute(2, 0, 1)[None].to(device)
        made = vae.decode(vae.encode(pixels.float() / 127.5 - 1).latent_dist.mean).sample
        found.append(to_picture(made[0]))
    return found


def to_picture(pixels: Tensor) -> Picture:
    """(3, H, W) in -1..1 -> (H, W, 3) uint8."""
    array = ((pixels.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return array.permute(1, 2, 0).cpu().numpy()


@torch.no_grad()
def scale_of(vae: Any, pictures: Sequence[Picture], size: tuple[int, int]) -> float:
    """1 / the standard deviation of the latents: what brings them to the noise's size."""
    device = next(vae.parameters()).device
    latents = []
    for picture in pictures:
        pixels = torch.from_numpy(fitted(picture, size)).permute(2, 0, 1)[None].to(device)
        latents.append(vae.encode(pixels.float() / 127.5 - 1).latent_dist.mean.flatten())
    return float(1.0 / torch.cat(latents).std())
