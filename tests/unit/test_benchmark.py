"""The benchmark's counting, and that stopping at the last tap changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from model.benchmark.ceilings import Ceilings
from model.benchmark.clock import Stopwatch, measure
from model.benchmark.early_exit import skipped, to_the_end
from model.benchmark.forward import counted
from model.benchmark.networks import preset, random_network, shapes_of
from model.benchmark.operations import Counter, Operation, Work, count
from model.benchmark.stages import stages, watched
from model.network.config import SpectrumConfig, full
from model.network.spectrum import Spectrum
from tests.unit.tiny_full import tiny_full
from tests.unit.tiny_network import tiny_mini

CPU = torch.device("cpu")


def whole(config: SpectrumConfig) -> SpectrumConfig:
    """With what lies behind the last tap."""
    return replace(config, diffusion=replace(config.diffusion, tail=True))


@pytest.mark.parametrize("config", [tiny_mini(), tiny_full()], ids=["mini", "full"])
@torch.inference_mode()
def test_early_exit_changes_no_bit(config):
    i2tx = random_network(whole(config), CPU).i2tx
    pixels = torch.rand(2, 3, 64, 128) * 2 - 1
    context = torch.randn(2, config.context.tokens, config.context.width)
    shift = torch.randn(2, i2tx.unet.time_embedding.linear_2.out_features)
    early, late = i2tx(pixels, context, shift), to_the_end(i2tx, pixels, context, shift)
    assert list(early) == list(late)
    assert all(torch.equal(early[name], late[name]) for name in early)


def test_half_of_the_decoder_and_the_end_of_the_unet_are_never_run():
    config = full()
    with shapes_of(lambda: Spectrum(config)) as network:
        unet, decoder = skipped(network.i2tx, (512, 512), tokens=77, context_width=1024)
    # Counted on the meta device when the design was made, in FLOP.
    assert (unet.whole / 1e12, unet.run / 1e12) == pytest.approx((0.804, 0.741), abs=0.001)
    assert (decoder.whole / 1e12, decoder.run / 1e12) == pytest.approx((2.515, 0.623), abs=0.001)
    assert decoder.share > 0.5


def test_shapes_alone_count_what_numbers_count():
    config = tiny_mini()
    network = random_network(config, CPU)
    pixels = torch.rand(1, 3, 64, 96)
    with shapes_of(lambda: Spectrum(config)) as shapes:
        counted = count(lambda: shapes(torch.zeros(1, 3, 64, 96)))
    assert counted.flop == count(lambda: network(pixels)).flop > 0


def test_operations_are_those_of_pytorchs_own_counter():
    network = random_network(tiny_mini(), CPU)
    network.tower(torch.rand(1, 3, 64, 64))
    with torch.inference_mode(), FlopCounterMode(display=False) as theirs:
        network.tower(torch.rand(1, 3, 64, 64))
    assert count(lambda: network.tower(torch.rand(1, 3, 64, 64))).flop == theirs.get_total_flops()


def test_attention_on_a_cpu_counts_its_two_products():
    query = torch.rand(1, 2, 5, 8)
    work = count(lambda: torch.nn.functional.scaled_dot_product_attention(query, query, query))
    assert work.flop == 2 * (2 * 2 * 5 * 5 * 8)


def test_each_stage_is_counted_for_itself_and_the_network_is_left_as_it_was():
    network = random_network(tiny_mini(), CPU)
    counter = Counter()
    with torch.inference_mode(), watched(network, counter.watch), counter:
        network.looks(torch.rand(1, 3, 64, 64))
    assert set(counter.stages) <= {name for name, _, _ in stages(network)}
    assert counter.whole.flop == count(lambda: network(torch.rand(1, 3, 64, 64))).flop
    assert not any({"forward", "looks"} & part.__dict__.keys() for part in network.modules())


def test_a_look_at_the_mirror_image_costs_tower_and_head_again_and_no_diffusion():
    once, twice = (
        counted(replace(tiny_mini(), mirrored=mirrored), (64, 96), 1) for mirrored in (False, True)
    )
    assert once.stages.keys() == twice.stages.keys()
    again = {name for name in once.stages if twice.stages[name].flop == 2 * once.stages[name].flop}
    same = {name for name in once.stages if twice.stages[name].flop == once.stages[name].flop}
    assert again >= {"vision tower", "pyramid", "pixel decoder", "mask decoder", "embeddings"}
    assert same >= {"IM2CONTEXT", "VAE encoder", "UNet", "VAE decoder"}


def test_the_floor_is_the_slower_of_arithmetic_and_memory_of_each_operation():
    work = Work([Operation("thick", flop=4000, bytes=10), Operation("thin", flop=10, bytes=3000)])
    assert work.floor(Ceilings(flop_per_second=2000, bytes_per_second=1000)) == pytest.approx(1000 * (2 + 3))


def test_a_stage_within_a_stage_is_not_counted_twice():
    watch = Stopwatch(CPU)
    for _ in range(2):
        with watch.watch("outer"):
            for _ in range(3):
                with watch.watch("inner"):
                    sum(range(200_000))
    totals = watch.per_call(2)
    assert totals["inner"] > totals["outer"] >= 0


def test_a_measurement_says_how_often_it_ran():
    calls: list[int] = []
    timing = measure(lambda: calls.append(1), CPU, runs=4, warm=2)
    assert (len(calls), timing.runs) == (6, 4)
    assert timing.best_ms <= timing.median_ms


def test_another_preset_is_refused():
    with pytest.raises(ValueError, match="'maxi'"):
        preset("maxi")
