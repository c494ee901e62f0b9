"""What the config files of a `full` say, as one config of ours, and whether they fit each other.

CheckpointError names both files where two of them disagree.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from model.network.config import CLIP_H_TEXT, CLIP_H_VISION, ContextConfig, SpectrumConfig, TowerConfig
from model.network.errors import CheckpointError
from model.network.i2tx import SCHEDULE
from model.network.sources import Files

HEAD_WIDTH = 64  # channels of an attention head in IM2CONTEXT (TexDreamer's rule); its weights do not tell


def config_of(
    base: SpectrumConfig, files: Files, vae: Any, unet: Any, clip: Any, own: dict[str, Tensor]
) -> SpectrumConfig:
    """The config of what the files hold. CheckpointError, naming both files, where two of them disagree."""
    text = _json(files.text / "config.json")
    text = {**text.get("text_config", {}), **{k: text[k] for k in CLIP_H_TEXT if k in text}}
    width = int(clip.config.hidden_size)
    context = _context(base.context, files, int(unet.config.cross_attention_dim), width, own)
    return replace(
        base,
        tower=TowerConfig(
            kind="clip",
            width=width,
            clip={k: getattr(clip.config, k) for k in (*CLIP_H_VISION, "layer_norm_eps")},
            frozen_blocks=0,
            maps=False,
        ),
        context=context,
        diffusion=replace(
            base.diffusion,
            vae=_public(vae.config),
            unet=_public(unet.config),
            schedule=_schedule(files.scheduler),
            lora_rank=0,  # merged
        ),
        text=replace(
            base.text,
            kind="clip",
            width=int(text.get("projection_dim", CLIP_H_TEXT["projection_dim"])),
            clip={k: text[k] for k in CLIP_H_TEXT if k in text},
        ),
    )


def _context(
    base: ContextConfig, files: Files, wanted: int, patch: int, own: dict[str, Tensor]
) -> ContextConfig:
    where = files.im2context or files.head
    names = [name for name in own if name.startswith("im2context.")]
    if not names:
        return replace(base, width=wanted, heads=max(1, wanted // HEAD_WIDTH))
    try:
        enter, queries = own["im2context.enter.weight"], own["im2context.queries"]
        feedforward = own["im2context.decoder.layers.0.linear1.weight"].shape[0]
    except KeyError as error:
        raise CheckpointError(f"{where} is no IM2CONTEXT: it lacks {error}") from error
    width = int(queries.shape[-1])
    if enter.shape[1] != patch:
        raise CheckpointError(
            f"{where} reads patches of {enter.shape[1]} channels, "
            f"{files.vision / 'config.json'} gives {patch}"
        )
    if width != wanted:
        raise CheckpointError(
            f"{where} gives a context of {width} channels, {files.unet / 'config.json'} wants {wanted}"
        )
    return replace(
        base,
        tokens=int(queries.shape[1]),
        width=width,
        layers=len({name.split(".")[3] for name in names if name.startswith("im2context.decoder.layers.")}),
        heads=max(1, width // HEAD_WIDTH),
        feedforward=int(feedforward),
    )


def check_layout(files: Files, vae: Any, unet: Any) -> None:
    """The taps sit at fixed places of Stable Diffusion's layout; another layout has other places or none."""
    v, u = vae.config, unet.config
    if v.latent_channels != u.in_channels:
        raise CheckpointError(
            f"{files.vae / 'config.json'} gives latents of {v.latent_channels} channels, "
            f"{files.unet / 'config.json'} wants {u.in_channels}"
        )
    plain = {
        files.vae: {
            "levels": len(v.block_out_channels) == 4,
            "layers_per_block": v.layers_per_block == 2,
            "shift_factor": v.shift_factor is None,
            "latents_mean": v.latents_mean is None,
            "use_quant_conv": v.use_quant_conv and v.use_post_quant_conv,
        },
        files.unet: {
            "levels": len(u.block_out_channels) == 4,
            "layers_per_block": u.layers_per_block in (2, [2] * 4, (2,) * 4),
            "down_block_types": set(u.down_block_types) <= {"CrossAttnDownBlock2D", "DownBlock2D"},
            "up_block_types": set(u.up_block_types) <= {"CrossAttnUpBlock2D", "UpBlock2D"},
            "mid_block_type": u.mid_block_type == "UNetMidBlock2DCrossAttn",
            "addition_embed_type": u.addition_embed_type is None,
            "class_embed_type": u.class_embed_type is None and u.num_class_embeds is None,
            "encoder_hid_dim": u.encoder_hid_dim is None and u.encoder_hid_dim_type is None,
            "time_embedding": u.time_embedding_act_fn is None and u.time_cond_proj_dim is None,
            "center_input_sample": not u.center_input_sample,
            "cross_attention_dim": isinstance(u.cross_attention_dim, int),
        },
    }
    for folder, promises in plain.items():
        if odd := [name for name, kept in promises.items() if not kept]:
            raise CheckpointError(
                f"{folder / 'config.json'} is not Stable Diffusion's layout: {', '.join(odd)}"
            )


def _schedule(path: Path | None) -> dict[str, Any]:
    """The fields of any diffusers scheduler that decide alphas and prediction; none without a file."""
    fields = (*SCHEDULE, "trained_betas", "rescale_betas_zero_snr", "prediction_type")
    raw = _json(path) if path else {}
    return {name: raw[name] for name in fields if name in raw}


def _json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from error
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path} is no JSON object")
    return raw


def _public(config: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in config.items() if not k.startswith("_")}
