"""`full` at its real sizes on a GPU, with random weights: what a CPU is too slow to show."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from model.network.config import full
from model.network.spectrum import Spectrum

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(),
        reason="needs a CUDA device with 12 GiB for two billion parameters, once in float32",
    ),
]


def built(config, device):
    """Random weights, gates open."""
    torch.manual_seed(0)
    with torch.device(device):
        network = Spectrum(config)
    for gate in (network.conditioning.context_gate, network.conditioning.time_gate):
        nn.init.normal_(gate)
    return network.eval().requires_grad_(False)


def picture(height, width, device):
    """Smooth, as photographs are: noise alone would drive a random network far from what it ever sees."""
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return F.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1).to(device)


def likeness(exact, rough):
    """Mean cosine of each pixel's two embeddings."""
    return float(F.cosine_similarity(exact.float(), rough.float(), dim=-1).mean())


@pytest.fixture(scope="module")
def seen():
    """Taps and output at 256 x 256 in float32, then the same network with its backbone in float16."""
    network = built(full(), "cuda")
    small = picture(256, 256, "cuda")
    with torch.inference_mode():
        taps, out = network.features(small), network(small)
    return network.lower_backbone(torch.float16), taps, out


@torch.inference_mode()
def test_a_picture_of_512_squared_is_finite_in_half_precision(seen):
    network, _, _ = seen
    out = network(picture(512, 512, "cuda"))
    assert out.masks[-1].shape == (1, 100, 128, 128)
    assert out.pixels.shape == (1, 128, 128, 256)
    assert all(bool(torch.isfinite(t).all()) for t in (*out.masks, *out.z, out.pixels))


@torch.inference_mode()
def test_half_precision_agrees_with_float32(seen):
    network, taps, exact = seen
    small = picture(256, 256, "cuda")
    rough = network.features(small.half())
    for name, feature in taps.items():
        error = (rough[name].float() - feature).norm() / feature.norm()
        assert float(error) < 0.05, (name, float(error))
    assert likeness(exact.pixels, network(small).pixels) > 0.99


@torch.inference_mode()
def test_batching_changes_no_mask_in_half_precision(seen):
    network, _, _ = seen
    pair = torch.cat([picture(256, 256, "cuda"), picture(256, 256, "cuda") ** 3])
    together, alone = network(pair), network(pair[:1])
    agree = ((together.masks[-1][0] > 0) == (alone.masks[-1][0] > 0)).float().mean()
    assert float(agree) > 0.98
