"""The method's tasks and the two curves, on tiny datasets whose truth is known."""

import numpy as np
import pytest

from model.data.ccp import CcpItem
from model.evaluation.photos import evaluate_photos
from model.evaluation.plan import Plan
from model.evaluation.tasks.curves import PhraseTask, darkened
from model.evaluation.tasks.paper import BodyParts, PersonMasks, WornThings
from model.evaluation.vocabularies import CCP19
from model.parsing import Parsing, Person, Segment
from tests.unit.ccp_roots import REAL, TruthfulParser, figure, label, part, val, write_root

PAPER = ("fpp", "bhp", "ccp", "cop")


@pytest.fixture
def root(tmp_path):
    return write_root(tmp_path, {"val": [figure(), figure(120, 72, top="sweater", bottom="shorts")]})


def run(parser, dataset, *tasks):
    return evaluate_photos(parser, Plan(dataset, tasks=tasks), quiet=True)


def rows(result):
    return {name: dict(zip(result.columns, values, strict=True)) for name, values in result.rows}


def test_the_truth_of_real_photos_scores_full_marks_in_the_papers_tasks():
    results = run(TruthfulParser(val(REAL)), val(REAL), *PAPER)
    for name in PAPER:
        summary = results[name].summary
        assert {round(value, 9) for value in summary.values()} == {1.0}, name
        assert set(summary) == {"mIoU", "mAcc", "mAP", "mAP_50", "AR@100", "PQ"}


def test_accessories_and_clothing_share_the_vocabulary_between_them():
    accessories, clothing = WornThings("ccp", "accessory"), WornThings("cop", "clothing")
    names = [{CCP19.names[i] for i in task.chosen} for task in (accessories, clothing)]
    assert names[0] == {"bag", "hat", "scarf", "belt", "sunglasses"}
    assert not names[0] & names[1]
    assert names[0] | names[1] | {"hair", "skin"} == set(CCP19.classes)


def item(labels, parts=None):
    plane = np.array([labels], np.uint8)
    body = plane * 0 if parts is None else np.array([parts], np.uint8)
    return CcpItem("1", np.zeros((1, len(labels), 3), np.uint8), plane, body)


def answer(segment_map, segments, person_map=None, persons=()):
    plane = np.array([segment_map], np.uint16)
    people = np.array([person_map or [0] * len(segment_map)], np.uint16)
    return Parsing(plane, people, persons, segments)


def segment(id_, name, person=1, score=1.0):
    return Segment(id_, name, "clothing", person, score, (0, 0, 1, 1), 1)


def test_clothing_by_hand():
    # A dress of 10 pixels of which 8 are found, and 2 are called a coat.
    task = WornThings("cop", "clothing")
    found = answer([1] * 8 + [2] * 2 + [0] * 2, (segment(1, "dress"), segment(2, "coat")))
    task.add(item([label("dress")] * 10 + [0] * 2), found)
    table = rows(task.result())
    assert table["dress"]["IoU"] == table["dress"]["accuracy"] == 0.8
    assert table["dress"]["AP"] == pytest.approx(0.7)  # .50 .55 ... .80
    assert table["dress"]["PQ"] == pytest.approx(0.8)
    assert (table["coat"]["IoU"], table["coat"]["PQ"]) == (0.0, 0.0)
    assert np.isnan(table["coat"]["AP"]) and np.isnan(table["skirt"]["IoU"])
    assert task.result().summary["mIoU"] == pytest.approx((0.8 + 0) / 2)
    assert task.result().summary["mAP"] == pytest.approx(0.7)


def test_body_parts_by_hand():
    # A face of four pixels found whole, a hand of two missed.
    task = BodyParts()
    labels = [label("skin")] * 6
    parts = [part("left_face")] * 4 + [part("left_hand")] * 2
    task.add(item(labels, parts), answer([1] * 4 + [0] * 2, (segment(1, "face"),)))
    table = rows(task.result())
    assert (table["face"]["AP"], table["hand"]["AP"]) == (pytest.approx(1.0), 0.0)
    assert task.result().summary["mAP"] == pytest.approx(0.5)
    assert task.result().summary["mIoU"] == pytest.approx(0.5)


def test_a_person_found_in_two_halves_is_neither():
    task = PersonMasks()
    halves = (Person(1, 0.9, (0, 0, 1, 1), 5), Person(2, 0.8, (0, 0, 1, 1), 5))
    task.add(item([label("dress")] * 10), answer([0] * 10, (), [1] * 5 + [2] * 5, halves))
    summary = task.result().summary
    assert summary["mIoU"] == 1.0  # every pixel is somebody's
    assert summary["PQ"] == 0.0
    assert summary["mAP_50"] == pytest.approx(1.0)  # IoU .50 is reached by the surer half, .55 is not
    assert summary["mAP"] == pytest.approx(0.1)


