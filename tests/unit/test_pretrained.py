"""`full` loads what diffusers, PEFT, transformers and TexDreamer write, and says what does not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file, save_file

from model import checkpoint
from model.network.errors import CheckpointError
from model.network.pretrained import load_full, load_text, own_weights
from model.network.sources import DIFFUSERS_LORA, Sources, locate
from model.parser import Parser
from model.parsing import Query
from tests.unit.tiny_full import (
    ATTENTION,
    BETAS,
    CONTEXT,
    TEXT,
    VISION,
    Image2Token,
    text_of,
    tiny_base,
    tiny_full,
    unet_of,
    vision_of,
    write_diffusers_lora,
    write_diffusion,
    write_peft_lora,
    write_sources,
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def network(sources):
    torch.manual_seed(4)
    return load_full(sources, base=tiny_base())


@pytest.fixture
def folder(sources, network, tmp_path):
    """A checkpoint folder of `full`: config, sources, and the trained parts."""
    checkpoint.save(tmp_path, network.config, own_weights(network))
    (tmp_path / "sources.json").write_text(sources.to_json())
    return tmp_path


def changed(path: Path, **fields):
    """Write these fields into a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.fixture
def copy(sources, tmp_path):
    """The same sources in a folder of the test's own, to be spoilt."""
    root = tmp_path / "copy"
    shutil.copytree(Path(sources.diffusion).parent, root)
    clip = str(root / "clip")
    return Sources(str(root / "sd"), clip, clip, str(root / "i2t_decoder.safetensors"))


def test_the_files_decide_every_size(network):
    wanted = tiny_full()
    assert network.config.tower.width == VISION and network.config.text.width == TEXT
    assert network.config.context == wanted.context
    assert network.config.head == wanted.head
    assert not network.training


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(w, theirs[name]) for name, w in ours.items())


def test_the_weights_are_the_files(network, sources):
    assert same(network.i2tx.unet.state_dict(), unet_of(sources).state_dict())
    assert same(network.tower.clip.state_dict(), vision_of(sources).state_dict())
    held = load_file(Path(sources.diffusion) / "vae" / "diffusion_pytorch_model.safetensors")
    assert same(network.i2tx.vae.state_dict(), held)


def test_the_noise_is_of_the_directorys_own_schedule(network, copy):
    schedule = DDIMScheduler(beta_start=BETAS[0], beta_end=BETAS[1], beta_schedule="linear")
    assert network.i2tx.signal**2 == pytest.approx(float(schedule.alphas_cumprod[0]), abs=1e-7)
    shutil.rmtree(Path(copy.diffusion) / "scheduler")
    plain = load_full(copy, base=tiny_base())
    assert plain.i2tx.signal**2 == pytest.approx(1 - 0.00085, abs=1e-7)  # Stable Diffusion's own


@torch.no_grad()
def test_im2context_answers_as_texdreamers_module(network, sources):
    theirs = Image2Token().eval()
    theirs.load_state_dict(load_file(sources.im2context))
    patches = torch.randn(2, 17, VISION)
    torch.testing.assert_close(network.im2context(patches), theirs(patches), atol=1e-5, rtol=0)


def test_im2context_loads_under_our_own_names_too(network, sources, tmp_path):
    path = tmp_path / "im2context.safetensors"
    save_file(network.im2context.state_dict(), path)
    again = load_full(replace(sources, im2context=str(path)), base=tiny_base())
    assert same(again.im2context.state_dict(), network.im2context.state_dict())


@torch.no_grad()
@pytest.mark.parametrize("layout", ["diffusers", "peft"])
def test_adapters_are_merged_while_loading(network, sources, tmp_path, layout):
    unet, vision = unet_of(sources).eval(), tmp_path / "vision"
    if layout == "diffusers":
        write_diffusers_lora(unet, tmp_path / "unet")
    else:
        unet = write_peft_lora(unet, tmp_path / "unet", rank=8, targets=ATTENTION)
    tower = write_peft_lora(vision_of(sources), vision, rank=16, targets=["q_proj", "v_proj"])
    merged = load_full(
        replace(sources, unet_lora=str(tmp_path / "unet"), vision_lora=str(vision)), base=tiny_base()
    )
    torch.manual_seed(5)
    x_t, context, pixels = torch.randn(1, 4, 8, 8), torch.randn(1, 5, CONTEXT), torch.randn(1, 3, 28, 28)
    expected = unet(x_t, 0, context).sample
    torch.testing.assert_close(merged.i2tx.unet(x_t, 0, context).sample, expected, atol=1e-4, rtol=0)
    assert not torch.allclose(network.i2tx.unet(x_t, 0, context).sample, expected, atol=1e-3)
    tower_of_full: Any = merged.tower
    seen, expected = tower_of_full.clip(pixels).last_hidden_state, tower(pixels).last_hidden_state
    torch.testing.assert_close(seen, expected, atol=1e-4, rtol=0)
    assert merged.state_dict().keys() == network.state_dict().keys()


