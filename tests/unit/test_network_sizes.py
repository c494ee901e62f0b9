"""The presets' sizes, counted on the meta device: nothing is allocated."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from model.network.config import SpectrumConfig, full, mini
from model.network.spectrum import Spectrum
from model.network.towers import clip_text_model

MILLION = 1e6


@pytest.fixture(scope="module")
def network():
    with torch.device("meta"):
        network = Spectrum(full())
    network.train_only_parsing()
    return network


def trained(network):
    """Trainable parameters by part, numbers."""
    parts: Counter[str] = Counter()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            parts[".".join(name.split(".")[:2])] += parameter.numel()
    return parts


def numbers(module):
    return sum(p.numel() for p in module.parameters())


def told(parts):
    """A table for whoever reads the failure."""
    rows = [f"{name:32}{count:>14,}" for name, count in parts.items()]
    return "\n".join(["", *rows, f"{'in all':32}{sum(parts.values()):>14,}"])


def test_full_trains_as_many_parameters_as_the_paper(network):
    parts = trained(network)
    assert sum(parts.values()) == pytest.approx(29.55 * MILLION, abs=0.1 * MILLION), told(parts)


def test_each_trained_part_counts_what_its_closed_form_says(network):
    """The parts as ODISE sizes them, from widths alone; one number of each deviation is spelled out."""
    linear = lambda a, b: a * b + b  # noqa: E731
    mlp = 3 * linear(256, 256)
    norm = 2 * 256
    # 1x1 to 128, 3x3, 1x1 to 512, each with a group norm; a projected shortcut where the width changes.
    bottleneck = lambda a: (  # noqa: E731
        a * 128 + 9 * 128 * 128 + 128 * 512 + 4 * 128 + 2 * 512 + (a * 512 + 2 * 512 if a != 512 else 0)
    )
    deformable = linear(256, 8 * 3 * 4 * 2) + linear(256, 8 * 3 * 4) + 2 * linear(256, 256)
    encoder = deformable + linear(256, 1024) + linear(1024, 256) + 2 * norm
    attention = 4 * linear(256, 256)
    decoder = 2 * attention + linear(256, 2048) + linear(2048, 256) + 3 * norm
    expected = {
        "conditioning": linear(1280, 1024) + 2 * 77 * 1024 + linear(1280, 1280) + 2 * 1280,
        "pyramid": 4 * bottleneck(512) + sum(map(bottleneck, (2560, 1920, 960, 640))),
        "decoder": (
            3 * (linear(512, 256) + norm)  # into the deformable layers
            + 6 * encoder
            + 3 * 256  # level embedding
            + (512 * 256 + norm)  # the finest map joins from the side
            + (9 * 256 * 256 + norm)
            + linear(256, 256)  # mask features
            + 9 * decoder
            + norm
            + 2 * 100 * 256  # queries and their positions
            + 3 * 256  # level embedding
            + mlp  # mask kernel
        ),
        "embed": norm + linear(256, 256) + norm + mlp,
        # ODISE has a two-way classifier of each query here (514 numbers); we one learned 'no object' (256).
        "grounding": linear(1024, 256) + 256 + 1,
    }
    found: Counter[str] = Counter()
    for name, count in trained(network).items():
        found[name.partition(".")[0]] += count
    assert dict(found) == expected
    assert sum(expected.values()) - 256 + 514 == 29_548_227


def test_full_counts_two_billion_in_all(network):
    with torch.device("meta"):
        text = clip_text_model(full().text)
    parts = {
        "UNet": numbers(network.i2tx.unet),
        "VAE": numbers(network.i2tx.vae),
        "CLIP-H vision": numbers(network.tower),
        "IM2CONTEXT": numbers(network.im2context),
        "OpenCLIP-H text": numbers(text),
        "trained": sum(trained(network).values()),
    }
    assert sum(parts.values()) == pytest.approx(2.00e9, abs=0.01e9), told(parts)
    for name, millions in {"UNet": 865.9, "VAE": 83.7, "IM2CONTEXT": 39.2, "OpenCLIP-H text": 354.0}.items():
        assert parts[name] == pytest.approx(millions * MILLION, abs=0.05 * MILLION), told(parts)
    # 632.1 with the projection into the space shared with text, which nothing here reads.
    assert parts["CLIP-H vision"] + 1280 * 1024 == pytest.approx(632.1 * MILLION, abs=0.05 * MILLION)


def test_mini_stays_small():
    with torch.device("meta"):
        network = Spectrum(mini())
    assert numbers(network) <= 24 * MILLION


@pytest.mark.parametrize("preset", [mini, full])
def test_a_config_survives_its_file(preset):
    assert SpectrumConfig.from_json(preset().to_json()) == preset()


def test_a_config_written_before_a_setting_existed_still_loads():
    import json

    raw = json.loads(mini().to_json())
    del raw["diffusion"]["schedule"], raw["context"]["gate_per_token"], raw["head"]["mask_embedding"]
    assert SpectrumConfig.from_json(json.dumps(raw)) == mini()


def test_a_config_with_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="colour"):
        SpectrumConfig.from_json(mini().to_json().replace('"name"', '"colour"'))
