"""A LoRA adapter is merged whole, or refused: never dropped in silence."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.network.adapters import merge_lora
from model.network.errors import CheckpointError
from model.network.sources import DIFFUSERS_LORA, PEFT_LORA
from tests.unit.tiny_full import (
    ATTENTION,
    CONTEXT,
    text_of,
    unet_of,
    vision_of,
    write_diffusers_lora,
    write_peft_lora,
    write_sources,
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("full"))


@torch.no_grad()
def denoised(unet):
    torch.manual_seed(2)
    return unet.eval()(torch.randn(2, 4, 8, 8), 0, torch.randn(2, 5, CONTEXT)).sample


@torch.no_grad()
def seen(tower):
    torch.manual_seed(3)
    return tower(torch.randn(2, 3, 28, 28)).last_hidden_state


@torch.no_grad()
def meant(tower):
    return tower(input_ids=torch.tensor([[0, 5, 9, 1]])).text_embeds


def close(a, b):
    return torch.allclose(a, b, atol=1e-4, rtol=0)


def test_a_merged_diffusers_adapter_answers_as_the_unmerged_one(sources, tmp_path):
    unmerged, plain = unet_of(sources), unet_of(sources)
    before = denoised(plain)
    write_diffusers_lora(unmerged, tmp_path)
    merge_lora(plain, tmp_path)
    assert close(denoised(plain), denoised(unmerged))
    assert not close(denoised(plain), before)
    assert set(plain.state_dict()) == set(unet_of(sources).state_dict())


def test_a_pipelines_adapter_carries_its_prefix_and_still_fits(sources, tmp_path):
    unmerged, plain = unet_of(sources), unet_of(sources)
    write_diffusers_lora(unmerged, tmp_path)
    path = tmp_path / DIFFUSERS_LORA
    save_file({f"unet.{name}": w for name, w in load_file(path).items()}, path)
    merge_lora(plain, tmp_path)
    # Without the UNet's own metadata alpha is the rank: half of what the adapter was trained with.
    assert not close(denoised(plain), denoised(unet_of(sources)))


def test_a_merged_peft_adapter_answers_as_the_unmerged_one(sources, tmp_path):
    plain = unet_of(sources)
    before = denoised(plain)
    unmerged = write_peft_lora(unet_of(sources), tmp_path, rank=8, targets=ATTENTION)
    merge_lora(plain, tmp_path)
    assert close(denoised(plain), denoised(unmerged))
    assert not close(denoised(plain), before)
    assert set(plain.state_dict()) == set(unet_of(sources).state_dict())


@pytest.mark.parametrize("older", [False, True], ids=["as written today", "as transformers 4 named it"])
def test_a_towers_adapter_merges_whichever_release_named_its_layers(sources, tmp_path, older):
    plain = vision_of(sources)
    before = seen(plain)
    unmerged = write_peft_lora(vision_of(sources), tmp_path, rank=16, targets=["q_proj", "v_proj"])
    if older:
        path = tmp_path / PEFT_LORA
        old = {
            n.replace("base_model.model.", "base_model.model.vision_model."): w
            for n, w in load_file(path).items()
        }
        save_file(old, path)
    merge_lora(plain, tmp_path)
    assert close(seen(plain), seen(unmerged))
    assert not close(seen(plain), before)


def test_the_text_towers_adapter_merges(sources, tmp_path):
    plain = text_of(sources)
    before = meant(plain)
    unmerged = write_peft_lora(text_of(sources), tmp_path, rank=16, targets=["q_proj", "v_proj"])
    merge_lora(plain, tmp_path)
    assert close(meant(plain), meant(unmerged))
    assert not close(meant(plain), before)


@pytest.mark.parametrize("name", [PEFT_LORA, DIFFUSERS_LORA])
def test_an_adapter_with_a_tensor_that_fits_nowhere_is_refused(sources, tmp_path, name):
    if name == PEFT_LORA:
        write_peft_lora(unet_of(sources), tmp_path, rank=2, targets=["to_q"])
    else:
        write_diffusers_lora(unet_of(sources), tmp_path)
    weights = load_file(tmp_path / name)
    first = next(iter(weights))
    stray = first.replace("down_blocks.0", "down_blocks.7")
    save_file({(stray if n == first else n): w for n, w in weights.items()}, tmp_path / name)
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        merge_lora(unet_of(sources), tmp_path)


def test_an_adapter_of_other_widths_is_refused(sources, tmp_path):
    write_peft_lora(unet_of(sources), tmp_path, rank=2, targets=["to_q"])
    path = tmp_path / PEFT_LORA
    save_file({n: w.repeat(2, 2) for n, w in load_file(path).items()}, path)
    with pytest.raises(CheckpointError, match="does not fit"):
        merge_lora(unet_of(sources), tmp_path)


def test_an_adapter_that_lacks_what_its_config_names_is_refused(sources, tmp_path):
    write_peft_lora(unet_of(sources), tmp_path, rank=2, targets=["to_q"])
    path = tmp_path / PEFT_LORA
    weights = load_file(path)
    weights.pop(next(iter(weights)))
    save_file(weights, path)
    with pytest.raises(CheckpointError, match="absent"):
        merge_lora(unet_of(sources), tmp_path)


def test_an_adapter_in_diffusers_layout_is_for_a_unet_alone(sources, tmp_path):
    write_diffusers_lora(unet_of(sources), tmp_path)
    with pytest.raises(CheckpointError, match="for a UNet"):
        merge_lora(vision_of(sources), tmp_path)
