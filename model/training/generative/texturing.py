"""Training of I2Tx: from what the tower saw of a picture to the texture map of the body in it.

Source: paper and TexDreamer: the UNet's adapters and IM2CONTEXT learn to denoise the latent of the texture
map under the condition of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from model.data.pictures import fitted
from model.network.i2tx import I2Tx
from model.network.im2context import Conditioning, Im2Context
from model.training.generative.autoencoding import to_picture
from model.training.generative.diffusion import Noise, predict
from model.training.generative.latents import decode, in_groups, stacked
from model.training.generative.pictures import Picture, psnr
from model.training.generative.synthetic import Portrait

OUTSIDE = 0.1  # weight of a latent that no texel of the body falls into


@dataclass(frozen=True, slots=True)
class Textures:
    """N portraits in V views: patches (V, N, P, D), cls (V, N, D), latents (N, 4, h, w) of their maps."""

    patches: Tensor
    cls: Tensor
    latents: Tensor


@dataclass(frozen=True, slots=True)
class Pairs:
    """patches (B, P, D), cls (B, D), latents and noise (B, 4, h, w), steps (B,)."""

    patches: Tensor
    cls: Tensor
    latents: Tensor
    noise: Tensor
    steps: Tensor

    def to(self, device: torch.device) -> Pairs:
        """The same on a device."""
        parts = (self.patches, self.cls, self.latents, self.noise, self.steps)
        return Pairs(*(part.to(device) for part in parts))


class PairBatches(Dataset[Pairs]):
    """Batch number `step`: random portraits and views; `pure` of the rows at the last step, pure noise.

    There the network can only read its condition, which is what it has to learn.
    """

    workers = 0

    def __init__(
        self,
        data: Textures,
        noise: Noise,
        *,
        seed: int,
        batch: int,
        steps: int,
        pure: float = 0.5,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.data, self.noise, self.seed, self.batch, self.steps = data, noise, seed, batch, steps
        self.pure, self.share = pure, share

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Pairs:
        rank, world = self.share
        rows = [self._row(step, i) for i in range(rank, self.batch, world)]
        patches, cls, latents, noise, steps = zip(*rows, strict=True)
        tensors = [torch.stack(t) for t in (patches, cls, latents, noise)]
        return Pairs(tensors[0], tensors[1], tensors[2], tensors[3], torch.tensor(steps))

    def _row(self, step: int, row: int) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
        rng = np.random.default_rng((self.seed, step, row))
        views, count = self.data.cls.shape[:2]
        index, view = int(rng.integers(count)), int(rng.integers(views))
        last = self.noise.steps - 1
        at = last if rng.random() < self.pure else int(rng.integers(self.noise.steps))
        latent = self.data.latents[index].float()
        noise = torch.from_numpy(rng.standard_normal(latent.shape, np.float32))
        patches, cls = self.data.patches[view, index].float(), self.data.cls[view, index].float()
        return patches, cls, latent, noise, at


class Readout(nn.Module):
    """Reads a map's latent straight from the context, by one decoder layer that asks for each of its places.

    A help for training, thrown away afterwards: through a UNet that does not heed its context yet, IM2CONTEXT
    learns slowly what to put there.
    """

    def __init__(self, width: int, size: tuple[int, int], *, channels: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.size = size
        self.places = nn.Parameter(torch.randn(1, size[0] * size[1], width))
        self.layer = nn.TransformerDecoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.leave = nn.Linear(width, channels)

    def forward(self, context: Tensor) -> Tensor:
        """context (B, T, D) -> (B, channels, h, w)."""
        read = self.layer(self.places.expand(len(context), -1, -1), context)
        return self.leave(read).transpose(1, 2).unflatten(2, self.size)


class Texturing(nn.Module):
    """Mean squared error of what the UNet predicts of a map's latent, the body's texels counting fully.

    weight (1, 1, h, w): see `latent_weight`. readout: what else the context must say; share of the loss.
    context_only: the UNet waits, and the readout's loss is all there is. ValueError without a readout then.
    """

    weight: Tensor

    def __init__(
        self,
        unet: Any,
        im2context: Im2Context,
        conditioning: Conditioning,
        noise: Noise,
        weight: Tensor,
        *,
        bf16: bool = False,
        readout: tuple[Readout, float] | None = None,
        context_only: bool = False,
    ) -> None:
        super().__init__()
        if context_only and readout is None:
            raise ValueError("IM2CONTEXT alone learns by the readout: its share must not be 0")
        self.context_only = context_only
        self.unet, self.im2context, self.conditioning = unet, im2context, conditioning
        self.noise, self.bf16 = noise, bf16
        self.readout: Readout | None
        self.readout, self.share = readout or (None, 0.0)
        self.register_buffer("weight", weight, persistent=False)

    def predict(self, x_t: Tensor, steps: Tensor, patches: Tensor, cls: Tensor) -> Tensor:
        """The UNet under the condition of a picture, as `Spectrum.condition` makes it."""
        return self._predict(x_t, steps, self.im2context(patches), cls)

    def _predict(self, x_t: Tensor, steps: Tensor, context: Tensor, cls: Tensor) -> Tensor:
        with torch.autocast(x_t.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            context, shift = self.conditioning(context, cls)
            return predict(self.unet, x_t, steps, context, shift).float()

    def forward(self, batch: Pairs) -> dict[str, Tensor]:
        """The losses by name."""
        context = self.im2context(batch.patches)
        losses = {} if self.context_only else {"texture": self._drawn(batch, context)}
        if self.readout is not None:
            losses["readout"] = self.share * self._error(self.readout(context), batch.latents)
        return losses

    def _drawn(self, batch: Pairs, context: Tensor) -> Tensor:
        x_t = self.noise.add(batch.latents, batch.noise, batch.steps)
        x_t = x_t.contiguous(memory_format=torch.channels_last)
        made = self._predict(x_t, batch.steps, context, batch.cls)
        return self._error(made, self.noise.target(batch.latents, batch.noise, batch.steps))

    def _error(self, made: Tensor, wanted: Tensor) -> Tensor:
        return (F.mse_loss(made, wanted, reduction="none") * self.weight).mean()


def latent_weight(mask: NDArray[np.bool_], size: tuple[int, int]) -> Tensor:
    """(1, 1, h, w), mean one: each latent's share of the body's texels, but no less than `OUTSIDE`."""
    share = F.adaptive_avg_pool2d(torch.from_numpy(mask)[None, None].float(), size).clamp(min=OUTSIDE)
    return share / share.mean()


def view_of(picture: Picture, size: tuple[int, int], view: int, seed: int) -> Picture:
    """View 0 is the picture fitted to `size`; others are cut a little closer and are brighter or darker.

    None is mirrored: left and right of the body have places of their own in the map.
    """
    if view == 0:
        return fitted(picture, size)
    rng = np.random.default_rng((seed, view))
    height, width = picture.shape[:2]
    scale = min(height / size[0], width / size[1]) * rng.uniform(0.85, 1.0)
    tall, wide = size[0] * scale, size[1] * scale
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
    part = Image.fromarray(picture).resize(
        (size[1], size[0]), Image.Resampling.BILINEAR, box=(left, top, left + wide, top + tall)
    )
    return np.clip(np.asarray(part) * rng.uniform(0.92, 1.08), 0, 255).astype(np.uint8)


@torch.no_grad()
def seen(tower: Any, pictures: Iterable[Picture], *, group: int = 8) -> tuple[Tensor, Tensor]:
    """What a frozen tower sees of pictures of one size: patches (N, P, D), cls (N, D), float16 on the CPU."""
    device = next(tower.parameters()).device
    patches, cls = [], []
    for some in in_groups(pictures, group):
        told = tower(stacked(some, device))
        patches.append(told.patches.half().cpu())
        cls.append(told.cls.half().cpu())
    return torch.cat(patches), torch.cat(cls)


@torch.no_grad()
def one_step(objective: Texturing, data: Textures, *, draws: int, seed: int, group: int = 16) -> Tensor:
    """Latents (N, 4, h, w) that the network means at pure noise, on average over `draws` noises.

    Each draw sees the next of the portraits' views: what two views err in is not the same.
    """
    generator = torch.Generator().manual_seed(seed)
    device = objective.weight.device
    found = []
    for views, latents in _groups(data, group, device):
        steps = torch.full((len(latents),), objective.noise.steps - 1, device=device)
        total = torch.zeros_like(latents)
        for k in range(draws):
            x_t = torch.randn(latents.shape, generator=generator).to(device)
            predicted = objective.predict(x_t, steps, *views[k % len(views)])
            total += objective.noise.clean(x_t, predicted, steps)
        found.append((total / draws).cpu())
    return torch.cat(found)


@torch.no_grad()
def read_out(objective: Texturing, data: Textures, *, group: int = 64) -> Tensor:
    """Latents (N, 4, h, w) that the readout reads from the context. ValueError where there is none."""
    if objective.readout is None:
        raise ValueError("this stage has no readout")
    device = objective.weight.device
    told = (views[0][0] for views, _ in _groups(data, group, device))
    return torch.cat([objective.readout(objective.im2context(patches)).cpu() for patches in told])


@torch.no_grad()
def denoised(
    objective: Texturing, data: Textures, *, steps: int, draws: int, seed: int, group: int = 16
) -> Tensor:
    """Latents (N, 4, h, w) by `steps` DDIM steps from noise, on average over `draws` samples, a view each."""
    generator = torch.Generator().manual_seed(seed)
    device = objective.weight.device
    found = []
    for views, latents in _groups(data, group, device):
        samples = []
        for k in range(draws):
            start = torch.randn(latents.shape, generator=generator).to(device)
            seen_so = views[k % len(views)]

            def step(x: Tensor, at: Tensor, told: tuple[Tensor, Tensor] = seen_so) -> Tensor:
                return objective.predict(x, at, *told)

            samples.append(objective.noise.sample(step, start, steps))
        found.append(torch.stack(samples).mean(0).cpu())
    return torch.cat(found)


def _groups(
    data: Textures, group: int, device: torch.device
) -> Iterable[tuple[list[tuple[Tensor, Tensor]], Tensor]]:
    """Patches and cls of each view, and latents, of some portraits at a time."""
    for i in range(0, len(data.latents), group):
        part = slice(i, i + group)
        views = [
            (patches[part].to(device).float(), cls[part].to(device).float())
            for patches, cls in zip(data.patches, data.cls, strict=True)
        ]
        yield views, data.latents[part].to(device).float()


def maps_of(i2tx: I2Tx, latents: Tensor, size: int) -> list[Picture]:
    """Latents -> texture maps (size, size, 3)."""
    return [to_picture(p[:, :size, :size]) for p in decode(i2tx, latents)]


def quality(maps: Sequence[Picture], truth: Sequence[Picture], mask: NDArray[np.bool_]) -> float:
    """Mean PSNR in dB of maps inside the body's texels."""
    return float(np.mean([psnr(m, t, mask) for m, t in zip(maps, truth, strict=True)]))


def single_portraits(scenes: Sequence[Portrait], most: int) -> list[int]:
    """Places of the scenes with one person, `most` at most."""
    found: list[int] = []
    for i in range(len(scenes)):
        if len(found) == most:
            break
        if len(scenes[i].people) == 1:
            found.append(i)
    return found
