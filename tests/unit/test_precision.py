"""The precision in which a network computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.network.spectrum import Spectrum
from model.parser import CheckpointError, Parser, Query
from model.precision import AUTO, PRECISIONS, chosen, multiplies_bfloat16
from tests.unit.tiny_network import hashed_text, tiny_mini, tiny_network

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_auto_takes_what_the_device_is_built_for(monkeypatch):
    for able, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: {"avx512_bf16": able})
        assert multiplies_bfloat16() == able
        assert chosen(AUTO, CPU) == expected
        assert chosen(AUTO, CUDA) == torch.float16


def test_what_is_asked_for_is_taken_whatever_the_device():
    for name in set(PRECISIONS) - {AUTO}:
        assert chosen(name, CUDA) == getattr(torch, name)
    assert chosen("bfloat16", CPU) == torch.bfloat16


@pytest.mark.parametrize("name", ["float16", "int8", "dtype", ""])
def test_what_a_cpu_has_not_is_refused(name):
    with pytest.raises(ValueError, match=name or "one of"):
        chosen(name, CPU)
    with pytest.raises(CheckpointError, match=name or "one of"):
        Parser(Spectrum(tiny_mini()), hashed_text(), device="cpu", precision=name)


@pytest.fixture(scope="module")
def network() -> Spectrum:
    return tiny_network()


def test_in_bfloat16_a_network_says_nearly_the_same_and_says_it_in_float32(network):
    image = np.random.default_rng(5).integers(0, 256, (96, 64, 3), dtype=np.uint8)
    looks = {}
    for precision in ("float32", "bfloat16"):
        parser = Parser(network, hashed_text(), device="cpu", precision=precision)
        assert parser.precision == precision
        (forwarded,) = parser.forward([image], [Query()])
        (looks[precision],) = forwarded.looks
    for exact, rounded in zip(
        (looks["float32"].masks[0], looks["float32"].z[0], looks["float32"].pixels),
        (looks["bfloat16"].masks[0], looks["bfloat16"].z[0], looks["bfloat16"].pixels),
        strict=True,
    ):
        assert exact.dtype == rounded.dtype == torch.float32
        assert 0 < (exact - rounded).norm() < 0.05 * exact.norm()


def test_in_bfloat16_the_company_of_a_batch_changes_no_more_than_rounding_does(network):
    """Which products run together depends on the threads; an untrained network would flip ties by less."""
    noise = np.random.default_rng(6)
    images = [noise.integers(0, 256, (96, 64, 3), dtype=np.uint8) for _ in range(3)]
    parser = Parser(network, hashed_text(), device="cpu", precision="bfloat16")
    together = parser.forward(images, [Query()] * 3)
    for image, among in zip(images, together, strict=True):
        (alone,) = parser.forward([image], [Query()])
        (one,), (other,) = alone.looks, among.looks
        for exact, rounded in (
            (one.masks[-1][0], other.masks[-1][among.index]),
            (one.pixels[0], other.pixels[among.index]),
            (one.z[-1][0], other.z[-1][among.index]),
        ):
            assert (exact - rounded).norm() < 0.05 * exact.norm()
