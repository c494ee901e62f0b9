"""A second look at the mirror image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.network.spectrum import Spectrum
from model.parser import Parser, Query
from model.reading.competition import compete
from model.reading.mirror import with_mirrored
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds
from model.vocabulary import resolve
from tests.unit.tiny_network import hashed_text, tiny_network

QUERIES, HEIGHT, WIDTH = 4, 5, 6


def drawn(seed: int) -> Readout:
    asked = resolve(Query(prompts=("red hat", "skin", "coat")))
    terms = len(asked.terms)
    noise = torch.Generator().manual_seed(seed)
    return Readout(
        masks=torch.randn(QUERIES, HEIGHT, WIDTH, generator=noise),
        labels=torch.randn(QUERIES, terms + 1, generator=noise).softmax(-1),
        dense=torch.randn(terms + 1, HEIGHT, WIDTH, generator=noise).softmax(0),
        terms=asked.terms,
        person=asked.person,
    )


def flipped(readout: Readout) -> Readout:
    return replace(readout, masks=readout.masks.flip(-1), dense=readout.dense.flip(-1))


def test_a_second_look_that_says_the_same_changes_no_claim():
    one = drawn(1)
    both = with_mirrored(one, flipped(one))
    # Below the clamp at 1 both are the same sums.
    small = [replace(r, labels=r.labels / 10) for r in (one, both)]
    expected, seen = (compete(r, Thresholds()) for r in small)
    assert (expected.terms == seen.terms).all()
    np.testing.assert_allclose(seen.maps, expected.maps, atol=1e-6)


def test_which_look_came_first_matters_for_persons_alone():
    one, two = drawn(1), drawn(2)
    ab, ba = with_mirrored(one, two), with_mirrored(two, one)
    torch.testing.assert_close(ab.dense, ba.dense.flip(-1))
    there, back = compete(ab, Thresholds()), compete(ba, Thresholds())
    assert (there.terms == back.terms).all()
    np.testing.assert_allclose(there.maps, back.maps[..., ::-1], atol=1e-6)
    person = ab.labels[:, ab.person]
    torch.testing.assert_close(person[:QUERIES], one.labels[:, one.person])
    assert not person[QUERIES:].any()


@pytest.fixture(scope="module")
def network() -> Spectrum:
    return tiny_network()


def test_a_mirrored_checkpoint_reads_the_mirror_image_too(network):
    image = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    seen: list[torch.Tensor] = []
    hook = network.tower.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    parser = Parser(network, hashed_text(), device="cpu")
    (plain,) = parser.forward([image], [Query()])
    assert len(seen) == len(plain.looks) == 1
    network.config = replace(network.config, mirrored=True)
    (twice,) = parser.forward([image], [Query()])
    hook.remove()
    network.config = replace(network.config, mirrored=False)
    assert len(seen) == 3
    torch.testing.assert_close(seen[2], seen[1].flip(-1))
    torch.testing.assert_close(twice.looks[0].pixels, plain.looks[0].pixels)
    assert parser.read(twice).size == image.shape[:2]


def test_the_mirror_image_is_seen_by_the_tower_and_by_nothing_else_of_the_backbone(network):
    pixels = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(9))
    with torch.inference_mode():
        network.eval()
        features = network.features(pixels)
        reflected = network.reflected(features, pixels)
        afresh = network.features(pixels.flip(-1))
    assert list(reflected) == list(features)
    for name, feature in reflected.items():
        expected = afresh[name] if name.startswith("tower.") else features[name].flip(-1)
        torch.testing.assert_close(feature, expected)
