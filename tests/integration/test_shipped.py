"""The shipped checkpoint on the pictures of the tree: what a stranger sees first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.data.ccp import IGNORE, CcpDataset
from model.evaluation.tasks.people import PersonTask
from model.evaluation.tasks.semantic import SemanticTask
from model.evaluation.vocabularies import CCP19
from model.network.towers import minilm
from model.parser import DEFAULT_CHECKPOINT, Parser, Query

DATA = Path(__file__).parent.parent / "data"
PHOTOS = sorted((DATA / "photos").glob("*.jpg"))
EMPTY = sorted((DATA / "empty").glob("*.jpg"))


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser.load(DEFAULT_CHECKPOINT, device="cpu")


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.stem)
def test_a_street_photo_has_one_person_with_a_face_and_garments(parser, path):
    image = picture(path)
    (answer,) = parser.parse([image], [Query()])
    assert answer.size == image.shape[:2]
    assert len(answer.persons) == 1
    labels = {segment.label for segment in answer.segments}
    assert "face" in labels
    assert sum(segment.kind != "body" for segment in answer.segments) >= 3
    assert {segment.person_id for segment in answer.segments} == {1}
    assert answer.persons[0].area > 0.05 * image.shape[0] * image.shape[1]


@pytest.mark.parametrize("path", EMPTY, ids=lambda path: path.stem)
def test_a_picture_without_people_has_no_person_and_no_segment(parser, path):
    (answer,) = parser.parse([picture(path)], [Query()])
    assert (answer.persons, answer.segments) == ((), ())
    assert not answer.person_map.any() and not answer.segment_map.any()


def test_two_people_side_by_side_are_two_persons_with_their_own_garments(parser):
    left, right = (picture(DATA / "photos" / f"{name}.jpg") for name in ("0405", "0617"))
    height = min(len(left), len(right))
    both = np.concatenate([left[:height], right[:height]], axis=1)
    (answer,) = parser.parse([both], [Query(prompts=("hair", "face", "bag", "shoes", "suit", "pants"))])
    assert len(answer.persons) == 2
    middle = left.shape[1]
    sides = {person.id: person.bbox[0] + person.bbox[2] / 2 < middle for person in answer.persons}
    assert set(sides.values()) == {True, False}
    for segment in answer.segments:
        columns = np.nonzero((answer.segment_map == segment.id).any(axis=0))[0]
        assert (np.median(columns) < middle) == sides[segment.person_id]
    for label in ("face", "bag", "shoes"):
        assert sum(segment.label == label for segment in answer.segments) == 2


def test_labelled_photos_of_the_tree_are_read_as_labelled(parser):
    semantic, persons = SemanticTask(CCP19), PersonTask(CCP19)
    dataset = CcpDataset(DATA / "ccp", "val")
    for item in dataset:
        (answer,) = parser.parse([item.image], [semantic.query])
        semantic.add(item, answer)
        persons.add(item, answer)
        known = item.labels != IGNORE
        assert ((answer.person_map > 0) == (item.labels > 0))[known].mean() > 0.95
    assert persons.result().summary["IoU of the best person"] > 0.85
    assert semantic.result().summary["mIoU"] > 0.32


def test_a_synonym_never_trained_finds_what_the_trained_word_finds(parser):
    image = picture(DATA / "photos" / "0617.jpg")
    masks = []
    for word in ("bag", "handbag"):
        (answer,) = parser.parse([image], [Query(prompts=(word,))])
        assert [segment.label for segment in answer.segments] == [word]
        masks.append(answer.segment_map > 0)
    assert (masks[0] & masks[1]).sum() > 0.8 * (masks[0] | masks[1]).sum()


def test_text_is_embedded_without_a_network():
    tower = minilm()
    reworded, trained, other = tower(["a photo of trousers", "a photo of pants", "a photo of a necklace"])
    assert float(reworded @ trained) > float(reworded @ other)
    assert float(reworded.norm()) == pytest.approx(1, abs=1e-5)
