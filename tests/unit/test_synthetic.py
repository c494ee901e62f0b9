"""The generator of dressed people: its truth, its repeatability, its textures."""

from __future__ import annotations

import subprocess
import sys
import zlib
from functools import cache

import numpy as np
import pytest

from model.data.ccp import CLASSES
from model.data.held_out import HELD_OUT_GARMENTS
from model.data.synthetic.captions import caption_of
from model.data.synthetic.cuts import Upper
from model.data.synthetic.figure import Figure, drawn_skin
from model.data.synthetic.garment import Garment
from model.data.synthetic.maker import SyntheticMaker
from model.data.synthetic.scene import SYNTHETIC_CLASSES, SyntheticScene, Worn
from model.data.synthetic.tailor import Tailor

SIZE = (96, 64)
HELD_OUT_IDS = {SYNTHETIC_CLASSES.index(name) for name in HELD_OUT_GARMENTS}


@cache
def scene(seed: int, people: int | None = 1, held_out: bool = False) -> SyntheticScene:
    return SyntheticMaker(held_out=held_out).make(seed, SIZE, people=people)


def test_the_first_ids_are_those_of_the_training_classes():
    assert SYNTHETIC_CLASSES[: len(CLASSES)] == CLASSES
    assert SYNTHETIC_CLASSES[len(CLASSES) :] == HELD_OUT_GARMENTS


def test_the_same_seed_gives_the_same_scene():
    again = SyntheticMaker().make(3, SIZE, people=1)
    assert np.array_equal(scene(3).image, again.image)
    assert np.array_equal(scene(3).classes, again.classes)
    assert np.array_equal(scene(3).people[0].texture, again.people[0].texture)
    assert not np.array_equal(scene(3).image, scene(4).image)


@pytest.mark.parametrize("threads", [1, 2])
def test_another_process_draws_the_same_scene(threads):
    code = (
        f"import zlib, torch; torch.set_num_threads({threads});"
        "from model.data.synthetic.maker import SyntheticMaker;"
        f"s = SyntheticMaker().make(3, {SIZE}, people=1);"
        "print(zlib.crc32(s.image.tobytes() + s.classes.tobytes()))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == zlib.crc32(scene(3).image.tobytes() + scene(3).classes.tobytes())


@pytest.mark.parametrize("seed", range(6))
def test_every_person_is_in_the_picture_under_its_number(seed):
    drawn = scene(seed, None)
    numbers = np.unique(drawn.persons[drawn.persons > 0])
    assert numbers.tolist() == list(range(1, len(drawn.people) + 1))
    assert np.array_equal(drawn.classes > 0, drawn.persons > 0)
    assert drawn.classes.max() < len(SYNTHETIC_CLASSES)
    assert not drawn.loose.any()


@pytest.mark.parametrize("seed", range(6))
def test_what_is_seen_is_worn_or_is_part_of_the_body(seed):
    drawn = scene(seed)
    body = {"hair", "face", "arm", "hand", "torso", "leg", "foot"}
    seen = {SYNTHETIC_CLASSES[c] for c in np.unique(drawn.classes) if c}
    assert seen - body <= {worn.name for worn in drawn.people[0].garments}


def test_a_group_has_as_many_people_as_were_asked_for():
    assert len(scene(11, 2).people) == 2


def test_no_garment_that_training_may_not_see_turns_up_unasked():
    worn = {w.name for seed in range(12) for person in scene(seed, None).people for w in person.garments}
    seen = {int(c) for seed in range(12) for c in np.unique(scene(seed, None).classes)}
    assert len(worn) > 10
    assert not worn & set(HELD_OUT_GARMENTS)
    assert not seen & HELD_OUT_IDS


def test_held_out_garments_turn_up_when_asked_for():
    seen = {int(c) for seed in range(12) for c in np.unique(scene(seed, 1, True).classes)}
    assert len(seen & HELD_OUT_IDS) >= 4


def test_the_atlas_is_the_same_for_everybody_and_grey_outside():
    people = [*scene(1).people, *scene(2).people, *scene(3, 1, True).people]
    masks = [person.texture_mask for person in people]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)
    assert 0.3 < masks[0].mean() < 0.9
    for person in people:
        assert person.texture.shape == (128, 128, 3)
        assert (person.texture[~person.texture_mask] == 128).all()
        assert person.texture[person.texture_mask].std() > 10


@pytest.mark.parametrize("seed", range(4))
def test_a_caption_names_what_is_worn_and_its_colour(seed):
    for person in scene(seed, None).people:
        assert person.caption in scene(seed, None).caption
        for worn in person.garments:
            assert worn.name in person.caption
            assert worn.color in person.caption


def test_a_caption_is_a_sentence_with_articles_and_plurals():
    worn = [
        Worn("sneakers", "white", "plain"),
        Worn("jeans", "blue", "plain"),
        Worn("t-shirt", "red", "striped"),
    ]
    assert caption_of(True, worn) == "a woman in a red striped t-shirt, blue jeans and white sneakers"
    assert caption_of(False, []) == "a man"


def test_a_garment_that_others_hide_is_not_told():
    tailor = Tailor(np.random.default_rng(0), woman=True)
    cloth = tailor.cloth("red", patterned=0)
    hidden = Garment("t-shirt", "red", cloth, Upper(1.0, 0.1))
    over = Garment("hoodie", "blue", cloth, Upper(0.95, 0.4, "high"))
    skin = drawn_skin(np.random.default_rng(1), woman=True)
    both = Figure([], skin, (hidden, over), woman=True).person(32)
    alone = Figure([], skin, (hidden,), woman=True).person(32)
    assert both.caption == "a woman in a blue hoodie"
    assert alone.caption == "a woman in a red t-shirt"


def test_a_garment_nobody_heard_of_is_refused():
    with pytest.raises(ValueError, match="toga"):
        Worn("toga", "white", "plain")


def test_garments_nobody_wears_have_no_label():
    scenes = [SyntheticMaker().make_standalone(seed, SIZE) for seed in range(4)]
    assert sum(int(s.loose.sum()) for s in scenes) > 100
    for drawn in scenes:
        assert len(drawn.people) == 1
        assert not drawn.classes[drawn.loose].any()
        assert not drawn.persons[drawn.loose].any()


def test_the_true_texture_paints_the_same_person():
    maker = SyntheticMaker()
    for seed in (1, 3):
        drawn = maker.make(seed, SIZE, people=1)
        body = drawn.persons == 1
        again = maker.rerender(seed, SIZE, drawn.people[0].texture, people=1).astype(int)
        grey = maker.rerender(seed, SIZE, np.full((128, 128, 3), 128, np.uint8), people=1).astype(int)
        assert (
            np.array_equal(again[~body], drawn.image[~body]) or np.abs(again - drawn.image)[~body].mean() < 2
        )
        assert np.abs(again - drawn.image)[body].mean() < 0.5 * np.abs(grey - drawn.image)[body].mean()


def test_backgrounds_that_are_given_are_used():
    red = np.zeros((50, 50, 3), np.uint8)
    red[..., 0] = 200
    maker = SyntheticMaker(backgrounds=[red])
    scenes = [maker.make(seed, SIZE, people=1) for seed in range(8)]
    behind = [s.image[s.persons == 0].mean(0) for s in scenes]
    assert sum(color[0] > 5 * color[1] for color in behind) >= 6


@pytest.mark.parametrize("people", [0, 7])
def test_a_scene_of_too_few_or_too_many_is_refused(people):
    with pytest.raises(ValueError, match=str(people)):
        SyntheticMaker().make(0, SIZE, people=people)
