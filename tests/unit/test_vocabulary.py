"""The taxonomy, the wording of prompts, and what a query puts to the network."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.ccp import CLASSES
from model.parsing import Query
from model.vocabulary import (
    BODY_PARTS,
    DEFAULT,
    TERMS,
    Asked,
    AskedTerm,
    Term,
    canonical,
    covers,
    exact,
    find,
    find_all,
    kind_of,
    path_of,
    resolve,
    wording,
)
from model.vocabulary.kin import TAUGHT, kin, learned
from model.vocabulary.words import listed, plural, singular

# Every label of the Clothing Co-Parsing data set but 'null', and the term that it means.
CCP_LABELS = listed(
    "accessories, bag, belt, blazer, blouse, bodysuit, boots, bra, bracelet, cape, cardigan, clogs, coat,"
    "dress, earrings, flats, glasses, gloves, hair, hat, heels, hoodie, intimate, jacket, jeans, jumper,"
    "leggings, loafers, necklace, panties, pants, pumps, purse, ring, romper, sandals, scarf, shirt, shoes,"
    "shorts, skin, skirt, sneakers, socks, stockings, suit, sunglasses, sweater, sweatshirt, swimwear,"
    "t-shirt, tie, tights, top, vest, wallet, watch, wedges"
)
OTHER_WORDS = {"intimate": "underwear", "jumper": "sweater"}

# The evaluation classes and the labels that each gathers.
CCP19 = {
    "hair": ["hair"],
    "skin": ["skin", "face", "arm", "hand", "torso", "leg", "foot"],
    "shoes": ["shoes", "sandals", "boots", "loafers", "heels", "sneakers", "pumps", "flats", "wedges"],
    "bag": ["bag", "purse", "wallet"],
    "pants": ["pants", "jeans", "leggings"],
    "dress": ["dress", "romper", "bodysuit"],
    "coat": ["coat", "cape"],
    "jacket": ["jacket", "blazer", "suit"],
    "top": ["blouse", "shirt", "t-shirt", "top"],
    "sweater": ["sweater", "sweatshirt", "jumper", "cardigan", "hoodie"],
    "stockings": ["stockings", "tights"],
    **{name: [name] for name in ("vest", "skirt", "shorts", "hat", "scarf", "belt", "sunglasses", "socks")},
}

known = st.sampled_from([phrase for term in TERMS for phrase in (term.name, *term.synonyms)])
adjectives = st.sampled_from(["red", "silk", "long", "black and white", "polka-dot", "my", "a pair of"])
phrases = st.one_of(known, st.builds("{} {}".format, adjectives, known), st.text(min_size=1, max_size=20))


def term_of(name: str) -> Term:
    term = find(name)
    assert term is not None, name
    return term


def competitors(asked: Asked) -> dict[str, str | None]:
    """The terms that only compete, with the phrase they answer to."""
    return {term.phrase: term.answers for term in asked.terms[:-1] if not term.asked}


def by_phrase(asked: Asked, phrase: str) -> tuple[int, AskedTerm]:
    return next((i, term) for i, term in enumerate(asked.terms) if term.phrase == phrase)


# The taxonomy


def test_the_taxonomy_names_at_least_150_things_of_every_kind():
    assert len(TERMS) >= 150
    assert {term.kind for term in TERMS} == {"clothing", "body", "accessory", "person"}
    assert len({term.name for term in TERMS}) == len(TERMS)
    assert len({term.path for term in TERMS}) == len(TERMS)


def test_no_phrase_belongs_to_two_terms_in_singular_or_plural():
    for term in TERMS:
        for phrase in (term.name, *term.synonyms):
            start, space, head = phrase.rpartition(" ")
            for form in (head, singular(head), plural(head)):
                assert exact(f"{start}{space}{form}") is term, (phrase, form)


def test_every_term_is_described_in_a_line_of_its_own():
    for term in TERMS:
        assert 5 <= len(term.gloss.split()) <= 16, term
        assert term.gloss == term.gloss.strip(" ."), term
    assert len({term.gloss for term in TERMS}) == len(TERMS)


def test_a_path_ends_in_its_term_and_its_steps_are_of_one_kind():
    kinds = {term.path: term.kind for term in TERMS}
    for term in TERMS:
        assert term.path[-1] == term.name or f"{term.path[-1]} " in term.name, term
        for length in range(1, len(term.path)):
            assert kinds.get(term.path[:length], term.kind) == term.kind, term


def test_the_default_vocabulary_consists_of_names_of_terms():
    assert [term_of(name).name for name in DEFAULT] == list(DEFAULT)
    assert 40 <= len(DEFAULT) == len(set(DEFAULT)) <= 50
    assert "person" not in DEFAULT
    assert {"hair", "face", "arm", "hand", "torso", "leg", "foot"} <= set(DEFAULT)


def test_the_body_part_list_of_the_paper_is_known_with_its_plurals():
    assert len(BODY_PARTS) == 15
    for part in BODY_PARTS:
        assert kind_of(part) == "body"
    plurals = {"faces": "face", "hands": "hand", "bobs": "bob", "hairs": "hair", "feet": "foot"}
    for many, one in plurals.items():
        assert find(many) is find(one) is not None


@pytest.mark.parametrize("label", CCP_LABELS)
def test_every_label_of_ccp_is_one_term(label):
    assert find_all(label) == (term_of(OTHER_WORDS.get(label, label)),)


def test_there_are_58_labels_and_no_two_fine_ones_fall_together():
    assert len(CCP_LABELS) == 58
    assert len({canonical(label) for label in CCP_LABELS}) == 57  # jumper is another word for sweater


def test_an_evaluation_class_covers_what_it_gathers_and_nothing_else():
    for name, members in CCP19.items():
        covered = {label for label in CCP_LABELS if covers(term_of(name), term_of(label))}
        assert {m for m in members if m in CCP_LABELS} <= covered, name
        others = {m for other, labels in CCP19.items() if other != name for m in labels}
        assert not covered & others, name


# Finding


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("trousers", "pants"),
        ("handbag", "bag"),
        ("spectacles", "glasses"),
        ("pullover", "sweater"),
        ("sari", "saree"),
        ("qipao", "cheongsam"),
        ("red silk saree", "saree"),
        ("a pair of ripped skinny jeans", "jeans"),
        ("jacket with a hood", "jacket"),
        ("women's blazer", "blazer"),
        ("T Shirts", "t-shirt"),
        ("shirt dress", "shirt dress"),
        ("red slip on shoes", "loafers"),
        ("black over the knee boots", "thigh high boots"),
        ("bow tie", "bow tie"),
        ("yellow tie", "tie"),
        ("swimming trunks", "swim trunks"),
        ("upper-body clothing", "upper body clothing"),
        ("man in a suit", "person"),
    ],
)
def test_a_phrase_finds_its_term(phrase, name):
    assert canonical(phrase) == name


@pytest.mark.parametrize("phrase", ["zorblat", "tight", "short", "glass", "hatter", "", "...", "and"])
def test_other_words_find_nothing(phrase):
    assert find(phrase) is None
    assert path_of(phrase) == ()
    assert kind_of(phrase) == "clothing"


def test_a_phrase_of_two_nouns_finds_both():
    assert [term.name for term in find_all("blouse and shirt")] == ["blouse", "shirt"]
    assert [term.name for term in find_all("hat, red scarf & gloves")] == ["hat", "scarf", "gloves"]
    assert [term.name for term in find_all("black and white dress")] == ["dress"]
    assert path_of("blouse and shirt") == ("upper body", "top")
    assert path_of("hat and jeans") == ()


def test_a_world_garment_is_as_well_known_as_a_pair_of_jeans():
    for name in listed(
        "saree, lehenga, kurta, sherwani, dupatta, hijab, abaya, kimono, hanbok, qipao, cheongsam,"
        "dirndl, kilt, dashiki, boubou, poncho, umbrella, backpack, tie, gloves, watch,"
        "belt, turban, sombrero, tracksuit, uniform, fez, ushanka, obi, lederhosen, kaftan, djellaba"
    ):
        assert exact(name) is not None, name


@settings(max_examples=60, deadline=None)
@given(known, st.integers(1, 3), st.sampled_from([str.upper, str.lower, str.title]))
def test_finding_is_blind_to_case_number_and_spacing(phrase, spaces, case):
    term = find(phrase)
    start, space, head = phrase.rpartition(" ")
    for form in (phrase, start + space + plural(head), start + space + singular(head)):
        assert find(" " + case(form).replace(" ", " " * spaces) + "\t") is term


@settings(max_examples=60, deadline=None)
@given(known, st.sampled_from(["red", "silk", "very long", "polka-dot", "the", "her blue"]))
def test_adjectives_keep_the_term_or_narrow_it(phrase, adjective):
    narrowed = find(f"{adjective} {phrase}")
    assert narrowed is not None
    assert covers(term_of(phrase), narrowed)


# Coarse and fine


@pytest.mark.parametrize(
    ("coarse", "fine"),
    [
        ("shoes", "boots"),
        ("shoes", "flip flops"),
        ("top", "blouse"),
        ("upper body clothing", "blouse"),
        ("skin", "face"),
        ("torso", "belly"),
        ("head", "hair"),
        ("head", "face"),
        ("outerwear", "trench coat"),
        ("clothing", "saree"),
        ("accessories", "necklace"),
        ("bag", "backpack"),
        ("glasses", "sunglasses"),
    ],
)
def test_a_coarse_term_covers_its_finer_ones_and_not_the_other_way(coarse, fine):
    assert covers(term_of(coarse), term_of(fine))
    assert not covers(term_of(fine), term_of(coarse))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TERMS), st.sampled_from(TERMS), st.sampled_from(TERMS))
def test_covering_is_an_order(a, b, c):
    assert covers(a, a)
    if a is not b and covers(a, b):
        assert not covers(b, a)
    if covers(a, b) and covers(b, c):
        assert covers(a, c)


# Wording


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("red saree", "a photo of a red saree"),
        ("the  Red\tSaree ", "a photo of a red saree"),
        ("umbrella", "a photo of an umbrella"),
        ("uniform", "a photo of a uniform"),
        ("onesie", "a photo of a onesie"),
        ("orange coat", "a photo of an orange coat"),
        ("jeans", "a photo of jeans"),
        ("sunglasses", "a photo of sunglasses"),
        ("pair of boots", "a photo of boots"),
        ("dress", "a photo of a dress"),
        ("curly hair", "a photo of curly hair"),
        ("feet", "a photo of feet"),
        ("t-shirt", "a photo of a t-shirt"),
        ("green zorblat", "a photo of a green zorblat"),
    ],
)
def test_a_prompt_reads_as_english(phrase, sentence):
    assert wording(phrase, gloss=False) == sentence


@pytest.mark.parametrize(
    ("synonym", "name"),
    [("trousers", "pants"), ("handbag", "bag"), ("spectacles", "glasses"), ("blue pullovers", "sweater")],
)
def test_a_synonym_carries_the_gloss_of_its_term(synonym, name):
    assert wording(synonym, gloss=True) == f"a photo of {sentence_of(synonym)}, {term_of(name).gloss}"


def sentence_of(phrase: str) -> str:
    return wording(phrase, gloss=False).removeprefix("a photo of ")


def test_two_nouns_carry_both_glosses_and_an_unknown_one_none():
    both = wording("blouse and shirt", gloss=True)
    assert both.startswith("a photo of a blouse and shirt, ")
    assert term_of("blouse").gloss in both
    assert term_of("shirt").gloss in both
    assert wording("zorblat", gloss=True) == "a photo of a zorblat"


# Queries


def test_the_default_vocabulary_is_asked_when_nothing_is_named():
    asked = resolve(Query())
    assert asked.phrases == DEFAULT
    assert not competitors(asked)
    assert all(term.answers == term.phrase for term in asked.terms[:-1])


def test_the_person_is_always_last_and_always_there():
    for query in (Query(), Query(prompts=("hat",)), Query(prompts=("person", "hat"), body_parts=True)):
        asked = resolve(query)
        assert asked.person == len(asked.terms) - 1
        assert [term.kind for term in asked.terms].count("person") == 1
        assert asked.terms[asked.person].kind == "person"
        assert asked.terms[asked.person].answers is None


def test_a_prompt_for_persons_is_answered_by_the_person_term():
    asked = resolve(Query(prompts=("a man", "hat", "woman")))
    assert asked.persons == ("a man", "woman")
    assert asked.phrases == ("hat", "a man", "woman")
    assert asked.terms[asked.person].asked


def test_prompts_keep_their_order_and_their_words():
    prompts = ("Denim  Jacket", "zorblat", "red hat")
    assert resolve(Query(prompts=prompts)).phrases == prompts


def test_repeated_prompts_are_asked_once_in_their_first_spelling():
    asked = resolve(Query(prompts=("Red Hat", "red  hat ", "RED HAT", "scarf")))
    assert asked.phrases == ("Red Hat", "scarf")


@pytest.mark.parametrize("prompts", [("",), ("hat", "   "), ("...",), ("\t\n",), ()])
def test_an_empty_prompt_is_refused(prompts):
    with pytest.raises(ValueError, match="prompt"):
        resolve(Query(prompts=prompts))


def test_an_empty_caption_is_refused():
    with pytest.raises(ValueError, match="caption"):
        resolve(Query(caption="  "))


def test_an_unasked_garment_competes_and_does_not_answer():
    others = competitors(resolve(Query(prompts=("scarf",))))
    assert set(others) == set(DEFAULT) - {"scarf"}
    assert set(others.values()) == {None}


def test_finer_terms_answer_under_the_coarse_phrase_that_was_asked():
    others = competitors(resolve(Query(prompts=("footwear", "zorblat"))))
    assert others["boots"] == others["sandals"] == "footwear"
    assert "shoes" not in others
    assert others["socks"] is None


def test_the_finer_phrase_keeps_its_pixels_when_both_are_asked():
    asked = resolve(Query(prompts=("shoes", "boots")))
    shoes, _ = by_phrase(asked, "shoes")
    boots, term = by_phrase(asked, "boots")
    assert term.asked
    assert term.answers == "boots"
    assert asked.finer()[shoes] == (boots,)
    assert asked.finer()[boots] == ()
    assert competitors(asked)["sandals"] == "shoes"


def test_skin_is_the_union_of_the_bare_parts():
    asked = resolve(Query(prompts=("skin", "face")))
    others = competitors(asked)
    assert [name for name in others if others[name] == "skin"] == ["arm", "hand", "torso", "leg", "foot"]
    skin, _ = by_phrase(asked, "skin")
    assert [asked.terms[i].phrase for i in asked.finer()[skin]] == ["face"]


def test_a_phrase_with_adjectives_takes_the_place_of_its_default_term():
    others = competitors(resolve(Query(prompts=("denim jacket",))))
    assert "jacket" not in others
    assert others["coat"] is None
    assert others["blazer"] is None  # no blazer is a denim jacket


def test_a_colour_leaves_the_type_open():
    assert competitors(resolve(Query(prompts=("white top",))))["t-shirt"] == "white top"


def test_two_phrases_of_one_term_both_stay_and_decide_alone():
    asked = resolve(Query(prompts=("red jacket", "blue jacket")))
    assert asked.phrases == ("red jacket", "blue jacket")
    assert not {"jacket", "blazer", "suit"} & set(competitors(asked))


def test_of_jacket_and_denim_jacket_the_second_is_finer():
    asked = resolve(Query(prompts=("jacket", "denim jacket")))
    assert asked.finer()[0] == (1,)
    assert asked.finer()[1] == ()


def test_a_coarser_default_term_competes_only_with_terms_that_were_learned():
    assert competitors(resolve(Query(prompts=("jeans",))))["pants"] is None
    assert "shoes" not in competitors(resolve(Query(prompts=("sneakers",))))
    assert "hair" not in competitors(resolve(Query(prompts=("ponytail",))))


def test_a_phrase_of_two_nouns_is_answered_by_both():
    others = competitors(resolve(Query(prompts=("blouse and shirt",))))
    assert others["blouse"] == others["shirt"] == "blouse and shirt"
    assert others["t-shirt"] is None


def test_the_nearest_of_two_coarse_phrases_gets_the_answer():
    others = competitors(resolve(Query(prompts=("clothing", "top"))))
    assert others["blouse"] == "top"
    assert others["jeans"] == "clothing"


def test_body_parts_join_the_prompts_once():
    asked = resolve(Query(prompts=("hat", "feet"), body_parts=True))
    assert asked.phrases == ("hat", "feet", "hair", "face", "arm", "hand", "torso", "leg")


def test_body_parts_alone_may_be_asked():
    assert resolve(Query(prompts=(), body_parts=True)).phrases == DEFAULT[:7]


def test_a_caption_asks_for_its_key_phrases():
    asked = resolve(Query(caption="A woman wearing a red silk saree and sunglasses"))
    assert asked.phrases == ("red silk saree", "sunglasses")


def test_a_caption_without_garments_asks_for_the_default_vocabulary():
    assert resolve(Query(caption="A sunny day at the sea")).phrases == DEFAULT


def test_each_evaluation_class_gets_the_terms_that_it_gathers():
    asked = resolve(Query(prompts=tuple(CCP19)))
    assert asked.phrases == tuple(CCP19)
    others = competitors(asked)
    for name, members in CCP19.items():
        for member in set(members) & set(others):
            assert others[member] == name


def test_gloss_may_be_left_out():
    for term in resolve(Query(prompts=("saree",)), gloss=False).terms:
        assert "," not in term.wording


@settings(max_examples=60, deadline=None)
@given(st.lists(phrases, min_size=1, max_size=6), st.booleans())
def test_resolving_never_loses_an_asked_phrase(prompts, body_parts):
    try:
        asked = resolve(Query(prompts=tuple(prompts), body_parts=body_parts))
    except ValueError:
        assert any(not any(letter.isalnum() for letter in prompt) for prompt in prompts)
        return
    kept = {" ".join(phrase.casefold().split()) for phrase in asked.phrases}
    assert {" ".join(prompt.casefold().split()) for prompt in prompts} <= kept
    answered = {term.answers for term in asked.terms if term.answers is not None}
    assert answered <= set(asked.phrases)
    assert {term.phrase for term in asked.terms if term.asked and term.kind != "person"} <= answered
    assert len({term.phrase for term in asked.terms}) == len(asked.terms)


@pytest.mark.parametrize(
    ("asked", "answering"),
    [
        ("saree", {"dress", "romper"}),
        ("trench coat", {"coat", "cape"}),
        ("polo shirt", {"shirt"}),
        ("turban", {"hat"}),
    ],
)
def test_learned_garments_answer_under_a_word_that_was_never_learned(asked, answering):
    terms = resolve(Query(prompts=(asked,))).terms
    assert {term.phrase for term in terms if not term.asked and term.answers == asked} == answering


def test_a_learned_garment_that_is_asked_itself_answers_under_its_own_name():
    terms = resolve(Query(prompts=("saree", "dress"))).terms
    assert [term.answers for term in terms if term.phrase == "dress"] == ["dress"]


def test_of_two_words_that_were_never_learned_no_common_kin_decides():
    terms = resolve(Query(prompts=("saree", "kimono"))).terms
    assert "dress" not in {term.phrase for term in terms}


def test_what_training_named_has_no_kin():
    for name in (*DEFAULT, *TAUGHT):
        assert not kin(exact(name)), name


def test_every_label_of_the_training_data_counts_as_learned():
    assert [name for name in CLASSES[1:] if (term := exact(name)) is None or not learned(term)] == []
