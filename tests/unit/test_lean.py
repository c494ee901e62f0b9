"""The lean parts give what the libraries' give, for the same weights, and load without them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler
from transformers import AutoModel, AutoTokenizer

from model import checkpoint
from model.benchmark.networks import random_network
from model.network.config import full, mini
from model.network.efficientnet import EfficientNetLite0
from model.network.i2tx import SCHEDULE, signal_kept
from model.network.lean.blocks import Down
from model.network.serving import is_lean, lean_network
from model.network.towers import minilm, minilm_folder
from tests.unit.tiny_full import tiny_full
from tests.unit.tiny_network import tiny_mini

CPU = torch.device("cpu")
MANY = replace(
    tiny_mini(), head=replace(tiny_mini().head, decoder_layers=5, pixel_layers=2, queries=9, coordinates=0)
)


def close(ours, theirs, tolerance=1e-4):
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) <= tolerance * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize(
    ("around", "width"), [(a, w) for a in (True, False) for w in (2, 3, 4, 5)] + [(True, 1)]
)
@torch.inference_mode()
def test_a_narrow_map_is_halved_without_what_lies_beside_it(around, width):
    down, x = Down(8, around=around), torch.rand(1, 8, 12, width)
    theirs = F.conv2d(F.pad(x, (1, 1, 1, 1) if around else (0, 1, 0, 1)), down.conv.weight, down.conv.bias, 2)
    close(down(x), theirs)


@torch.inference_mode()
def test_in_bfloat16_a_narrow_picture_is_finite():
    """Memory is filled with what is no number before each call, as another call might have left it."""
    narrow = Down(96, around=True)
    narrow.conv.weight.data = narrow.conv.weight.data.bfloat16()
    for _ in range(8):
        x = torch.rand(1, 96, 12, 2, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
        litter = [torch.full((size,), float("nan"), dtype=torch.bfloat16) for size in (64, 2304, 27648) * 6]
        del litter
        with torch.autocast("cpu", torch.bfloat16):
            assert narrow(x).isfinite().all()


@pytest.mark.parametrize("config", [tiny_mini(), MANY], ids=["tiny", "more layers"])
@torch.inference_mode()
def test_a_lean_network_answers_as_the_libraries_do(config):
    whole = random_network(config, CPU, seed=2)
    lean = lean_network(config, whole.state_dict())
    pixels = torch.rand(2, 3, 64, 96)
    ours, theirs = lean(pixels), whole(pixels)
    close(ours.masks[-1], theirs.masks[-1])
    close(ours.z[-1], theirs.z[-1])
    close(ours.pixels, theirs.pixels)
    for name, feature in whole.features(pixels).items():
        close(lean.features(pixels)[name], feature)


@torch.inference_mode()
def test_the_shipped_network_answers_as_the_libraries_do():
    folder = Path("model/weights/mini")
    lean, whole = checkpoint.load(folder, serving=True), checkpoint.load(folder)
    assert type(lean.decoder) is not type(whole.decoder)
    pixels = torch.rand(1, 3, 128, 96, generator=torch.Generator().manual_seed(0))
    ours, theirs = lean(pixels), whole(pixels)
    close(ours.pixels, theirs.pixels)
    assert ((ours.masks[-1] > 0) == (theirs.masks[-1] > 0)).float().mean() > 0.999


def test_only_the_layouts_that_are_known_are_lean():
    assert is_lean(mini())
    assert is_lean(tiny_mini())
    assert not is_lean(full())
    assert not is_lean(tiny_full())
    odd = replace(mini().diffusion, unet={**mini().diffusion.unet, "use_linear_projection": False})
    assert not is_lean(replace(mini(), diffusion=odd))


def test_weights_that_do_not_fit_are_refused(tmp_path):
    config = tiny_mini()
    weights = random_network(config, CPU).state_dict()
    del weights["i2tx.unet.conv_in.weight"]
    checkpoint.save(tmp_path, config, weights)
    with pytest.raises(checkpoint.CheckpointError, match=r"conv_in\.weight"):
        checkpoint.load(tmp_path, serving=True)


@torch.inference_mode()
def test_folded_norms_change_nothing_but_rounding():
    torch.manual_seed(0)
    body = EfficientNetLite0().eval()
    for part in body.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            part.weight.normal_()
            part.bias.normal_()
    pixels = torch.randn(1, 3, 64, 64)
    before = body(pixels)
    body.fold()
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in body.modules())
    for stride, after in body(pixels).items():
        close(after, before[stride])


@torch.inference_mode()
def test_phrases_are_embedded_as_transformers_embeds_them():
    phrases = ["a photo of a red saree, a long draped garment", "face", "umbrella " * 150]
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder(), local_files_only=True)
    bert = AutoModel.from_pretrained(minilm_folder(), local_files_only=True).eval()
    batch = tokenizer(phrases, padding=True, truncation=True, max_length=128, return_tensors="pt")
    mask = batch["attention_mask"][..., None].float()
    theirs = (bert(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
    close(minilm()(phrases), torch.nn.functional.normalize(theirs, dim=-1), 1e-5)


@pytest.mark.parametrize(
    "schedule",
    [
        SCHEDULE,
        {**SCHEDULE, "rescale_betas_zero_snr": True},
        {"beta_start": 0.001, "beta_schedule": "linear"},
    ],
    ids=["Stable Diffusion's", "without a rest of signal", "another"],
)
def test_the_noise_schedule_is_the_librarys(schedule):
    close(signal_kept(schedule), DDPMScheduler(**schedule).alphas_cumprod, 1e-6)


def test_serving_mini_loads_neither_transformers_nor_diffusers():
    program = (
        "import sys; from model.parser import Parser; Parser.load(device='cpu').warm_up();"
        "heavy = {'transformers', 'diffusers', 'peft', 'torch._dynamo', 'sympy'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