def test_the_dark_takes_nothing_from_who_knows_the_truth(root):
    dataset = val(root)
    dark = [
        CcpItem(i.id, darkened(i.image, gamma), i.labels, i.parts)
        for i in dataset
        for gamma in (0.75, 0.5, 0.25)
    ]
    result = run(TruthfulParser([*dataset, *dark]), dataset, "exposure")["exposure"]
    assert [name for name, _ in result.rows] == ["gamma 1", "gamma 0.75", "gamma 0.5", "gamma 0.25"]
    assert set(result.summary.values()) == {1.0}


def test_who_knows_bright_pictures_only_sees_nothing_in_the_dark(root):
    result = run(TruthfulParser(val(root)), val(root), "exposure")["exposure"]
    assert result.summary["mIoU at gamma 1"] == 1.0
    background = rows(result)["gamma 0.25"]["mIoU"]
    assert 0 < background < 0.2  # one class of many
    assert rows(result)["gamma 0.25"]["of the first"] == background


@pytest.mark.parametrize("gamma", [0.75, 0.5, 0.25])
def test_a_gamma_below_one_darkens_and_keeps_black_and_white(gamma):
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    dark = darkened(ramp, gamma)
    assert (dark <= ramp).all() and dark[0, 128, 0] < 128
    assert (dark[0, 0, 0], dark[0, 255, 0]) == (0, 255)
    assert (np.diff(dark[0, :, 0].astype(int)) >= 0).all()


def test_gamma_one_half_squares():
    assert darkened(np.full((1, 1, 3), 128, np.uint8), 0.5)[0, 0, 0] == round(255 * (128 / 255) ** 2)
    with pytest.raises(ValueError, match="not 0"):
        darkened(np.zeros((1, 1, 3), np.uint8), 0)


def test_three_of_ten_phrases_are_left_out_and_always_the_same():
    names = ("hair", "skin", "dress", "shoes", "bag", "belt", "hat", "scarf", "vest", "socks")
    photo = item([label(name) for name in names])
    task = PhraseTask(CCP19, drop=True)
    remaining, dropped = task.split(photo)
    assert (len(remaining), len(dropped)) == (7, 3)
    assert {CCP19.names[c] for c in (*remaining, *dropped)} == set(names)
    assert task.split(photo) == (remaining, dropped)
    assert task.ask(photo).prompts == tuple(CCP19.names[c] for c in remaining)
    assert sorted(PhraseTask(CCP19, drop=False).ask(photo).prompts or ()) == sorted(names)
    others = {tuple(PhraseTask(CCP19, drop=True, seed=seed).split(photo)[1]) for seed in range(9)}
    assert len(others) > 1


def test_the_only_phrase_of_a_picture_is_not_left_out():
    assert PhraseTask(CCP19, drop=True).split(item([label("dress"), 0])) == (
        [CCP19.class_of_prompt("dress")],
        [],
    )


def test_a_dropped_phrase_costs_only_where_another_takes_its_pixels():
    photo = item([label(name) for name in ("hair", "skin", "dress", "shoes")])
    task = PhraseTask(CCP19, drop=True)
    remaining, (out,) = task.split(photo)
    first = CCP19.names[remaining[0]]
    segments = tuple(segment(i, CCP19.names[c]) for i, c in enumerate(remaining, 1))
    ids = {c: i for i, c in enumerate(remaining, 1)}
    truth = CCP19.truth(photo.labels)[0].tolist()
    task.add(photo, answer([ids.get(c, 0) for c in truth], segments))
    assert task.result().summary["mIoU"] == 1.0
    greedy = PhraseTask(CCP19, drop=True)
    greedy.add(photo, answer([ids.get(c, 1) for c in truth], segments))  # the first takes the lost pixel
    # The first has 1 of 2, background 0 of 1, the other two are right.
    assert greedy.result().summary["mIoU"] == pytest.approx((1 / 2 + 0 + 1 + 1) / 4), (first, out)


def test_the_truth_loses_nothing_by_dropped_phrases():
    result = run(TruthfulParser(val(REAL)), val(REAL), "dropping")["dropping"]
    assert result.summary == {
        "mIoU, all phrases asked": 1.0,
        "mIoU, 30 % left out": 1.0,
        "loss in points": 0.0,
    }
