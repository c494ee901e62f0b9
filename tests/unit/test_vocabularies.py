import numpy as np
import pytest

from model.data.ccp import IGNORE, LABELS
from model.evaluation.vocabularies import (
    CCP19,
    CCP19_SYNONYMS,
    SYNONYMS,
    EvaluationVocabulary,
    vocabulary,
)

# As the task defines it, written once more so that a slip in the table shows.
CCP19_TEXT = """
hair: hair
skin: skin
shoes: shoes sandals boots loafers heels sneakers pumps flats wedges
bag: bag purse wallet
pants: pants jeans leggings
dress: dress romper bodysuit
coat: coat cape
jacket: jacket blazer suit
top: blouse shirt t-shirt top
sweater: sweater sweatshirt jumper cardigan hoodie
vest: vest
skirt: skirt
shorts: shorts
stockings: stockings tights
hat: hat
scarf: scarf
belt: belt
sunglasses: sunglasses glasses
socks: socks
"""
EXPECTED = {
    name: labels.split() for name, labels in (line.split(": ") for line in CCP19_TEXT.strip().splitlines())
}


def test_ccp19_asks_nineteen_prompts_and_background_is_the_twentieth_class():
    assert CCP19.prompts == tuple(EXPECTED)
    assert len(CCP19.prompts) == 19
    assert CCP19.names == ("background", *EXPECTED)


@pytest.mark.parametrize(("prompt", "labels"), EXPECTED.items())
def test_a_class_stands_for_its_labels(prompt, labels):
    assert {CCP19.names[CCP19.class_of_label(label)] for label in labels} == {prompt}


def test_every_other_label_is_ignored_and_null_is_background():
    inside = {label for labels in EXPECTED.values() for label in labels}
    outside = [label for label in LABELS if label not in inside]
    assert {label: CCP19.class_of_label(label) for label in outside} == {
        label: 0 if label == "null" else IGNORE for label in outside
    }
    assert {"ring", "watch", "gloves", "swimwear", "clogs"} <= set(outside)


def test_truth_maps_each_pixel_and_keeps_what_is_unknown():
    labels = np.array([[0, LABELS.index("jeans"), LABELS.index("ring"), IGNORE, 200]], np.uint8)
    assert CCP19.truth(labels).tolist() == [[0, CCP19.names.index("pants"), IGNORE, IGNORE, IGNORE]]


def test_synonyms_change_five_words_and_no_class():
    changed = {old: new for old, new in zip(CCP19.prompts, CCP19_SYNONYMS.prompts, strict=True) if old != new}
    assert changed == SYNONYMS
    assert set(changed.values()) == {"trousers", "handbag", "spectacles", "pullover", "blouse and shirt"}
    assert CCP19_SYNONYMS.names == CCP19.names
    assert CCP19_SYNONYMS.class_of_prompt("trousers") == CCP19.class_of_prompt("pants")


def test_body_parts_answer_for_skin():
    assert CCP19.class_of_prompt("hand") == CCP19.class_of_prompt("skin")


def test_what_was_not_asked_has_no_class():
    with pytest.raises(ValueError, match="'saree'"):
        CCP19.class_of_prompt("saree")


def test_a_vocabulary_is_found_by_its_name():
    assert vocabulary("ccp19-synonyms") is CCP19_SYNONYMS
    with pytest.raises(ValueError, match="ccp19-synonyms"):
        vocabulary("ccp20")


@pytest.mark.parametrize("labels", [(("hat",), ("hat",)), (("hat",), ("ghost",)), (("hat",),)])
def test_a_table_that_names_a_label_twice_or_a_ghost_is_refused(labels):
    with pytest.raises(ValueError, match="x: "):
        EvaluationVocabulary("x", ("hat", "cap"), ("hat", "cap"), labels)
