"""The peers: sizes as published, turns with `mini`, what is missing or too large, and ODISE's way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.benchmark.early_exit import to_the_end
from model.benchmark.forward import Effort
from model.benchmark.networks import shapes_of
from model.benchmark.operations import count
from model.benchmark.peers.odise import OdiseLike, windows
from model.benchmark.peers.ours import OURS
from model.benchmark.peers.peer import Peer, Task, entered
from model.benchmark.peers.run import Order, rounds, rows
from model.benchmark.peers.segmenters import PEERS
from model.network.config import SpectrumConfig, TextConfig
from model.parser import Parser
from tests.unit.tiny_full import CONTEXT, TEXT, tiny_full

CPU = torch.device("cpu")
QUICK = Effort(runs=2, seconds=5)
PICTURE = np.full((32, 32, 3), 127, np.uint8)


def one_layer():
    layer = torch.nn.Conv2d(3, 4, 1)
    return layer, lambda task: layer(task.pixels)


@pytest.mark.parametrize("peer", [p for p in PEERS if p.published], ids=lambda p: p.name)
def test_a_peer_has_the_published_number_of_parameters(peer):
    with shapes_of(lambda: peer.build()[0]) as model:
        millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert millions == pytest.approx(peer.published, rel=0.05)


def test_a_peer_takes_turns_with_mini_and_is_counted():
    mini, peer = rows(Order(PICTURE, 2, None, QUICK), CPU, [Peer("one layer", "nothing", one_layer)])
    assert (mini["peer"], mini["ratio"]) == ("mini", 1)
    assert peer["GFLOP"] == pytest.approx(2 * 3 * 4 * 32 * 32 / 1e9)
    assert peer["M params"] == pytest.approx(16e-6)
    assert (peer["input"], peer["rounds"]) == ("32x32", 2)
    assert 0 < peer["ratio"] < 1


def test_who_goes_first_changes_from_round_to_round():
    calls: list[str] = []
    rounds(lambda: calls.append("peer"), lambda: calls.append("mini"), CPU, Effort(runs=3, seconds=60))
    assert calls == ["mini", "peer", "peer", "mini", "mini", "peer"]


def test_a_peer_that_transformers_does_not_have_is_told_as_missing():
    peer = Peer("one layer", "nothing", one_layer, classes=("NoSuchModel",))
    _, row = rows(Order(PICTURE, 1, None, QUICK), CPU, [peer])
    assert row["ms"] is None
    assert "not in this transformers: NoSuchModel" in row["remark"]


def test_what_is_too_large_for_a_cpu_is_counted_and_run_only_by_name():
    peer = Peer("one layer", "nothing", one_layer, large=True)
    _, counted = rows(Order(PICTURE, 1, None, QUICK), CPU, [peer])
    assert (counted["ms"], counted["GFLOP"]) == (None, pytest.approx(2 * 3 * 4 * 32 * 32 / 1e9))
    assert "counted only" in counted["remark"]
    _, run = rows(Order(PICTURE, 1, ["ONE"], QUICK), CPU, [peer])
    assert run["ms"] > 0


def test_the_largest_peers_are_not_run_unasked():
    assert {peer.name for peer in OURS if peer.large} == {
        "full", "full in bfloat16", "ODISE-like", "ODISE-like, not enlarged",
    }  # fmt: skip


def test_mini_is_measured_as_it_is_served():
    mini = rows(Order(PICTURE, 1, None, QUICK), CPU, [])[0]
    network = Parser.load().network
    assert mini["M params"] == pytest.approx(sum(p.numel() for p in network.parameters()) / 1e6)


def test_a_peer_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="u-net names none of"):
        rows(Order(PICTURE, 1, ["u-net"], QUICK), CPU)


def test_windows_cover_a_picture():
    assert windows((512, 512), 512) == [(0, 0, 512)]
    assert windows((512, 768), 512) == [(0, 0, 512), (0, 256, 512)]
    assert windows((900, 400), 512) == [(0, 0, 400), (400, 0, 400), (500, 0, 400)]
    assert windows((1024, 1024), 512) == [(0, 0, 512), (0, 512, 512), (512, 0, 512), (512, 512, 512)]


def test_a_picture_enters_a_peer_at_its_own_size_a_fixed_one_or_a_short_side():
    sizes = [
        Peer("any", "nothing", one_layer, size=size, short_side=short).entered((400, 600))
        for size, short in ((None, None), ((64, 64), None), (None, 1024))
    ]
    assert sizes == [(400, 600), (64, 64), (1024, 1536)]
    assert entered((100, 1000), 1024) == (256, 2560)


def tiny_odise() -> SpectrumConfig:
    """Its text encoder's hidden width is the context's, as with Stable Diffusion's."""
    clip = {
        "hidden_size": CONTEXT, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": 8, "vocab_size": 16, "projection_dim": TEXT, "eos_token_id": 1,
    }  # fmt: skip
    return replace(tiny_full(), text=TextConfig(kind="clip", width=TEXT, gloss=False, clip=clip))


def test_odises_way_can_be_built_without_its_memory():
    with torch.device("meta"):
        model = OdiseLike(tiny_odise(), rank=2)
    real = sum(weight.numel() for weight in model.parameters() if not weight.is_meta)
    assert real <= 3 * model.network.config.head.hidden  # one that transformers always makes for real


@torch.inference_mode()
def test_odises_way_gives_a_map_of_the_whole_picture_and_costs_a_pass_for_each_crop():
    torch.manual_seed(0)
    model = OdiseLike(tiny_odise(), rank=2)
    square, wide = (Task(torch.rand(1, 3, 64, width), prompts=5) for width in (64, 96))
    (out,) = model(wide)
    assert out.shape == (6, 16, 24)
    assert out.isfinite().all()
    backbone = count(lambda: model.backbone(square.pixels)).flop
    assert count(lambda: model.pyramid(wide.pixels)).flop > 2 * backbone


@torch.inference_mode()
def test_odises_way_enlarges_a_picture_and_reads_it_in_windows():
    torch.manual_seed(0)
    model = OdiseLike(tiny_odise(), rank=2, short_side=128)
    task = Task(torch.rand(1, 3, 64, 64), prompts=5)
    (out,) = model(task)
    assert out.shape == (6, 32, 32)
    side = model.network.config.short_side
    passes = len(windows((128, 128), side))
    assert passes == (128 // side) ** 2 > 1
    backbone = count(lambda: model.backbone(task.pixels[..., :side, :side])).flop
    assert count(lambda: model(task)).flop > passes * backbone


@torch.inference_mode()
def test_odises_way_reads_the_same_features_from_the_same_condition():
    torch.manual_seed(0)
    model = OdiseLike(tiny_odise(), rank=2)
    network, pixels = model.network, torch.rand(1, 3, 64, 64)
    seen = model.backbone(pixels)
    context, shift = network.conditioning(model.empty(1, CPU), network.tower(pixels).cls)
    early = network.i2tx(pixels * 2 - 1, context, shift)
    late = to_the_end(network.i2tx, pixels * 2 - 1, context, shift)
    for name, tap in early.items():
        assert torch.equal(tap, late[name])
        assert torch.allclose(tap, seen[name], atol=1e-4)
