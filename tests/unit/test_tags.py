"""Tags say what can be told of a garment, and nothing where it cannot."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.parsing import Parsing, Segment
from service.tags.tagging import ATTRIBUTES, Tags, tag
from tests.unit.doll import HEIGHT, NAVY, WIDTH, Doll, parsing_of, plain, striped


def told(parsing: Parsing, name: str, picture: np.ndarray | None = None, **options: Any) -> Tags:
    """The tags of the first segment of a label."""
    tags = tag(plain(parsing) if picture is None else picture, parsing, **options)
    id_ = next(segment.id for segment in parsing.segments if segment.label == name)
    return next(found for found in tags if found.segment_id == id_)


def attribute(doll: Doll, name: str, which: str, **options: Any) -> str | None:
    return told(doll.parsing(), name, **options).attributes.get(which)


@pytest.mark.parametrize(
    ("sleeve", "length"),
    [(0, "sleeveless"), (115, "short"), (165, "long"), (205, "long"), (142, None), (88, None)],
)
def test_a_sleeve_is_as_long_as_the_arm_is_covered(sleeve: int, length: str | None):
    assert attribute(Doll(sleeve=sleeve), "t-shirt", "sleeve_length") == length


@pytest.mark.parametrize(
    ("hem", "length"),
    [(240, "short"), (280, "knee"), (330, "long"), (262, None), (294, None)],
)
@pytest.mark.parametrize("bottom", ["skirt", "dress"])
def test_a_skirt_is_as_long_as_the_legs_are_covered(bottom: str, hem: int, length: str | None):
    assert attribute(Doll(bottom=bottom, hem=hem), bottom, "length") == length


def test_a_coat_is_measured_where_it_ends_over_other_clothes():
    doll = Doll(bottom="pants", hem=385).over("coat", 70, 350)
    assert attribute(doll, "coat", "length") == "long"


def test_what_goes_on_below_under_another_name_has_no_length():
    doll = Doll(bottom="skirt", hem=320).over("dress", 160, 240, 65, 135)
    assert attribute(doll, "dress", "length") is None


def test_trousers_and_tops_have_no_length():
    for bottom in ("pants", "shorts", "jeans"):
        assert attribute(Doll(bottom=bottom), bottom, "length") is None
    assert attribute(Doll(), "t-shirt", "length") is None


def test_skirts_and_shoes_and_capes_have_no_sleeves():
    doll = Doll(top="cape", sleeve=200)
    for name in ("skirt", "shoes", "cape"):
        assert attribute(doll, name, "sleeve_length") is None


def test_a_shirt_below_a_jacket_has_no_sleeves_to_see():
    doll = Doll(sleeve=200).over("jacket", 70, 180, 60, 85).over("jacket", 70, 205, 30, 60)
    doll = doll.over("jacket", 70, 180, 115, 140).over("jacket", 70, 205, 140, 170)
    assert attribute(doll, "t-shirt", "sleeve_length") is None
    assert attribute(doll, "jacket", "sleeve_length") == "long"


@pytest.mark.parametrize("missing", [("shoes",), ("hair", "face"), ("shoes", "leg")])
def test_nothing_is_long_or_short_of_a_person_who_is_cut_off(missing: tuple[str, ...]):
    doll = Doll(sleeve=205).without(*missing)
    assert attribute(doll, "t-shirt", "sleeve_length") is None
    assert attribute(doll, "skirt", "length") is None


def test_without_the_whole_vocabulary_only_the_pattern_is_told():
    """Arms that nobody asked for look like arms that a sleeve covers."""
    doll = Doll().without("arm")
    found = told(doll.parsing(), "t-shirt", whole_vocabulary=False).attributes
    assert found == {"pattern": "plain"}


def test_cloth_is_plain_or_patterned():
    parsing = Doll().parsing()
    assert told(parsing, "t-shirt", plain(parsing)).attributes["pattern"] == "plain"
    assert told(parsing, "t-shirt", striped(parsing)).attributes["pattern"] == "patterned"


def test_cloth_in_soft_light_and_shade_is_plain():
    parsing = Doll().parsing()
    picture = plain(parsing).astype(np.float64)
    picture *= 1 + 0.3 * np.sin(np.arange(WIDTH) / 25)[None, :, None]
    assert told(parsing, "skirt", picture.round().astype(np.uint8)).attributes["pattern"] == "plain"


def test_small_people_and_scraps_of_cloth_get_no_attributes():
    doll = Doll(sleeve=205)
    parsing = doll.parsing()
    tiny = Parsing(parsing.segment_map[::3, ::3], parsing.person_map[::3, ::3], (), _thirds(parsing))
    assert all(not found.attributes for found in tag(plain(tiny), tiny))
    scrap = Doll().over("blouse", 100, 110, 90, 100)
    assert told(scrap.parsing(), "blouse").attributes == {}


def _thirds(parsing: Parsing) -> tuple[Segment, ...]:
    found = []
    for s in parsing.segments:
        x, y, width, height = (side // 3 for side in s.bbox)
        found.append(Segment(s.id, s.label, s.kind, s.person_id, 1.0, (x, y, width, height), 1, s.taxonomy))
    return tuple(found)


def test_accessories_have_a_category_but_no_attributes_and_the_body_has_no_tags():
    parsing = Doll().over("belt", 170, 180, 60, 140).parsing()
    found = told(parsing, "belt", striped(parsing))
    assert (found.google.id, found.attributes) == (169, {})
    labels = {s.id: s.label for s in parsing.segments}
    assert [labels[tags.segment_id] for tags in tag(plain(parsing), parsing)] == [
        s.label for s in parsing.segments if s.kind != "body"
    ]


@pytest.mark.parametrize(("hem", "category"), [(240, 2331), (280, 6229), (330, 6228), (262, 1581)])
def test_a_skirts_length_chooses_its_google_category(hem: int, category: int):
    assert told(Doll(hem=hem).parsing(), "skirt").google.id == category


def test_tags_are_plain_json_with_every_attribute_named():
    made = told(Doll(sleeve=115).parsing(), "t-shirt").as_json()
    assert json.loads(json.dumps(made)) == made
    assert made == {
        "category": ["upper body", "top", "t-shirt"],
        "colors": [{"name": "navy", "coverage": 0.9}],
        "attributes": {"pattern": "plain", "sleeve_length": "short", "length": None},
        "fashionpedia": {"id": 1, "name": "top, t-shirt, sweatshirt", "match": "broader"},
        "google": {
            "id": 212,
            "name": "Apparel & Accessories > Clothing > Shirts & Tops",
            "match": "broader",
        },
    }
    assert tuple(made["attributes"]) == ATTRIBUTES


def test_a_picture_of_another_size_is_refused():
    parsing = Doll().parsing()
    with pytest.raises(ValueError, match="its parsing"):
        tag(plain(parsing)[:-1], parsing)


def test_a_segment_without_pixels_or_words_is_tagged_all_the_same():
    empty = np.zeros((20, 10), np.uint16)
    lost = Segment(1, "flurble", "clothing", 1, 0.5, (0, 0, 5, 5), 25, (), NAVY)
    (found,) = tag(np.zeros((20, 10, 3), np.uint8), Parsing(empty, empty, (), (lost,)))
    assert (found.category, found.attributes, found.google, found.fashionpedia) == ((), {}, None, None)


dolls = st.builds(
    Doll,
    top=st.sampled_from(["t-shirt", "coat", "blouse", "dress"]),
    sleeve=st.sampled_from([0, 95, 115, 142, 165, 205]),
    bottom=st.sampled_from(["skirt", "pants"]),
    hem=st.sampled_from([240, 262, 280, 330]),
    shoes=st.booleans(),
)


@settings(max_examples=15, deadline=None)
@given(dolls, dolls, st.integers(0, 2**32 - 1), st.booleans())
def test_one_persons_tags_never_depend_on_another(first: Doll, second: Doll, seed: int, overlapping: bool):
    second.number, second.first = 2, 50
    alone = first.parsing()
    both = parsing_of([first, second])
    picture = np.random.default_rng(seed).integers(0, 256, (*both.size, 3), dtype=np.uint8)
    if overlapping:  # the other one stands behind, wherever the first leaves pixels free
        behind = np.roll(both.segment_map, WIDTH + 30, axis=1)
        free = (both.segment_map == 0) & (behind >= 50)
        both.segment_map[free], both.person_map[free] = behind[free], 2
    expected = tag(picture[:, :WIDTH], alone)
    assert [found for found in tag(picture, both) if found.segment_id < 50] == expected


@settings(max_examples=10, deadline=None)
@given(dolls, st.integers(0, 2**32 - 1))
def test_what_lies_beside_a_garment_has_no_say(doll: Doll, seed: int):
    parsing = doll.parsing()
    noise = np.random.default_rng(seed).integers(0, 256, (*parsing.size, 3), dtype=np.uint8)
    garment = next(s for s in parsing.segments if s.label == doll.top)
    picture = np.where((parsing.segment_map == garment.id)[..., None], striped(parsing), noise)
    before, after = told(parsing, doll.top, striped(parsing)), told(parsing, doll.top, picture)
    assert before == after


@settings(max_examples=10, deadline=None)
@given(dolls, st.integers(2, 4))
def test_a_larger_picture_of_the_same_gets_the_same_tags(doll: Doll, scale: int):
    small, large = doll.parsing(), doll.parsing(scale)
    picture = striped(small)
    expected = tag(picture, small)
    assert tag(picture.repeat(scale, 0).repeat(scale, 1), large) == expected
    assert small.size == (HEIGHT, WIDTH)
