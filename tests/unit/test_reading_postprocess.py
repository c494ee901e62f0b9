"""What a readout becomes: persons, numbered segments, scores, and maps at the picture's size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.parsing import Kind, Parsing
from model.reading.competition import compete
from model.reading.enlarge import Frame, winners
from model.reading.postprocess import read
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds
from tests.unit.reading_scenes import PERSON, Asked, Someone, asked, scene

WHOLE = Someone((2, 2, 22, 10))
SHIRT, JEANS, BAG = (
    asked("shirt", "clothing", "upper body", "shirt"),
    asked("jeans"),
    asked("bag", "accessory"),
)


def gray(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 128, np.uint8)


def labels_of(parsing: Parsing) -> list[tuple[str, int]]:
    return [(s.label, s.person_id) for s in parsing.segments]


def assert_sound(parsing: Parsing, size: tuple[int, int]) -> None:
    """What holds for every parsing, whatever the network said."""
    assert parsing.size == parsing.person_map.shape == size
    assert parsing.segment_map.dtype == parsing.person_map.dtype == np.uint16
    for things, ids in ((parsing.segments, parsing.segment_map), (parsing.persons, parsing.person_map)):
        assert [thing.id for thing in things] == list(range(1, len(things) + 1))
        assert set(np.unique(ids)) - {0} == {thing.id for thing in things}
        for thing in things:
            rows, columns = np.nonzero(ids == thing.id)
            left, top = columns.min(), rows.min()
            assert thing.area == len(rows)
            assert thing.bbox == (left, top, columns.max() - left + 1, rows.max() - top + 1)
            assert 0.0 <= thing.score <= 1.0
    listed = [number for person in parsing.persons for number in person.segments]
    assert sorted(listed) == [segment.id for segment in parsing.segments]
    for segment in parsing.segments:
        assert segment.id in parsing.persons[segment.person_id - 1].segments
        owners = np.unique(parsing.person_map[parsing.segment_map == segment.id])
        assert owners.tolist() == [segment.person_id]
        assert sum(color.coverage for color in segment.colors) <= 1.0


def test_a_dressed_person_comes_back_with_what_it_wears():
    readout = scene((24, 12), [WHOLE], [(0, (6, 2, 12, 10)), (1, (12, 2, 20, 10))], [SHIRT, JEANS])
    parsing = read(readout, gray(96, 48))
    assert_sound(parsing, (96, 48))
    assert labels_of(parsing) == [("jeans", 1), ("shirt", 1)]
    assert parsing.segments[1].taxonomy == ("upper body", "shirt")
    assert parsing.segments[1].bbox == (8, 24, 32, 24)
    assert parsing.persons[0].bbox == (8, 8, 32, 80)


def test_a_segment_scores_person_times_label():
    readout = scene((24, 12), [WHOLE], [(0, (6, 2, 12, 10))], [SHIRT], probability=0.7)
    parsing = read(readout, gray(24, 12), thresholds=Thresholds(dense_weight=1.0))
    assert parsing.persons[0].score == pytest.approx(0.9, abs=1e-3)
    assert parsing.segments[0].score == pytest.approx(0.9 * 0.7, abs=1e-3)


def test_queries_speak_where_the_dense_map_is_silent():
    readout = scene((24, 12), [WHOLE], [(0, (6, 2, 12, 10))], [SHIRT])
    readout.dense[0], readout.dense[-1] = 0.0, 1.0
    queries = Thresholds(dense_weight=0.2)
    assert labels_of(read(readout, gray(24, 12), thresholds=queries)) == [("shirt", 1)]
    assert read(readout, gray(24, 12), thresholds=Thresholds(dense_weight=1.0)).segments == ()


def test_terms_that_answer_one_phrase_merge_and_weigh_their_scores_by_area():
    parts = [
        asked("face", "body", "body", "skin", "face", answers="skin"),
        asked("arm", "body", "body", "skin", "arm", answers="skin"),
    ]
    readout = scene((24, 12), [WHOLE], [(0, (4, 2, 6, 10)), (1, (6, 2, 12, 10))], parts)
    readout.dense[0, 4:6, 2:10] = 0.4
    readout.dense[-1, 4:6, 2:10] = 0.3
    parsing = read(readout, gray(24, 12), thresholds=Thresholds(dense_weight=1.0))
    assert labels_of(parsing) == [("skin", 1)]
    assert parsing.segments[0].area == 8 * 8
    assert parsing.segments[0].taxonomy == ("body", "skin")
    assert parsing.segments[0].score == pytest.approx(0.9 * (0.4 * 2 + 0.8 * 6) / 8, abs=1e-3)


def test_a_term_nobody_asked_for_competes_and_shapes_the_person_but_stays_unsaid():
    silent = asked("coat", answers=None)
    worn = [(0, (6, 2, 12, 10)), (1, (12, 1, 20, 11))]
    parsing = read(scene((24, 12), [WHOLE], worn, [SHIRT, silent]), gray(24, 12))
    assert labels_of(parsing) == [("shirt", 1)]
    assert not parsing.segment_map[12:20].any()
    assert parsing.person_map[15].tolist() == [0] + [1] * 10 + [0]


def test_prompts_without_a_segment_come_back_in_the_callers_order():
    readout = scene((24, 12), [WHOLE], [(0, (6, 2, 12, 10))], [SHIRT, JEANS])
    phrases = ("scarf", "jeans", "shirt", "belt")
    assert read(readout, gray(24, 12), phrases=phrases).unmatched_prompts == ("scarf", "jeans", "belt")


def test_a_prompt_for_persons_is_matched_by_persons():
    phrases = ("people", "shirt")
    for people, missing in (([WHOLE], ("shirt",)), ([], phrases)):
        plain = scene((24, 12), people, [], [SHIRT])
        terms = (SHIRT, Asked("person", "person", ("person",), asked=True))
        readout = Readout(plain.masks, plain.labels, plain.dense, terms, 1)
        assert read(readout, gray(24, 12), phrases=phrases, thresholds=BARE).unmatched_prompts == missing


SKIN, FACE = asked("skin", "body", "body", "skin"), asked("face", "body", "body", "skin", "face")


@pytest.mark.parametrize(("face", "winner"), [(0.35, "face"), (0.1, "skin")])
def test_the_finer_of_two_prompts_has_the_pixels_that_both_claim(face, winner):
    plain = scene((24, 12), [WHOLE], [(0, (4, 2, 8, 10))], [SKIN, FACE])
    plain.dense[:, 4:8, 2:10] = torch.tensor([0.55, face, 0.0, 0.45 - face])[:, None, None]
    readout = Readout(plain.masks, plain.labels, plain.dense, plain.terms, 2, finer=((1,), (), ()))
    parsing = read(readout, gray(24, 12), thresholds=Thresholds(dense_weight=1.0))
    assert labels_of(parsing) == [(winner, 1)]
    expected = 0.55 + face if winner == "face" else 0.55
    assert parsing.segments[0].score == pytest.approx(0.9 * expected, abs=1e-3)


def test_min_score_drops_segments_and_persons_under_it():
    people = [WHOLE, Someone((2, 14, 22, 22), 0.6)]
    readout = scene((24, 24), people, [(0, (6, 2, 12, 10)), (0, (6, 14, 12, 22))], [SHIRT])
    only_dense = Thresholds(dense_weight=1.0, person=0.5)
    counts = {
        least: (len(parsing.persons), len(parsing.segments))
        for least in (0.0, 0.5, 0.65, 0.75)
        if (parsing := read(readout, gray(24, 24), thresholds=only_dense, min_score=least))
    }
    assert counts == {0.0: (2, 2), 0.5: (2, 1), 0.65: (1, 1), 0.75: (1, 0)}


def test_persons_are_numbered_by_score():
    people = [Someone((2, 2, 22, 10), 0.7), Someone((2, 14, 22, 22), 0.95)]
    parsing = read(
        scene((24, 24), people, [], [SHIRT]),
        gray(24, 24),
        thresholds=Thresholds(person=0.5, person_named=0.0),
    )
    assert [person.bbox[0] for person in parsing.persons] == [14, 2]


LENIENT = Thresholds(person=0.7, person_named=0.0)
BARE = Thresholds(person_named=0.0)  # for shapes of persons that wear nothing
SHIFTED = Someone((2, 4, 22, 12), 0.8)  # .6 of the union with WHOLE, .75 of either
WITHIN = Someone((12, 3, 20, 9), 0.8)  # .3 of the union with WHOLE, all of the smaller


@pytest.mark.parametrize("second", [SHIFTED, WITHIN])
def test_a_second_query_for_the_same_person_is_no_second_person(second):
    readout = scene((24, 14), [WHOLE, second], [], [SHIRT])
    readout.masks[1] *= 2  # sure of its pixels: pixel by pixel it would win them
    parsing = read(readout, gray(24, 14), thresholds=LENIENT)
    assert [person.area for person in parsing.persons] == [20 * 8]


def test_a_person_of_whom_others_cover_nearly_all_is_no_person():
    beside = Someone((2, 10, 22, 18))
    band = Someone((8, 2, 14, 19), 0.8)
    readout = scene((24, 24), [WHOLE, beside, band], [], [SHIRT])
    assert len(read(readout, gray(24, 24), thresholds=LENIENT).persons) == 2


def test_a_pixel_that_is_mostly_person_still_names_its_garment():
    readout = scene((24, 12), [WHOLE], [(0, (6, 2, 12, 10))], [SHIRT])
    readout.dense[:, 6:12, 2:10] = torch.tensor([0.3, 0.6, 0.1])[:, None, None]
    parsing = read(readout, gray(24, 12), thresholds=Thresholds(dense_weight=1.0))
    assert labels_of(parsing) == [("shirt", 1)]


def test_persons_that_overlap_share_no_pixel():
    people = [WHOLE, Someone((2, 8, 22, 18), 0.8)]
    parsing = read(scene((24, 24), people, [], [SHIRT]), gray(24, 24), thresholds=LENIENT)
    assert_sound(parsing, (24, 24))
    assert [person.area for person in parsing.persons] == [20 * 8, 20 * 8]


def test_a_hardly_visible_or_unlikely_person_is_no_person():
    people = [WHOLE, Someone((0, 40, 1, 41), 0.9), Someone((2, 20, 22, 30), 0.2)]
    assert len(read(scene((60, 60), people, [], [SHIRT]), gray(60, 60), thresholds=BARE).persons) == 1


@pytest.mark.parametrize(("rows", "found"), [((4, 6), 0), ((4, 9), 1)])
def test_a_persons_shape_with_hardly_a_part_is_nobody(rows, found):
    readout = scene((24, 12), [WHOLE], [(0, (rows[0], 2, rows[1], 10))], [SHIRT])
    parsing = read(readout, gray(24, 12), thresholds=Thresholds(person_named=0.2))
    assert len(parsing.persons) == len(parsing.segments) == found
    assert parsing.person_map.any() == bool(found)


def test_without_a_person_nothing_comes_back():
    readout = scene((24, 12), [], [(0, (6, 2, 12, 10))], [SHIRT])
    parsing = read(readout, gray(50, 30), phrases=("shirt",))
    assert_sound(parsing, (50, 30))
    assert (parsing.persons, parsing.segments, parsing.unmatched_prompts) == ((), (), ("shirt",))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_pictures_of_odd_sizes_are_read(size):
    parsing = read(scene((8, 8), [Someone((0, 0, 8, 8))], [(0, (0, 0, 8, 8))], [SHIRT]), gray(*size))
    assert_sound(parsing, size)
    assert parsing.segments[0].area == size[0] * size[1]


def test_a_picture_that_ends_within_the_last_cells_is_stretched_over_its_own_part():
    readout = scene((8, 8), [Someone((0, 0, 8, 4))], [], [SHIRT])
    part = Readout(readout.masks, readout.labels, readout.dense, readout.terms, readout.person, (8, 5))
    assert read(part, gray(40, 25), thresholds=BARE).persons[0].bbox == (0, 0, 20, 40)


def test_a_large_picture_is_read_small_and_counted_at_its_own_size():
    worn = [(0, (6, 2, 12, 10)), (1, (12, 2, 20, 10))]
    readout = scene((24, 12), [WHOLE], worn, [SHIRT, JEANS])
    parsing = read(readout, gray(601, 307), thresholds=Thresholds(working_pixels=5000))
    assert_sound(parsing, (601, 307))
    assert parsing.persons[0].area == pytest.approx(601 * 307 * 160 / 288, rel=0.05)


def test_reading_a_large_picture_holds_no_map_of_every_term():
    terms = [asked(f"term {i}") for i in range(49)]
    readout = scene(
        (50, 40), [Someone((5, 5, 45, 35))], [(i, (i, 5, i + 1, 35)) for i in range(5, 45)], terms
    )
    image, limits = gray(1500, 1200), Thresholds(working_pixels=200_000)
    read(readout, image, thresholds=limits)
    tracemalloc.start()
    read(readout, image, thresholds=limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    every_term = 50 * 1500 * 1200 * 4
    assert peak < every_term / 6


@pytest.mark.parametrize("wrong", ["labels", "dense", "masks"])
def test_numbers_that_are_not_finite_are_refused(wrong):
    readout = scene((24, 12), [WHOLE], [(0, (6, 2, 12, 10))], [SHIRT])
    getattr(readout, wrong)[0, 0] = float("nan")
    with pytest.raises(ValueError, match=f"{wrong} are not finite"):
        read(readout, gray(24, 12))


@pytest.mark.parametrize(
    ("labels", "dense", "person"), [((3, 2), (3, 4, 4), 1), ((3, 3), (3, 4, 5), 1), ((3, 3), (3, 4, 4), 2)]
)
def test_a_readout_whose_parts_disagree_is_refused(labels, dense, person):
    with pytest.raises(ValueError, match="must"):
        Readout(torch.zeros(3, 4, 4), torch.zeros(labels), torch.zeros(dense), (SHIRT, PERSON), person)


def test_finer_terms_are_told_for_every_term_or_none():
    with pytest.raises(ValueError, match="finer"):
        Readout(
            torch.zeros(3, 4, 4), torch.zeros(3, 3), torch.zeros(3, 4, 4), (SHIRT, PERSON), 1, finer=((),)
        )


@pytest.mark.parametrize("wrong", [{"person": 1.5}, {"touch_reach": -1.0}, {"working_pixels": 0}])
def test_a_threshold_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Thresholds(**wrong)


sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@given(st.integers(1, 6), st.tuples(st.integers(1, 30), st.integers(1, 30)), sizes, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_enlarging_by_tiles_is_enlarging_every_map(count, cells, size, seed):
    maps = np.random.default_rng(seed).normal(size=(count, *cells)).astype(np.float32)
    index, value = winners(maps, size)
    whole = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], size=size, mode="bilinear")[
        0
    ].numpy()
    np.testing.assert_allclose(value, whole.max(0), atol=1e-5)
    chosen = np.take_along_axis(whole, index[None].astype(np.int64), 0)[0]
    np.testing.assert_allclose(chosen, whole.max(0), atol=1e-5)


@pytest.mark.parametrize("upright", [False, True])
def test_a_map_that_leads_in_no_cell_may_lead_between_two(upright):
    maps = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.6, 0.6]]], np.float32)
    index, _ = winners(maps.transpose(0, 2, 1) if upright else maps, (9, 1) if upright else (1, 9))
    assert index.ravel().tolist() == [0, 0, 0, 0, 2, 1, 1, 1, 1]


@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(1, 800), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_counts_and_boxes_of_a_small_reading_are_those_of_the_full_map(size, pixels, seed):
    frame = Frame.within(size, pixels)
    ids = np.random.default_rng(seed).integers(0, 2, frame.inner).astype(np.uint16)
    ids[0, 0] = 1
    full = frame.full(ids)
    assert full.shape == size
    assert frame.inner[0] * frame.inner[1] <= max(pixels, *size)
    assert frame.count(ids, 1).tolist() == np.bincount(full.ravel(), minlength=2).tolist()
    rows, columns = np.nonzero(full)
    left, top = columns.min(), rows.min()
    assert frame.boxes(ids, 1) == [(left, top, columns.max() - left + 1, rows.max() - top + 1)]


KINDS: tuple[Kind, ...] = ("clothing", "accessory", "body")


@given(
    seed=st.integers(0, 2**31),
    people=st.integers(0, 4),
    terms=st.integers(1, 7),
    size=sizes,
    min_score=st.sampled_from([0.0, 0.2, 0.5]),
    pixels=st.sampled_from([300, 4_000_000]),
)
@settings(max_examples=80, deadline=None)
def test_every_parsing_is_sound(seed, people, terms, size, min_score, pixels):
    random = np.random.default_rng(seed)

    def rect() -> tuple[int, int, int, int]:
        (top, bottom), (left, right) = (sorted(random.choice(21, 2, replace=False)) for _ in range(2))
        return int(top), int(left), int(bottom), int(right)

    vocabulary = [
        asked(f"t{i}", KINDS[i % 3], "a", f"t{i}", answers=(None, "x", f"t{i}")[random.integers(3)])
        for i in range(terms)
    ]
    worn = [(int(random.integers(terms)), rect()) for _ in range(8)]
    someone = [Someone(rect(), float(random.uniform(0.4, 1))) for _ in range(people)]
    readout = scene((20, 20), someone, worn, vocabulary, probability=float(random.uniform(0.3, 1)))
    readout.masks.add_(torch.from_numpy(random.normal(0, 4, (len(readout.masks), 20, 20)).astype(np.float32)))
    image = random.integers(0, 256, (*size, 3), np.uint8)
    phrases = ("x", "t0", "t1", "nothing")
    parsing = read(
        readout, image, thresholds=Thresholds(working_pixels=pixels), min_score=min_score, phrases=phrases
    )
    assert_sound(parsing, size)
    keys = labels_of(parsing)
    assert len(keys) == len(set(keys))
    assert [(s.person_id, -s.area) for s in parsing.segments] == sorted(
        (s.person_id, -s.area) for s in parsing.segments
    )
    scores = [p.score for p in parsing.persons] + [s.score for s in parsing.segments]
    assert all(score >= min_score for score in scores)
    found = {segment.label for segment in parsing.segments}
    assert parsing.unmatched_prompts == tuple(p for p in phrases if p not in found)


def naive(readout: Readout, thresholds: Thresholds) -> NDArray[np.float32]:
    """The competition by its definition, over all terms and cells: (P + 1, h, w)."""
    claims = readout.labels[:, :-1].clone()
    claims[:, readout.person] = 0
    queries = torch.einsum("qt,qhw->thw", claims, readout.masks.sigmoid()).clamp(max=1)
    nobody = 1 - queries.sum(0, keepdim=True).clamp(max=1)
    dense = readout.dense / (1 - readout.dense[readout.person]).clamp(min=1e-6)
    weight = thresholds.dense_weight
    mixed = weight * dense + (1 - weight) * torch.cat([queries, nobody])
    mixed[readout.person] = -1
    for index in sorted(range(len(readout.finer)), key=lambda i: -len(readout.finer[i])):
        for cell in np.ndindex(mixed.shape[1:]):
            finer = list(readout.finer[index])
            column = mixed[:, cell[0], cell[1]]
            best = finer[int(column[finer].argmax())] if finer else -1
            if finer and column[best] > 0 and column[best] >= thresholds.finer_claim * column[index]:
                column[best] += column[index].clone()
                column[index] = 0
    return mixed.numpy()


@given(st.integers(2, 9), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_competition_keeps_every_term_that_wins_a_cell_as_it_is(count, seed):
    generator = torch.Generator().manual_seed(seed)
    terms = (*(asked(f"term {i}") for i in range(count)), PERSON)
    finer = tuple(tuple(j for j in range(i + 1, count) if (i + j + seed) % 3 == 0) for i in range(count))
    sharp = 4 * torch.rand(1, generator=generator)
    readout = Readout(
        torch.randn(6, 5, 4, generator=generator),
        (sharp * torch.randn(6, count + 2, generator=generator)).softmax(-1),
        (sharp * torch.randn(count + 2, 5, 4, generator=generator)).softmax(0),
        terms,
        person=count,
        finer=(*finer, ()),
    )
    exact = Thresholds(finer_worth=0.0)
    whole, rivals = naive(readout, exact), compete(readout, exact)
    assert set(np.unique(whole.argmax(0))) <= set(rivals.terms.tolist())
    np.testing.assert_allclose(rivals.maps, whole[rivals.terms], atol=1e-5)
    assert readout.person not in rivals.terms