@torch.no_grad()
def test_text_is_embedded_by_clips_own_tower_with_its_adapter(sources, tmp_path):
    phrases = ["a photo of a saree", "hat"]
    plain = load_text(sources)
    assert plain.width == TEXT and plain(phrases).shape == (2, TEXT)
    torch.testing.assert_close(plain(phrases).norm(dim=-1), torch.ones(2))
    torch.testing.assert_close(plain(phrases)[1], plain(phrases[1:])[0], atol=1e-5, rtol=0)
    write_peft_lora(text_of(sources), tmp_path, rank=16, targets=["q_proj", "v_proj"])
    taught = load_text(replace(sources, text_lora=str(tmp_path)))
    assert not torch.allclose(taught(phrases), plain(phrases), atol=1e-3)


def test_a_checkpoint_folder_loads_what_was_saved(folder, network):
    again = checkpoint.load(folder)
    assert again.config == network.config
    saved, loaded = network.state_dict(), again.state_dict()
    assert saved.keys() == loaded.keys()
    for name, w in saved.items():  # large tensors of the head are stored in half precision
        assert torch.allclose(loaded[name], w, atol=1e-3, rtol=1e-3), name
    assert not [n for n in load_file(folder / "model.safetensors") if n.startswith(("i2tx", "tower", "im2"))]


def test_a_picture_parses_end_to_end(folder):
    network, text = checkpoint.load(folder), checkpoint.load_text(folder)
    parser = Parser(network, text, revision=checkpoint.revision(folder), device="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (70, 100, 3), np.uint8)
    (parsing,) = parser.parse([picture], [Query(prompts=("hat", "saree"))])
    assert parser.name == "full"
    assert parsing.size == (70, 100)


def test_the_revision_covers_every_source(folder, copy):
    (folder / "sources.json").write_text(copy.to_json())
    before = checkpoint.revision(folder)
    save_file({n: w + 1 for n, w in load_file(copy.im2context).items()}, copy.im2context)
    after = checkpoint.revision(folder)
    changed(Path(copy.diffusion) / "scheduler" / "scheduler_config.json", beta_end=0.03)
    assert len({before, after, checkpoint.revision(folder)}) == 3


def test_sources_may_lie_beside_their_list(copy, tmp_path):
    (tmp_path / "sources.json").write_text(
        json.dumps({"diffusion": "copy/sd", "vision": "copy/clip", "text": "copy/clip"})
    )
    found = Sources.load(tmp_path / "sources.json")
    assert found == replace(copy, im2context=None)
    assert locate(found).im2context is None


@pytest.mark.parametrize("text", ["[]", "{", '{"diffusion": "a"}', '{"vae": "a"}', '{"diffusion": 3}'])
def test_a_malformed_list_of_sources_is_refused(tmp_path, text):
    (tmp_path / "sources.json").write_text(text)
    with pytest.raises(CheckpointError, match="no list of sources"):
        Sources.load(tmp_path / "sources.json")


def test_a_pickle_is_refused_with_the_way_to_convert_it(sources, tmp_path):
    with pytest.raises(CheckpointError, match=r"pickle.*save_file.*i2t_decoder\.safetensors"):
        locate(replace(sources, im2context=str(tmp_path / "i2t_decoder.pth")))


@pytest.mark.parametrize("place", ["unet", "adapter", "clip"])
def test_a_directory_that_holds_only_pickles_is_refused(copy, tmp_path, place):
    if place == "unet":
        weights = Path(copy.diffusion) / "unet" / "diffusion_pytorch_model.safetensors"
        weights.rename(weights.with_suffix(".bin"))
    elif place == "clip":
        weights = Path(copy.vision) / "model.safetensors"
        weights.rename(weights.with_name("pytorch_model.bin"))
    else:
        (tmp_path / "lora").mkdir()
        (tmp_path / "lora" / "adapter_model.bin").touch()
        copy = replace(copy, unet_lora=str(tmp_path / "lora"))
    with pytest.raises(CheckpointError, match=r"\.bin is a pickle"):
        load_full(copy, base=tiny_base())


def test_a_missing_file_is_named(copy):
    (Path(copy.diffusion) / "vae" / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"vae/config\.json is missing"):
        load_full(copy, base=tiny_base())
    with pytest.raises(CheckpointError, match="no directory /nowhere"):
        locate(replace(copy, vision="/nowhere"))
    with pytest.raises(CheckpointError, match=DIFFUSERS_LORA):
        locate(replace(copy, unet_lora=copy.vision))


def test_a_hub_id_that_cannot_be_fetched_is_named(copy, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="owner/name is neither a directory here nor a hub id"):
        locate(replace(copy, diffusion="owner/name"))


def test_a_weight_that_a_file_lacks_is_no_random_number(copy):
    for path, kind in (
        (Path(copy.vision) / "model.safetensors", "CLIPVisionModel"),
        (Path(copy.diffusion) / "unet" / "diffusion_pytorch_model.safetensors", "UNet2DConditionModel"),
    ):
        whole = load_file(path)
        lost = next(n for n in whole if n.startswith(("vision_model.encoder", "down_blocks")))
        save_file({n: w for n, w in whole.items() if n != lost}, path, metadata={"format": "pt"})
        with pytest.raises(CheckpointError, match=f"is no {kind}.*"):
            load_full(copy, base=tiny_base())
        save_file(whole, path, metadata={"format": "pt"})


def test_a_torn_file_is_named(copy):
    path = Path(copy.diffusion) / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="vae is no AutoencoderKL"):
        load_full(copy, base=tiny_base())


