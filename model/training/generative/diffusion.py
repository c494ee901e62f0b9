"""The noise of a latent diffusion model: adding it, learning it, and taking it away again.

Source: Ho et al., 'Denoising Diffusion Probabilistic Models'; Salimans & Ho, 'Progressive Distillation'
(v-prediction); Song et al., 'DDIM'; Lin et al., 'Common Diffusion Noise Schedules' (pure noise at the last
step). The schedules are diffusers'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from model.network.i2tx import SCHEDULE


class Noise:
    """The forward process of a schedule, and what a network is asked to predict under it."""

    def __init__(self, schedule: dict[str, Any]) -> None:
        self.schedule = schedule or SCHEDULE
        self._scheduler: Any = DDPMScheduler(**self.schedule)
        self.kind: str = self._scheduler.config.prediction_type
        if self.kind not in ("epsilon", "v_prediction"):
            raise ValueError(f"a network may predict epsilon or v_prediction, not {self.kind!r}")
        self.steps: int = self._scheduler.config.num_train_timesteps
        self._kept: Tensor = self._scheduler.alphas_cumprod

    def shares(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Shares (B, 1, 1, 1) of signal and noise in x_t at steps (B,)."""
        kept = self._kept.to(steps.device)[steps].view(-1, 1, 1, 1)
        return kept.sqrt(), (1 - kept).sqrt()

    def add(self, latents: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """x_t of latents (B, 4, h, w) with noise of the same shape at steps (B,)."""
        signal, strength = self.shares(steps)
        return signal * latents + strength * noise

    def target(self, latents: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """What the network is to predict from x_t."""
        if self.kind == "epsilon":
            return noise
        signal, strength = self.shares(steps)
        return signal * noise - strength * latents

    def clean(self, x_t: Tensor, predicted: Tensor, steps: Tensor) -> Tensor:
        """The latents that a prediction at x_t stands for. No schedule leaves epsilon without any signal."""
        signal, strength = self.shares(steps)
        if self.kind == "epsilon":
            return (x_t - strength * predicted) / signal.clamp(min=1e-3)
        return signal * x_t - strength * predicted

    def sample(self, predict: Callable[[Tensor, Tensor], Tensor], start: Tensor, count: int) -> Tensor:
        """Latents from noise `start` (B, 4, h, w) by `count` DDIM steps of predict(x_t, steps)."""
        ddim: Any = DDIMScheduler(**self.schedule, clip_sample=False, timestep_spacing="trailing")
        ddim.set_timesteps(count)
        x = start
        for step in ddim.timesteps.tolist():
            steps = torch.full((len(x),), step, device=x.device)
            x = ddim.step(predict(x, steps), step, x).prev_sample
        return x


def predict(unet: Any, x_t: Tensor, steps: Tensor, context: Tensor, shift: Tensor | None = None) -> Tensor:
    """The whole UNet on x_t (B, 4, h, w) at steps (B,), context (B, T, D), and shift (B, D_time) of the time
    embedding, which diffusers has no argument for."""
    handle = None
    if shift is not None:
        moved = shift
        handle = unet.time_embedding.register_forward_hook(lambda _module, _args, out: out + moved)
    try:
        return unet(x_t, steps, encoder_hidden_states=context, return_dict=False)[0]
    finally:
        if handle is not None:
            handle.remove()
