"""LoRA adapters: trained beside the weights that they change, and merged into them: W + (alpha / r) B A.

Nothing else of a merged adapter is left. Source: Hu et al., 'LoRA'; the paper merges its texture adapter this
way. The arithmetic is PEFT's own. What is added here is that an adapter which does not fit is an error: both
libraries skip such tensors with a note, and the network would run without what it was loaded for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import UNet2DConditionModel
from diffusers.utils import convert_unet_state_dict_to_peft
from peft import LoraConfig, LoraModel, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model.network.errors import CheckpointError
from model.network.sources import DIFFUSERS_LORA, PEFT_LORA

PEFT_PREFIX = "base_model.model."
# transformers 5 took this level out of CLIP's towers; adapters trained before it still name it.
TOWER_PREFIXES = ("text_model.", "vision_model.")
ATTENTION = r".*\.(to_q|to_k|to_v|to_out\.0)"
EVERYWHERE = (
    r"(.*\.)?(to_q|to_k|to_v|to_out\.0|proj_in|proj_out|net\.0\.proj|net\.2"
    r"|conv1|conv2|conv_shortcut|time_emb_proj|conv|conv_in|conv_out)"
)
"""Where a UNet's adapters sit: in its attention, or in every layer but norms and the time embedding."""


def merge_lora(model: nn.Module, folder: Path) -> None:
    """Merge the adapter in `folder` into `model`, in place. CheckpointError if a tensor of it finds no place.

    PEFT's layout (`adapter_config.json`, `adapter_model.safetensors`) for any model, diffusers' layout
    (`pytorch_lora_weights.safetensors`) for a UNet.
    """
    try:
        if (folder / PEFT_LORA).is_file():
            _merge_peft(model, folder)
        elif isinstance(model, UNet2DConditionModel):
            _merge_diffusers(model, folder)
        else:
            raise CheckpointError(f"the LoRA at {folder} is for a UNet, not for {type(model).__name__}")
    except CheckpointError:
        raise
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"the LoRA at {folder} does not fit {type(model).__name__}: {str(error)[:300]}"
        ) from error


def _merge_peft(model: nn.Module, folder: Path) -> None:
    config = LoraConfig.from_pretrained(str(folder))
    if not isinstance(config, LoraConfig):
        raise CheckpointError(f"the adapter at {folder} is {config.peft_type}, not LORA")
    config.inference_mode, config.init_lora_weights = True, False  # every value comes from the file
    weights = {_fit(name, model, folder): w for name, w in load_file(folder / PEFT_LORA).items()}
    tuner = LoraModel(model, config, "default")
    result: Any = set_peft_model_state_dict(model, weights)
    absent = [name for name in result.missing_keys if ".lora_" in name]
    if absent or result.unexpected_keys:
        raise CheckpointError(
            f"the LoRA at {folder} does not fit its own adapter_config.json: "
            f"absent {absent[:3]}, unknown {result.unexpected_keys[:3]}"
        )
    tuner.merge_and_unload(safe_merge=True)


def _fit(name: str, model: nn.Module, folder: Path) -> str:
    """The name that a tensor of the adapter has in this model, whichever transformers wrote it."""
    name = name.removeprefix(PEFT_PREFIX)
    module = name.partition(".lora_")[0]
    places = {place for place, _ in model.named_modules()}
    guesses = [module]
    for prefix in TOWER_PREFIXES:
        guesses += [module.removeprefix(prefix), prefix + module]
    for guess in guesses:
        if guess in places:
            return name.replace(module, guess, 1)
    raise CheckpointError(f"the LoRA at {folder} changes {module}, which {type(model).__name__} has not")


def _merge_diffusers(unet: Any, folder: Path) -> None:
    weights = load_file(folder / DIFFUSERS_LORA)
    # A pipeline writes 'unet.', perhaps beside a text encoder's; a UNet by itself writes no prefix.
    prefix = "unet" if any(name.startswith("unet.") for name in weights) else None
    own = {n.removeprefix("unet."): w for n, w in weights.items() if prefix is None or n.startswith("unet.")}
    offered = {name for name in convert_unet_state_dict_to_peft(own) if ".lora_" in name}
    unet.load_lora_adapter(folder, prefix=prefix, weight_name=DIFFUSERS_LORA, local_files_only=True)
    taken = {name.replace(".default_0.", ".") for name, _ in unet.named_parameters() if ".lora_" in name}
    if odd := sorted(taken ^ offered):
        raise CheckpointError(f"the LoRA at {folder} does not fit the UNet: {', '.join(odd[:3])}")
    unet.fuse_lora(safe_fusing=True)
    unet.unload_lora()


def attach_lora(model: nn.Module, *, rank: int, targets: str, alpha: int | None = None) -> LoraConfig:
    """Freeze `model` and put a trainable adapter, which changes nothing yet, on each layer that `targets` (a
    pattern for whole names) matches; its config. ValueError for a rank under 1 or a pattern without a match.

    alpha: by default the rank, so that W + BA is what runs, as in the paper.
    """
    config = LoraConfig(r=rank, lora_alpha=alpha or rank, target_modules=targets)
    LoraModel(model, config, "default")
    return config


def merged_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights of a model with attached adapters as they are once merged, by the plain model's names."""
    weights = {
        name.replace(".base_layer.", "."): w for name, w in model.state_dict().items() if ".lora_" not in name
    }
    for name, part in model.named_modules():
        if isinstance(part, LoraLayer):
            weights[f"{name}.weight"] = weights[f"{name}.weight"] + part.get_delta_weight("default").detach()
    return weights


def save_lora(model: nn.Module, config: LoraConfig, folder: Path) -> None:
    """Write attached adapters in PEFT's layout, as `merge_lora` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        PEFT_PREFIX + name.replace(".default.", "."): w.detach().cpu().contiguous()
        for name, w in model.state_dict().items()
        if ".lora_" in name
    }
    save_file(weights, folder / PEFT_LORA)
    config.save_pretrained(str(folder))
