"""Training of the texture stage: adapters, IM2CONTEXT and gates, their scores, checkpoint and sheet."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peft import LoraConfig
from safetensors.torch import save_file
from torch import Tensor, nn

from model import checkpoint
from model.data.pictures import fitted
from model.network.adapters import merged_weights, save_lora
from model.network.spectrum import Spectrum
from model.training.generative.pictures import Picture, grid
from model.training.generative.texturing import (
    Pairs,
    Textures,
    Texturing,
    denoised,
    maps_of,
    one_step,
    quality,
    read_out,
)
from model.training.loop import Schedule, Training
from model.training.stages.files import write_full

SHOWN = 8
READOUT_FILE = "readout.safetensors"
Rerender = Callable[[int, Picture], Picture]  # place of a held-out portrait, texture map -> its body anew


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Portraits never trained on. mean (T, T, 3): the mean map of those that are; mask (T, T) of the body."""

    data: Textures
    pictures: list[Picture]
    maps: list[Picture]
    mean: Picture
    mask: NDArray[np.bool_]


class TextureTraining(Training[Pairs]):
    """Trains adapters, IM2CONTEXT and conditioning; the checkpoint has the adapters merged.

    Where the objective is of the context only, IM2CONTEXT and the readout, and no adapter is there.
    """

    def __init__(
        self,
        network: Spectrum,
        objective: Texturing,
        lora: LoraConfig | None,
        schedule: Schedule,
        folder: Path,
        *,
        held_out: HeldOut,
        context_rate: float | None = None,
        device: str = "cpu",
        sources: Path | None = None,
        rerender: Rerender | None = None,
        sampling: tuple[int, int] = (10, 8),
    ) -> None:
        """The UNet of `network` has its adapters attached already. sampling: DDIM steps, draws of a mean.

        context_rate: peak rate of IM2CONTEXT and readout, where it is another.
        """
        self.context_rate = context_rate or schedule.rate  # the optimizer asks for it at once
        part = nn.ModuleDict({"im2context": objective.im2context})
        if objective.readout is not None:
            part["readout"] = objective.readout
        if not objective.context_only:
            part["unet"], part["conditioning"] = objective.unet, objective.conditioning
        super().__init__(part, objective, schedule, folder, device=device, whole=False)
        self.network, self.raw, self.lora, self.held_out = network, objective, lora, held_out
        self.sources, self.rerender, self.sampling = sources, rerender, sampling

    def losses(self, batch: Pairs, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """The denoising loss of the maps, and that of what is read from the context alone."""
        return self.objective(batch)

    def rate_of(self, name: str) -> float:
        """IM2CONTEXT and readout have a rate of their own: the adapters' is too high for them."""
        own = name.startswith(("im2context.", "readout."))
        return self.context_rate if own else super().rate_of(name)

    def validate(self) -> dict[str, float]:
        """PSNR of held-out maps in one step from noise, and how far above the mean map's it is.

        Of what the readout draws, where the UNet waits.
        """
        held = self.held_out
        alone = self.raw.context_only
        found = self._quality(
            read_out(self.raw, held.data) if alone else one_step(self.raw, held.data, draws=1, seed=0)
        )
        return {"val_psnr": round(found, 3), "val_gain": round(found - self._mean_quality(), 3)}

    def _quality(self, latents: Tensor) -> float:
        self.network.i2tx.vae.to(self.device)
        maps = maps_of(self.network.i2tx, latents, len(self.held_out.mask))
        return quality(maps, self.held_out.maps, self.held_out.mask)

    def _mean_quality(self) -> float:
        held = self.held_out
        return quality([held.mean] * len(held.maps), held.maps, held.mask)

    def write_checkpoint(self) -> None:
        """The whole network, its UNet's adapters merged; the adapters by themselves beside it."""
        folder = self.folder / "checkpoint"
        with self.averaged():
            if self.lora is not None:
                save_lora(self.raw.unet, self.lora, self.folder / "lora")
            if self.sources is not None:
                changed: dict[str, str | None] = {"im2context": None}
                if self.lora is not None:
                    changed["unet_lora"] = str((self.folder / "lora").resolve())
                write_full(folder, self.network, {}, self.sources, **changed)
            else:
                weights = self.network.state_dict()
                if self.lora is not None:
                    weights = {n: w for n, w in weights.items() if not n.startswith("i2tx.unet.")}
                    weights |= {f"i2tx.unet.{n}": w for n, w in merged_weights(self.raw.unet).items()}
                checkpoint.save(folder, self.network.config, weights)
            if self.raw.readout is not None:
                kept = {n: w.cpu().contiguous() for n, w in self.raw.readout.state_dict().items()}
                save_file(kept, folder / READOUT_FILE)

    def finish(self) -> None:
        """Every protocol's PSNR, and a sheet of the best one's maps."""
        self.part.eval()
        held = self.held_out
        latents: dict[str, Tensor] = {name: way() for name, way in self._ways().items()}
        found = {name: round(self._quality(x), 3) for name, x in latents.items()}
        # The readout is thrown away: what it draws is told, and shown only where nothing else can draw.
        best = max(found, key=lambda name: (name != "readout", found[name]))
        mean = self._mean_quality()
        report = {
            "steps": self.step,
            "held_out": len(held.maps),
            "psnr": found,
            "psnr_mean_map": round(mean, 3),
            "psnr_autoencoder": round(self._quality(held.data.latents), 3),
            "best": best,
            "gain_db": round(found[best] - mean, 3),
            "columns": "picture, predicted map, true map" + (", body redrawn" if self.rerender else ""),
        }
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        self._sheet(latents[best][:SHOWN])

    def _ways(self) -> dict[str, Callable[[], Tensor]]:
        """The ways to draw the held-out maps, by name."""
        objective, data = self.raw, self.held_out.data
        steps, draws = self.sampling
        ways: dict[str, Callable[[], Tensor]] = {}
        if objective.readout is not None:
            ways["readout"] = lambda: read_out(objective, data)
        if objective.context_only:
            return ways
        for count, end in ((1, ""), (draws, f"_mean_of_{draws}")):
            ways[f"one_step{end}"] = partial(one_step, objective, data, draws=count, seed=0)
            ways[f"ddim_{steps}{end}"] = partial(denoised, objective, data, steps=steps, draws=count, seed=0)
        return ways

    def _sheet(self, latents: Tensor) -> None:
        held, side = self.held_out, len(self.held_out.mask)
        rows = []
        for i, made in enumerate(maps_of(self.network.i2tx, latents, side)):
            height, width = held.pictures[i].shape[:2]
            size = (side, max(1, round(side * width / height)))
            row = [fitted(held.pictures[i], size), made, held.maps[i]]
            if self.rerender:
                row.append(fitted(self.rerender(i, made), size))
            rows.append(row)
        grid(rows).save(self.folder / "sheet.png")
