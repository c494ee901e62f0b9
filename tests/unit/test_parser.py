"""The door: sizes, batching, and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.network.config import LONGEST
from model.network.spectrum import Spectrum
from model.parser import CheckpointError, Parser, Parsing, Query
from model.reading.thresholds import Thresholds
from tests.unit.tiny_network import hashed_text, tiny_mini

SIZES = st.integers(1, 9000)


@pytest.fixture(scope="module")
def parser() -> Parser:
    torch.manual_seed(3)
    network = Spectrum(tiny_mini())
    # A random 'no object' and a person who is always likely, so that answers are not all empty.
    with torch.no_grad():
        network.grounding.no_object.copy_(-network.grounding.text(hashed_text()(["a photo of a person"]))[0])
    easy = Thresholds(person=0.0, person_compact=0.0)  # an untrained network is sure of nobody
    return Parser(network, hashed_text(), device="cpu", thresholds=easy)


def picture(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(SIZES, SIZES)
@settings(max_examples=200, deadline=None)
def test_the_network_input_is_bounded_and_on_the_grid(width, height):
    torch.manual_seed(0)
    tall, wide = CHEAP.input_size(width, height)
    config = CHEAP.config
    assert tall % config.multiple == wide % config.multiple == 0
    assert min(tall, wide) >= config.multiple
    assert max(tall, wide) <= LONGEST * config.max_long_side
    # Rounding adds at most half a step to a side, and a side has one step at least.
    step = config.multiple
    most = config.short_side * config.max_long_side
    assert (tall - step) * (wide - step) <= most
    assert tall * wide <= most + step * (tall + wide)
    assert CHEAP.cost(width, height) == tall * wide


CHEAP = Parser(Spectrum(tiny_mini()), hashed_text(), device="cpu")


@pytest.mark.parametrize(
    ("size", "entered"),
    [
        ((384, 576), (384, 256)),
        ((1024, 384), (256, 672)),
        ((3072, 384), (128, 1152)),
        ((384, 3072), (1152, 128)),
        ((65_535, 1), (32, 1280)),
    ],
)
def test_a_row_of_people_keeps_its_height_for_the_same_work(size, entered):
    config = replace(tiny_mini(), short_side=256, max_long_side=640)
    assert Parser(Spectrum(config), hashed_text(), device="cpu").input_size(*size) == entered


def test_sharing_a_batch_changes_no_answer(parser):
    pictures = [picture(s, *size) for s, size in enumerate([(96, 64), (96, 64), (64, 96), (30, 200)])]
    queries = [
        Query(),
        Query(prompts=("red hat", "skin")),
        Query(caption="a woman in a long green coat"),
        Query(),
    ]
    together = parser.parse(pictures, queries)
    assert any(answer.persons for answer in together)
    for image, query, shared in zip(pictures, queries, together, strict=True):
        (alone,) = parser.parse([image], [query])
        assert (alone.segment_map == shared.segment_map).mean() > 0.999
        assert (alone.person_map == shared.person_map).mean() > 0.999
        assert [s.label for s in alone.segments] == [s.label for s in shared.segments]


def test_calls_from_two_threads_change_no_answer(parser):
    pictures = [picture(seed, 96, 64 + 16 * (seed % 2)) for seed in range(6)]
    queries = [Query(prompts=("red hat", f"coat number {seed}")) for seed in range(6)]

    def both_halves(start: int) -> list[Parsing]:
        chosen = slice(start, start + 3)
        return [parser.read(one) for one in parser.forward(pictures[chosen], queries[chosen], 2)]

    one_by_one = [parser.parse([image], [query])[0] for image, query in zip(pictures, queries, strict=True)]
    with ThreadPoolExecutor(2) as threads:
        together = [answer for part in threads.map(both_halves, (0, 3)) for answer in part]
    for alone, shared in zip(one_by_one, together, strict=True):
        assert (alone.segment_map == shared.segment_map).mean() > 0.999
        assert [s.label for s in alone.segments] == [s.label for s in shared.segments]
        assert shared.timings_ms.keys() == {"preprocess", "forward", "postprocess"}


def test_a_call_takes_its_share_of_the_threads_and_the_next_one_all(parser):
    whole = parser.threads
    parser.forward([picture(0, 64, 64)], [Query()], 10_000)
    assert torch.get_num_threads() == 1
    parser.parse([picture(0, 64, 64)], [Query()])
    assert torch.get_num_threads() == whole


def test_the_same_question_gets_the_same_answer(parser):
    image = picture(1, 80, 60)
    first, second = (parser.parse([image], [Query()])[0] for _ in range(2))
    assert np.array_equal(first.segment_map, second.segment_map)
    assert first.segments == second.segments


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (700, 2), (64, 64)])
def test_maps_have_the_size_of_the_picture(parser, size):
    (answer,) = parser.parse([picture(0, *size)], [Query()])
    assert answer.segment_map.shape == answer.person_map.shape == answer.size == size


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(parser, wrong):
    with pytest.raises(ValueError, match="picture must be"):
        parser.parse([wrong], [Query()])


def test_a_query_for_each_picture(parser):
    with pytest.raises(ValueError, match="1 pictures and 2 queries"):
        parser.parse([picture(0, 8, 8)], [Query(), Query()])


def test_unmatched_prompts_are_the_callers_own(parser):
    (answer,) = parser.parse([picture(0, 64, 64)], [Query(prompts=("saree", "wizard hat"))])
    found = {segment.label for segment in answer.segments}
    assert set(answer.unmatched_prompts) == {"saree", "wizard hat"} - found
    assert found <= {"saree", "wizard hat"}
    (default,) = parser.parse([picture(0, 64, 64)], [Query()])
    assert default.unmatched_prompts == ()


def test_text_is_embedded_once():
    calls: list[list[str]] = []
    tower = hashed_text()
    inner = tower._encode

    def counting(phrases):
        calls.append(phrases)
        return inner(phrases)

    tower._encode = counting
    counted = Parser(Spectrum(tiny_mini()), tower, device="cpu")
    for _ in range(2):
        counted.parse([picture(0, 64, 64)], [Query(prompts=("red hat",))])
    embedded = [phrase for call in calls for phrase in call]
    assert len(embedded) == len(set(embedded)) > 0


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(CheckpointError, match="cuda:77"):
        Parser(Spectrum(tiny_mini()), hashed_text(), device="cuda:77")
