"""Key phrases of captions such as people and captioning models write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.vocabulary import DEFAULT, find, key_phrases

CAPTIONS = {
    "A woman wearing a red silk saree and a green zorblat": ["red silk saree", "green zorblat"],
    "a young woman with long wavy hair wearing a black leather jacket over a white t-shirt and ripped blue "
    "jeans, standing on a street": [
        "long wavy hair",
        "black leather jacket",
        "white t-shirt",
        "ripped blue jeans",
    ],
    "A man in a navy blue suit, white shirt and striped tie holding a brown leather briefcase": [
        "navy blue suit",
        "white shirt",
        "striped tie",
        "brown leather briefcase",
    ],
    "woman in a black and white striped shirt, knee-length denim skirt and strappy sandals": [
        "black and white striped shirt",
        "knee-length denim skirt",
        "strappy sandals",
    ],
    "a girl in a yellow sundress with a straw hat sits on top of a wall": ["yellow sundress", "straw hat"],
    "two people walking; he wears a grey hoodie and joggers, she wears a puffer jacket and sneakers.": [
        "grey hoodie",
        "joggers",
        "puffer jacket",
        "sneakers",
    ],
    "a bald man with a beard, dressed in a dark green sherwani and juttis": [
        "beard",
        "dark green sherwani",
        "juttis",
    ],
    "A bride wearing a lehenga with gold embroidery, a dupatta, bangles and a necklace": [
        "lehenga",
        "dupatta",
        "bangles",
        "necklace",
    ],
    "a child wearing a knitted beanie, a quimble, mittens and rain boots in the snow": [
        "knitted beanie",
        "mittens",
        "rain boots",
        "quimble",
    ],
    "an old man with his hands in his pockets wears a porkpie hat and spectacles": [
        "hands",
        "porkpie hat",
        "spectacles",
    ],
    "The model wears a floral maxi dress with high heels and sunglasses; her hair is tied in a ponytail": [
        "floral maxi dress",
        "high heels",
        "sunglasses",
        "hair",
        "ponytail",
    ],
    "A woman with shoulder length blond hair in a knee length skirt and a shirt dress": [
        "shoulder length blond hair",
        "knee length skirt",
        "shirt dress",
    ],
    "her face, arms and legs are bare": ["face", "arms", "legs"],
    "wearing sunglasses, watch and belt": ["sunglasses", "watch", "belt"],
    "Man, dressed in a gray zorblat, poses with a purple quimble": ["gray zorblat"],
}


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_gives_its_garments_and_parts_with_their_adjectives(caption):
    assert key_phrases(caption) == CAPTIONS[caption]


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "a sunny day at the sea",
        "a hat rack in a shoe store",
        "a man wearing a smile",
        "she watches the sea from the top of the hill",
        "he faces the wall at the back of the room",
        "a man and a woman",
    ],
)
def test_what_nobody_wears_is_no_key_phrase(caption):
    assert key_phrases(caption) == []


def test_a_phrase_comes_once():
    assert key_phrases("a red hat, a Red  Hat and the red hat") == ["red hat"]


def test_no_more_phrases_than_asked_for():
    caption = "a man in " + ", ".join(f"a {name}" for name in DEFAULT[7:27])
    assert len(key_phrases(caption)) == 9
    assert key_phrases(caption, k=3) == key_phrases(caption)[:3]


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_phrase_is_refused(k):
    with pytest.raises(ValueError, match=str(k)):
        key_phrases("a hat", k=k)


looks = st.lists(st.sampled_from(["red", "silk", "striped", "oversized"]), max_size=3)


@settings(max_examples=60, deadline=None)
@given(looks, st.sampled_from(DEFAULT[7:]))
def test_a_garment_that_is_worn_is_found_whatever_describes_it(adjectives, garment):
    phrase = " ".join([*adjectives, garment])
    assert key_phrases(f"A man wearing a {phrase}.") == [phrase]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_gives_lower_case_phrases_of_its_own_words(text):
    for phrase in key_phrases(text):
        assert phrase == phrase.casefold()
        assert find(phrase) is not None or "wear" in text.casefold()
