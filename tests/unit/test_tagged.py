"""Photos of which only tags are known: labels from a parser that may say nothing but the tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.data.ccp import CLASSES, IGNORE, CcpDataset
from model.data.scenes import SceneMaker
from model.data.tagged import TaggedScenes, write_index
from model.training.batches import NOTHING, PROMPTS
from model.training.pseudo import allowed, apart, labelled, lifted

ROOT = Path(__file__).parent.parent / "data" / "ccp"
JEANS, PANTS, FACE, FOOT = (PROMPTS.index(name) for name in ("jeans", "pants", "face", "foot"))


def votes(*pixels: dict[int, float]) -> torch.Tensor:
    made = torch.zeros(NOTHING + 1, 1, len(pixels))
    for x, shares in enumerate(pixels):
        for prompt, share in shares.items():
            made[prompt, 0, x] = share
    return made


def test_a_term_that_the_tags_rule_out_labels_no_pixel():
    classes, _ = labelled(votes({JEANS: 0.6, PANTS: 0.4}), ["pants"])
    assert classes.tolist() == [[CLASSES.index("pants")]]


def test_skin_allows_the_parts_of_the_body_and_the_person_is_never_a_label():
    permitted = allowed(["skin"])
    assert permitted[FACE] and permitted[NOTHING]
    assert not permitted[JEANS]
    assert not permitted[PROMPTS.index("person")]


def test_a_pixel_of_a_divided_vote_stays_unlabelled_but_belongs_to_the_person():
    classes, persons = labelled(votes({JEANS: 0.5, PANTS: 0.5}, {NOTHING: 1.0}), ["pants", "jeans"])
    assert classes.tolist() == [[IGNORE, 0]]
    assert persons.tolist() == [[1, 0]]


def test_a_tagged_garment_that_the_network_is_shy_to_name_wins_where_it_is_likeliest():
    shy = votes({PANTS: 0.9, JEANS: 0.05}, {PANTS: 0.3, JEANS: 0.2})
    assert labelled(shy, ["pants", "jeans"])[0].tolist() == [[CLASSES.index("pants"), CLASSES.index("jeans")]]
    assert labelled(shy, ["pants"])[0].tolist() == [[CLASSES.index("pants")] * 2]


def test_of_the_body_no_part_is_lifted_past_another():
    seen = lifted(votes({FACE: 0.8, FOOT: 0.1, PANTS: 0.1}))[:, 0, 0]
    assert seen[FACE] == pytest.approx(8 * seen[FOOT])
    assert seen[PANTS] > seen[FOOT]


def test_somebody_who_stands_apart_is_another_person_and_a_crumb_is_nobody():
    persons = np.zeros((20, 30), np.uint8)
    persons[2:18, 2:10] = 1
    persons[4:16, 20:24] = 1
    persons[0, 15] = 1
    classes, owner = apart(np.ones_like(persons), persons)
    assert np.unique(owner).tolist() == [0, 1, 2]
    assert owner[10, 5] == 1
    assert owner[10, 22] == 2
    assert owner[0, 15] == 0
    assert classes[0, 15] == IGNORE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("classes", "persons"):
        (tmp_path / kind).mkdir()
    photos = {}
    for name, label in (("a", "jeans"), ("b", "hat")):
        photos[name] = tmp_path / f"{name}.jpg"
        Image.new("RGB", (40, 60), "white").save(photos[name])
        classes = np.zeros((60, 40), np.uint8)
        classes[10:50, 10:30] = CLASSES.index(label)
        Image.fromarray(classes).save(tmp_path / "classes" / f"{name}.png")
        Image.fromarray((classes > 0).astype(np.uint8)).save(tmp_path / "persons" / f"{name}.png")
    write_index(tmp_path, photos)
    return tmp_path


def test_the_folder_is_read_as_scenes_and_knows_what_is_in_each(folder: Path):
    scenes = TaggedScenes(folder)
    assert len(scenes) == 2
    assert scenes[1].image.shape == (60, 40, 3)
    assert scenes.presence[1].nonzero()[0].tolist() == [0, CLASSES.index("hat")]
    assert int(scenes[0].persons.sum()) == 40 * 20


def test_labelled_photos_are_drawn_beside_the_datasets_own(folder: Path):
    dataset = CcpDataset(ROOT, "val")
    maker = SceneMaker(dataset, also=TaggedScenes(folder))
    assert len(maker.weights) == len(dataset) + 2
    assert maker.weights.sum() == pytest.approx(1.0)
    seen = [maker.make(seed, "photo", (64, 64)).image.mean() > 230 for seed in range(40)]
    assert any(seen)
    assert not all(seen)


def test_a_folder_of_other_classes_is_refused(folder: Path):
    text = (folder / "index.json").read_text(encoding="utf-8").replace('"jeans"', '"denims"')
    (folder / "index.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="other classes"):
        TaggedScenes(folder)
