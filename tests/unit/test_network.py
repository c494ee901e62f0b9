"""What the network promises whatever its weights: where its features come from, what cannot disturb them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from model.network.config import full
from model.network.i2tx import I2Tx
from model.network.spectrum import Spectrum
from tests.unit.tiny_full import CONTEXT, tiny_full
from tests.unit.tiny_network import tiny_mini


def built(config):
    torch.manual_seed(0)
    network = Spectrum(config)
    # The gates start at zero, and with them whatever lies behind.
    nn.init.normal_(network.conditioning.context_gate)
    nn.init.normal_(network.conditioning.time_gate)
    return network


PRESETS = pytest.mark.parametrize("config", [tiny_mini(), tiny_full()], ids=["mini", "full"])


class Entering:
    """The first tensor that enters each of these modules."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.seen: dict[str, torch.Tensor] = {}
        self.hooks = [m.register_forward_pre_hook(self.keep(name)) for name, m in modules.items()]

    def keep(self, name):
        def hook(_, given):
            self.seen.setdefault(name, given[0])  # returned, it would stand for the input

        return hook

    def __exit__(self, *_):
        for hook in self.hooks:
            hook.remove()

    def __enter__(self):
        return self.seen


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return I2Tx(tiny_full().diffusion).eval()


def tapped(i2tx):
    """The modules that the taps enter."""
    vae, unet = i2tx.vae, i2tx.unet
    return {
        "encoder.2": vae.encoder.down_blocks[2].resnets[1],
        "encoder.3": vae.encoder.down_blocks[3].resnets[1],
        **{f"unet.{i}": unet.up_blocks[i].resnets[2] for i in range(4)},
        "decoder.0": vae.decoder.up_blocks[0].resnets[2],
        "decoder.1": vae.decoder.up_blocks[1].resnets[2],
    }


@torch.no_grad()
def test_the_taps_are_what_diffusers_own_full_pass_feeds_those_blocks(backbone):
    pixels, context = torch.rand(2, 3, 64, 128) * 2 - 1, torch.randn(2, 5, CONTEXT)
    shift = torch.randn(2, backbone.unet.time_embedding.linear_2.out_features)
    ours = backbone(pixels, context, shift)
    vae, unet = backbone.vae, backbone.unet
    add = unet.time_embedding.register_forward_hook(lambda *passed: passed[-1] + shift)
    with Entering(tapped(backbone)) as theirs:
        latent = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
        x_t = backbone.diffuse(latent)
        unet(x_t, 0, context)
        vae.decode(x_t / vae.config.scaling_factor)
    add.remove()
    assert ours.keys() == theirs.keys()
    for name, feature in ours.items():
        torch.testing.assert_close(feature, theirs[name], atol=1e-6, rtol=1e-6, msg=name)


