"""Datasets in their releases' layouts through the parser: their own words, and their people."""

import json

import numpy as np
import pytest

from model.data.ccp import IGNORE
from model.data.formats.item import LabelledPhoto, LabelTable, Photos
from model.evaluation.cli import main
from model.evaluation.labelled import evaluate_labelled
from model.parsing import Parsing, Person, Segment
from tests.unit.formats_samples import plane, sides
from tests.unit.test_formats_pixels import cihp

BOX = (0, 0, 1, 1)


class Album(Photos):
    """Photos at hand."""

    def __init__(self, *photos):
        super().__init__("album", [photo.id for photo in photos])
        self.photos = {photo.id: photo for photo in photos}

    def load(self, id_):
        return self.photos[id_]


class Knowing:
    """Answers each photo with its own labels, but with `wrong` in place of some words."""

    name, revision = "knowing", "0" * 12

    def __init__(self, *photos, wrong=None, one_person=False, everywhere=False):
        self.photos = {photo.image.tobytes(): photo for photo in photos}
        self.wrong, self.one_person, self.asked = wrong or {}, one_person, []
        self.everywhere = everywhere

    def parse(self, images, queries):
        self.asked += [query.prompts for query in queries]
        return [self.answer(self.photos[image.tobytes()]) for image in images]

    def answer(self, photo):
        words = photo.table.to_words()[photo.classes]
        owner = photo.persons if photo.persons is not None else (words > 0).astype(np.uint8)
        owner = (owner > 0).astype(np.uint8) if self.one_person else owner
        segment_map = np.zeros(words.shape, np.uint16)
        segments: list[Segment] = []
        for place, word in enumerate(photo.table.words, 1):
            for person in range(1, int(owner.max()) + 1):
                mask = (words == place) & (owner == person)
                if mask.any():
                    label = self.wrong.get(word, word)
                    segment_map[mask] = len(segments) + 1
                    segments.append(
                        Segment(len(segments) + 1, label, "clothing", person, 1.0, BOX, int(mask.sum()))
                    )
        persons = tuple(
            Person(i, 0.9, BOX, 1, tuple(s.id for s in segments if s.person_id == i))
            for i in range(1, int(owner.max()) + 1)
        )
        if self.everywhere:
            segment_map[:] = 1
        return Parsing(segment_map, owner.astype(np.uint16), persons, tuple(segments))


def photo(id_, words, classes, persons=None, **more):
    image = np.random.default_rng(len(id_)).integers(0, 256, (*classes.shape, 3), np.uint8)
    return LabelledPhoto(id_, image, classes, LabelTable.of_words("album", words), persons, **more)


def figures(results, task):
    return next(result.summary for result in results if result.task == task)


def rows(results, task):
    return {name: values for name, values in next(r.rows for r in results if r.task == task)}


def test_the_truth_scores_one_and_is_asked_in_each_photos_own_words():
    first = photo("a", ["hat", "dress"], plane(0, 1, 2), sides(1, 2))
    second = photo("bb", ["coat", "hat"], plane(1, 2), sides(1, 2))
    parser = Knowing(first, second)
    results = evaluate_labelled(parser, Album(first, second), quiet=True)
    assert figures(results, "words")["mIoU"] == 1.0
    assert set(rows(results, "words")) == {"background", "hat", "dress", "coat"}
    assert figures(results, "together")["AP^p_50"] == 1.0
    assert parser.asked == [("hat", "dress"), ("coat", "hat")]


def test_a_word_taken_for_another_costs_both():
    one = photo("a", ["hat", "dress"], plane(0, 1, 2))
    results = evaluate_labelled(Knowing(one, wrong={"hat": "dress"}), Album(one), quiet=True)
    iou = {name: values[0] for name, values in rows(results, "words").items()}
    assert iou == {"background": 1.0, "hat": 0.0, "dress": 0.5}
    assert [result.task for result in results] == ["words"]  # nobody told persons apart


def test_two_people_taken_for_one_are_half_found():
    one = photo("a", ["hat", "dress"], plane(1, 2), sides(1, 2))
    together = figures(evaluate_labelled(Knowing(one, one_person=True), Album(one), quiet=True), "together")
    assert together["right number of persons found"] == 0.0
    assert together["AP^p_50"] == 0.0
    assert together["person masks, AR@100"] == pytest.approx(0.05)  # IoU .5 meets the first of ten thresholds


def test_what_a_partial_label_leaves_out_counts_nowhere():
    labels = plane(0, 1)
    one = photo("a", ["hat"], labels, partial=True)
    parser = Knowing(one, everywhere=True)
    assert figures(evaluate_labelled(parser, Album(one), quiet=True), "words")["mIoU"] == 1.0


def test_unknown_pixels_count_nowhere():
    labels = plane(1, IGNORE)
    one = photo("a", ["hat"], labels)
    assert figures(evaluate_labelled(Knowing(one), Album(one), quiet=True), "words")["mIoU"] == 1.0


def test_the_command_measures_a_release(tmp_path, capsys):
    from model.data.formats.registry import open_dataset

    root = cihp(tmp_path / "cihp")
    known = list(open_dataset("cihp", root, "val"))
    asked = ["--dataset", "cihp", "--data", str(root), "--split", "val", "--out", str(tmp_path / "out")]
    assert main([*asked, "--quiet"], open_parser=lambda _options: Knowing(*known)) == 0
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "cihp" in json.dumps(told)
    assert "together" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "cihp"], "needs --data"),
        (["--dataset", "cihp", "--data", "nowhere"], "no folder"),
        (["--dataset", "cihp", "--data", "nowhere", "--all"], "other datasets"),
        (["--dataset", "cihp", "--data", "nowhere", "--limit", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_measured_is_told(words, said, capsys):
    assert main(words, open_parser=lambda _options: Knowing()) == 2
    assert said in capsys.readouterr().err
