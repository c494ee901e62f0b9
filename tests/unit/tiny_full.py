"""`full` a few channels wide, as files that diffusers, PEFT and transformers write themselves."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModel

from model.network.config import (
    ContextConfig,
    DiffusionConfig,
    HeadConfig,
    SpectrumConfig,
    TextConfig,
    TowerConfig,
    full,
    unet_config,
    vae_config,
)
from model.network.sources import Sources

CONTEXT, VISION, TEXT = 128, 32, 24  # widths
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
BETAS = (0.001, 0.02)  # not Stable Diffusion's, so that a test sees whose are used


def tiny_base() -> SpectrumConfig:
    """The head's sizes; those of the other parts come from the files."""
    return replace(
        full(),
        head=HeadConfig(
            strides=(4, 8, 16, 32), width=32, hidden=32, pixel_layers=1, pixel_feedforward=32,
            decoder_layers=2, decoder_feedforward=32, heads=4, queries=6, embedding=16, coordinates=0,
            mask_embedding="serial",
        ),
        short_side=64,
        max_long_side=128,
    )  # fmt: skip


def tiny_full() -> SpectrumConfig:
    """The whole config that loading the files gives, but for the schedule."""
    sight = {
        "hidden_size": VISION, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2,
        "patch_size": 7, "image_size": 28, "hidden_act": "gelu",
    }  # fmt: skip
    return replace(
        tiny_base(),
        tower=TowerConfig(kind="clip", width=VISION, clip=sight, maps=False),
        context=ContextConfig(
            tokens=5, width=CONTEXT, layers=2, heads=2, feedforward=48, gate_per_token=True
        ),
        diffusion=DiffusionConfig(
            vae=vae_config((8, 8, 16, 16), groups=4),
            unet=unet_config((8, 16, 24, 24), context=CONTEXT, heads=[2, 2, 4, 4], groups=4),
        ),
        text=TextConfig(kind="clip", width=TEXT, gloss=False),
    )


class Image2Token(nn.Module):
    """Stands for TexDreamer's module: the same parts under its names, with its default dropout."""

    def __init__(self, tokens: int = 5, layers: int = 2, feedforward: int = 48) -> None:
        super().__init__()
        self.visual_proj = nn.Linear(VISION, CONTEXT)
        self.query = nn.Parameter(torch.randn(1, tokens, CONTEXT))
        layer = nn.TransformerDecoderLayer(CONTEXT, CONTEXT // 64, feedforward, batch_first=True)
        self.i2t = nn.TransformerDecoder(layer, layers)

    def forward(self, patches: Tensor) -> Tensor:
        return self.i2t(self.query.expand(len(patches), -1, -1), self.visual_proj(patches))


def write_diffusion(folder: Path, *, context: int = CONTEXT, latents: int = 4) -> Path:
    """A Stable Diffusion directory with random weights."""
    AutoencoderKL(**vae_config((8, 8, 16, 16), groups=4)).save_pretrained(folder / "vae")
    unet = unet_config((8, 16, 24, 24), context=context, heads=[2, 2, 4, 4], groups=4)
    UNet2DConditionModel(**{**unet, "in_channels": latents}).save_pretrained(folder / "unet")
    schedule = DDIMScheduler(beta_start=BETAS[0], beta_end=BETAS[1], beta_schedule="linear")
    schedule.save_pretrained(folder / "scheduler")
    return folder


def write_clip(folder: Path) -> Path:
    """A CLIP of both towers in one directory, with a tokenizer that knows the letters."""
    tower = {"intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_act": "gelu"}
    words = {
        **tower, "hidden_size": 40, "vocab_size": 64, "max_position_embeddings": 24,
        "bos_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    sight = {**tower, "hidden_size": VISION, "patch_size": 7, "image_size": 28}
    sizes = CLIPConfig(text_config=words, vision_config=sight, projection_dim=TEXT)
    for half in (sizes.text_config, sizes.vision_config):
        half.projection_dim = TEXT
    CLIPModel(sizes).save_pretrained(folder)
    letters = [c + end for c in "abcdefghijklmnopqrstuvwxyz" for end in ("", "</w>")]
    vocabulary = {w: i for i, w in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])}
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


def write_sources(folder: Path) -> Sources:
    """Everything but adapters and head."""
    torch.manual_seed(0)
    clip = write_clip(folder / "clip")
    save_file(Image2Token().state_dict(), folder / "i2t_decoder.safetensors")
    return Sources(
        diffusion=str(write_diffusion(folder / "sd")),
        vision=str(clip),
        text=str(clip),
        im2context=str(folder / "i2t_decoder.safetensors"),
    )


def unet_of(sources: Sources) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(sources.diffusion, subfolder="unet", use_safetensors=True)


def vision_of(sources: Sources) -> CLIPVisionModel:
    return CLIPVisionModel.from_pretrained(sources.vision).eval()


def text_of(sources: Sources) -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection.from_pretrained(sources.text).eval()


def adapter(rank: int, targets: list[str]) -> LoraConfig:
    """alpha is not the rank, so that a merge which forgets the factor shows."""
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets)


def fill(model: nn.Module, size: float = 0.2) -> None:
    """Adapters are born with B = 0, which changes nothing."""
    torch.manual_seed(1)
    for part in model.modules():
        if isinstance(part, LoraLayer):
            nn.init.normal_(part.lora_B["default"].weight, std=size)


def write_diffusers_lora(unet: UNet2DConditionModel, folder: Path) -> Path:
    """Leaves the adapter unmerged in `unet`."""
    unet.add_adapter(adapter(4, ATTENTION))
    fill(unet)
    unet.save_lora_adapter(folder)
    return folder


def write_peft_lora(model: nn.Module, folder: Path, *, rank: int, targets: list[str]) -> nn.Module:
    """The model with its adapter, unmerged."""
    with warnings.catch_warnings():  # PEFT reads a name that transformers has deprecated
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        wrapped = get_peft_model(model, adapter(rank, targets))
    fill(wrapped)
    wrapped.save_pretrained(folder)
    return wrapped.eval()