@torch.no_grad()
def test_each_tap_has_the_channels_and_stride_that_the_pyramid_expects(backbone):
    zeros = torch.zeros(1, backbone.unet.time_embedding.linear_2.out_features)
    features = backbone(torch.zeros(1, 3, 64, 128), torch.zeros(1, 5, CONTEXT), zeros)
    taps = I2Tx.taps(tiny_full().diffusion)
    assert [t.name for t in taps] == list(tapped(backbone))
    for tap in taps:
        assert features[tap.name].shape == (1, tap.channels, 64 // tap.stride, 128 // tap.stride), tap


def test_fulls_taps_are_the_papers():
    assert [(t.name, t.channels, t.stride) for t in I2Tx.taps(full().diffusion)] == [
        ("encoder.2", 512, 4),
        ("encoder.3", 512, 8),
        ("unet.0", 2560, 64),
        ("unet.1", 1920, 32),
        ("unet.2", 960, 16),
        ("unet.3", 640, 8),
        ("decoder.0", 512, 8),
        ("decoder.1", 512, 4),
    ]


@torch.no_grad()
def test_nothing_after_the_last_tap_runs():
    network = built(tiny_full()).eval()
    vae, unet = network.i2tx.vae, network.i2tx.unet
    behind = {
        "last resnet": unet.up_blocks[3].resnets[2],
        "last attention": unet.up_blocks[3].attentions[2],
        "unet norm": unet.conv_norm_out,
        "unet out": unet.conv_out,
        "decoder stage": vae.decoder.up_blocks[1].resnets[2],
        "decoder upsampler": vae.decoder.up_blocks[1].upsamplers[0],
        "decoder 256": vae.decoder.up_blocks[2].resnets[0],
        "decoder 512": vae.decoder.up_blocks[3].resnets[0],
        "decoder norm": vae.decoder.conv_norm_out,
        "decoder out": vae.decoder.conv_out,
    }
    before = {"decoder tap": vae.decoder.up_blocks[1].resnets[1], "unet tap": unet.up_blocks[3].attentions[1]}
    with Entering({**behind, **before}) as entered:
        network(torch.rand(1, 3, 64, 64))
    assert set(entered) == set(before)


@PRESETS
def test_a_checkpoint_without_the_tail_parses_the_same(config):
    """What lies behind the last tap may be left out of a checkpoint."""
    config = replace(config, diffusion=replace(config.diffusion, tail=True))
    network = built(config).eval()
    pixels = torch.rand(1, 3, 64, 128)
    with torch.no_grad():
        whole = network(pixels)
        network.i2tx.drop_tail()
        rest = network(pixels)
    assert torch.equal(whole.masks[-1], rest.masks[-1])
    assert torch.equal(whole.z[-1], rest.z[-1])


@PRESETS
@torch.no_grad()
def test_a_picture_goes_through_to_masks_and_embeddings(config):
    network = built(config).eval()
    out = network(torch.rand(1, 3, 64, 128))
    assert out.masks[-1].shape == (1, config.head.queries, 16, 32)
    assert out.z[-1].shape == (1, config.head.queries, config.head.embedding)
    assert out.pixels.shape == (1, 16, 32, config.head.embedding)
    text = network.grounding.text(torch.randn(3, config.text.width))
    assert network.grounding.logits(out.z[-1], text).shape == (1, config.head.queries, 4)
    assert all(torch.isfinite(t).all() for t in (*out.masks, *out.z, out.pixels))


@PRESETS
@torch.no_grad()
def test_batching_changes_no_mask(config):
    network = built(config).eval()
    pixels = torch.rand(2, 3, 64, 128)
    pixels[1] = pixels[1] ** 3  # two pictures of different brightness
    together = network(pixels).masks[-1]
    for i in range(2):
        torch.testing.assert_close(network(pixels[i : i + 1]).masks[-1][0], together[i], atol=1e-4, rtol=0)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


@PRESETS
@torch.no_grad()
def test_batching_changes_no_embedding(config):
    """In float64: a mask that pools by a threshold may drop a pixel for the last bit of a float32."""
    network = built(config).double().eval()
    pixels = torch.rand(2, 3, 64, 128).double()
    together = network(pixels)
    for i in range(2):
        alone = network(pixels[i : i + 1])
        torch.testing.assert_close(alone.z[-1][0], together.z[-1][i], atol=1e-6, rtol=0)
        torch.testing.assert_close(alone.pixels[0], together.pixels[i], atol=1e-6, rtol=0)


@PRESETS
def test_no_parameter_is_without_a_gradient_in_the_parsing_stage(config):
    network = built(config).train()
    network.train_only_parsing()
    out = network(torch.rand(1, 3, 256, 128))  # smaller, the UNet's coarsest attention has one token
    text = network.grounding.text(torch.randn(3, config.text.width))
    seen = [network.grounding.logits(v, text) for v in (*out.z, out.pixels)]
    sum((t * torch.randn_like(t)).sum() for t in (*out.masks, *seen)).backward()
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    assert trained
    assert not [name for name, p in trained.items() if p.grad is None or not p.grad.abs().max() > 0]
    assert not [name for name, p in network.named_parameters() if not p.requires_grad and p.grad is not None]


def test_full_trains_its_own_parts_and_nothing_of_the_backbone():
    network = built(tiny_full())
    network.train_only_parsing()
    parts = {name.partition(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert parts == {"conditioning", "pyramid", "decoder", "embed", "grounding"}


@pytest.mark.parametrize(
    "config",
    [
        replace(tiny_mini(), use_context=False),
        replace(tiny_mini(), use_unet=False),
        replace(tiny_full(), use_context=False),
    ],
    ids=["mini without C", "mini without UNet", "full without C"],
)
def test_an_ablation_runs_and_trains_what_it_keeps(config):
    network = built(config).train()
    network.train_only_parsing()
    out = network(torch.rand(1, 3, 64, 128))
    sum((t * torch.randn_like(t)).sum() for t in (*out.masks, *out.z, out.pixels)).backward()
    silent = {n for n, p in network.named_parameters() if p.requires_grad and p.grad is None}
    assert not [name for name in silent if not name.startswith("grounding.")]


@torch.no_grad()
def test_without_context_the_unet_hears_nothing_of_the_picture():
    network = built(replace(tiny_full(), use_context=False)).eval()
    seen = network.tower(torch.rand(2, 3, 64, 64))
    context, shift = network.condition(seen)
    assert not context.any() and not shift.any()
    told, moved = built(tiny_full()).eval().condition(seen)
    assert told.any() and moved.any()


@torch.no_grad()
def test_gates_at_zero_leave_the_context_to_im2context():
    torch.manual_seed(0)
    network = Spectrum(tiny_full()).eval()
    seen = network.tower(torch.rand(1, 3, 64, 64))
    context, shift = network.condition(seen)
    assert torch.equal(context, network.im2context(seen.patches))
    assert not shift.any()


@torch.no_grad()
def test_a_backbone_in_half_precision_answers_nearly_the_same_in_float32():
    network = built(tiny_full()).eval()
    pixels = torch.rand(1, 3, 64, 64)
    exact = network(pixels)
    network.lower_backbone(torch.float16)
    rough = network(pixels)
    assert rough.masks[-1].dtype == rough.z[-1].dtype == rough.pixels.dtype == torch.float32
    assert network.i2tx.unet.conv_in.weight.dtype == torch.float16
    # Masks decide by a threshold which pixels a query reads, so a little noise moves single ones far.
    correlation = torch.corrcoef(torch.stack([exact.pixels.flatten(), rough.pixels.flatten()]))[0, 1]
    assert correlation > 0.98


def test_full_without_the_unet_still_has_every_stride_of_its_pyramid():
    network = Spectrum(replace(tiny_full(), use_unet=False))
    assert not {"unet.0", "unet.1", "unet.2", "unet.3"} & set(network.pyramid.stride_of)
    assert set(network.pyramid.strides) == {4, 8, 16, 32}
    assert set(network.pyramid.stride_of.values()) == {4, 8}