def test_widths_that_do_not_fit_name_both_files(sources, copy, tmp_path):
    narrow = write_diffusion(tmp_path / "narrow", context=64)
    with pytest.raises(CheckpointError, match=r"i2t_decoder\.safetensors.*128.*narrow/unet/config\.json.*64"):
        load_full(replace(sources, diffusion=str(narrow)), base=tiny_base())
    inpainting = write_diffusion(tmp_path / "inpainting", latents=9)
    with pytest.raises(CheckpointError, match=r"vae/config\.json.*4.*unet/config\.json.*9"):
        load_full(replace(sources, diffusion=str(inpainting)), base=tiny_base())
    weights = load_file(copy.im2context)
    weights["visual_proj.weight"] = torch.zeros(CONTEXT, 7)
    save_file(weights, copy.im2context)
    with pytest.raises(CheckpointError, match=r"patches of 7.*clip/config\.json gives 32"):
        load_full(copy, base=tiny_base())


def test_another_layout_than_stable_diffusions_is_refused(copy):
    changed(Path(copy.diffusion) / "vae" / "config.json", shift_factor=0.1)
    with pytest.raises(
        CheckpointError, match=r"vae/config\.json is not Stable Diffusion's layout: shift_factor"
    ):
        load_full(copy, base=tiny_base())


def test_a_head_of_other_widths_or_with_a_part_missing_is_refused(folder, network):
    whole = own_weights(network)
    other = {**whole, "grounding.text_project.weight": torch.zeros(16, TEXT + 1)}
    checkpoint.save(folder, network.config, other)
    with pytest.raises(CheckpointError, match=r"(?s)do not fit.*text_project"):
        checkpoint.load(folder)
    checkpoint.save(folder, network.config, {n: w for n, w in whole.items() if n != "grounding.no_object"})
    with pytest.raises(CheckpointError, match=r"not whole.*no_object"):
        checkpoint.load(folder)


def test_without_a_head_the_trained_parts_are_fresh_and_the_sources_still_load(folder):
    (folder / "model.safetensors").unlink()
    assert checkpoint.load(folder).config.name == "full"
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        checkpoint.load(folder)
