from io import StringIO

import numpy as np
import pytest
from PIL import Image
from tqdm import tqdm

from model.data.ccp import IGNORE
from model.evaluation.composites import composites, pairs, side_by_side, whole_ids
from model.evaluation.feeding import feed
from model.evaluation.plan import DEFAULT_TASKS, PHOTO_TASKS, Plan
from model.evaluation.run import evaluate
from model.evaluation.tasks.body import PartTask
from model.evaluation.tasks.groups import CompositeTask
from model.evaluation.tasks.people import EmptyTask
from model.evaluation.tasks.semantic import SemanticTask
from model.evaluation.tasks.task import painted
from model.evaluation.vocabularies import CCP19
from model.parsing import Parsing, Query, Segment
from tests.unit.ccp_roots import REAL, TruthfulParser, figure, label, nothing, val, write_root


@pytest.fixture
def root(tmp_path):
    """Three photos; a stranger whom nobody labelled stands in the last."""
    stranger = figure(88, 60, top="coat", bottom="skirt")
    stranger[0][5:20, :8] = IGNORE
    figures = [figure(), figure(120, 72, top="sweater", bottom="shorts"), stranger]
    return write_root(tmp_path / "ccp", {"val": figures})


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("cat.jpg", "lake.png"):
        Image.new("RGB", (20, 10)).save(tmp_path / "empty" / name)
    return tmp_path / "empty"


def truthful(root, **options):
    dataset = val(root)
    return TruthfulParser([*dataset, *composites(dataset, 50)], **options)


def run(parser, root, *tasks, **options):
    plan = Plan(val(root), tasks=tasks, **options)
    return {result.task: result for result in evaluate(parser, plan, quiet=True)}


def rows(result):
    return {name: dict(zip(result.columns, values, strict=True)) for name, values in result.rows}


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_the_truth_scores_full_marks_in_every_task(root, empty, batch):
    results = run(truthful(root), root, *DEFAULT_TASKS, empty=empty, batch=batch)
    assert list(results) == list(DEFAULT_TASKS)
    assert results["semantic"].summary["mIoU"] == 1.0
    assert results["semantic"].summary["mAcc"] == 1.0
    assert results["persons"].summary["IoU of the best person"] == 1.0
    assert results["persons"].summary["IoU of the matching persons together"] == 1.0
    assert results["persons"].summary["pictures with one matching person"] == 1.0
    assert results["synonyms"].summary["mIoU, synonyms"] == 1.0
    assert results["synonyms"].summary["loss in percent"] == 0.0
    assert results["parts"].summary["mIoU of the parts"] == 1.0
    assert results["composites"].summary["two persons found"] == 1.0
    assert results["composites"].summary["right person, of all parts"] == 1.0
    assert results["composites"].summary["AP^p_vol"] == 1.0
    assert results["composites"].summary["PCP_50"] == 1.0
    assert results["empty"].summary == {"pictures": 2, "with no person and no segment": 2}


def test_the_truth_of_real_photos_scores_full_marks():
    results = run(truthful(REAL), REAL, *PHOTO_TASKS, "composites")
    assert results["semantic"].summary["mIoU"] == 1.0
    assert results["parts"].summary["mIoU of the parts"] == 1.0
    assert results["composites"].summary["right person, of all parts"] == 1.0
    assert results["composites"].summary["composites"] == 1


def test_a_class_that_is_never_found_costs_its_own_share(root):
    semantic = run(truthful(root, deaf_to=["coat"]), root, "semantic")["semantic"]
    table = rows(semantic)
    assert table["coat"]["IoU"] == 0.0
    assert table["skirt"]["IoU"] == 1.0
    # The coat's pixels are given to the background, which has pixels of its own.
    labels = [item.labels for item in val(root)]
    background = sum(int((plane == 0).sum()) for plane in labels)
    coat = sum(int((plane == label("coat")).sum()) for plane in labels)
    assert table["background"]["IoU"] == pytest.approx(background / (background + coat))
    present = semantic.summary["classes"]
    assert semantic.summary["mIoU"] == pytest.approx(
        (present - 2 + table["background"]["IoU"]) / present,
    )


def test_two_photos_by_hand(tmp_path):
    # Four pixels each: hat hat 0 0. The answers: hat 0 0 0 and hat hat hat 0.
    labels = np.array([[label("hat"), label("hat"), 0, 0]], np.uint8)
    items = list(val(write_root(tmp_path, {"val": [(labels, labels * 0), (labels, labels * 0)]})))
    task = SemanticTask(CCP19)
    for item, pixels in zip(items, ([1, 0, 0, 0], [1, 1, 1, 0]), strict=True):
        hat = Segment(1, "hat", "clothing", 1, 1.0, (0, 0, 1, 1), 1)
        segment_map = np.array([pixels], np.uint16)
        task.add(item, Parsing(segment_map, segment_map, segments=(hat,)))
    # hat: 3 both, 4 true, 4 predicted -> 3/5; background: 3 both, 4 and 4 -> 3/5.
    assert task.iou(("hat", "background")).tolist() == [3 / 5, 3 / 5]
    assert task.result().summary == {"mIoU": 3 / 5, "mAcc": 3 / 4, "classes": 2}


def test_a_parser_that_knows_no_synonym_loses_all_it_had(root):
    synonyms = run(truthful(root, deaf_to=["trousers", "pullover", "blouse and shirt"]), root, "synonyms")
    assert synonyms["synonyms"].summary["mIoU, trained wording"] == 1.0
    assert synonyms["synonyms"].summary["mIoU, synonyms"] == 0.0
    assert synonyms["synonyms"].summary["loss in percent"] == 100.0
    assert rows(synonyms["synonyms"])["pants -> trousers"] == {
        "IoU, trained wording": 1.0,
        "IoU, synonym": 0.0,
    }


def test_a_parser_that_sees_nobody_scores_zero_persons(root):
    persons = run(TruthfulParser([]), root, "persons")["persons"].summary
    assert persons["IoU of the best person"] == 0.0
    assert persons["pictures with none"] == 1.0


def test_body_parts_that_are_missed_are_named(root):
    parts = run(truthful(root, deaf_to=["face"]), root, "parts")["parts"]
    assert rows(parts)["face"]["IoU"] == 0.0
    assert rows(parts)["hair"]["IoU"] == 1.0
    assert parts.summary["mIoU of the parts"] == 0.5  # the figures show nothing else


def test_parts_are_not_judged_where_nobody_knows_them(tmp_path):
    # Skin of the left face, skin of no part, a stranger: hand is answered for the last two.
    labels = np.array([[label("skin"), label("skin"), IGNORE]], np.uint8)
    item = val(write_root(tmp_path, {"val": [(labels, np.array([[1, 0, 0]], np.uint8))]}))[0]
    task = PartTask()
    segments = tuple(
        Segment(i, name, "body", 1, 1.0, (0, 0, 1, 1), 1) for i, name in ((1, "face"), (2, "hand"))
    )
    segment_map = np.array([[1, 2, 2]], np.uint16)
    task.add(item, Parsing(segment_map, segment_map, segments=segments))
    assert task.result().summary["mIoU of the parts"] == 1.0
    assert task.matrix.sum() == 1


def test_clothes_on_the_wrong_person_are_found_but_not_right(root):
    summary = run(truthful(root, swapped=True), root, "composites")["composites"].summary
    assert summary["two persons found"] == 1.0
    assert summary["right person, of parts found"] == 0.0
    assert summary["mIoU"] == 1.0


def test_one_person_where_two_stand_is_counted(root):
    composite = next(composites(val(root), 1))
    task = CompositeTask()
    whole = TruthfulParser([composite]).parse([composite.image], [task.query])[0]
    nowhere = np.zeros_like(whole.segment_map)
    merged = Parsing(nowhere, np.ones_like(whole.person_map), whole.persons[:1])
    task.add(composite, merged)
    assert task.result().summary["two persons found"] == 0.0
    assert task.result().summary["right person, of all parts"] == 0.0


def test_a_person_in_an_empty_picture_is_told_with_its_name():
    task = EmptyTask()
    answer = nothing(np.zeros((4, 4, 3), np.uint8))
    task.add("lake.png", answer)
    hat = Segment(1, "hat", "clothing", 1, 0.4, (0, 0, 1, 1), 1)
    task.add("cat.jpg", Parsing(answer.segment_map, answer.person_map, segments=(hat,)))
    result = task.result()
    assert result.summary == {"pictures": 2, "with no person and no segment": 1}
    assert dict(result.rows) == {"lake.png": (0, 0), "cat.jpg": (0, 1)}


def test_tasks_that_ask_the_same_share_one_answer(root):
    parser = truthful(root)
    run(parser, root, "semantic", "persons", "synonyms", limit=2)
    assert len(parser.asked) == 4  # two photos, two wordings


def test_an_answer_of_another_size_is_refused(root):
    class Shrunk(TruthfulParser):
        def parse(self, images, queries):
            return super().parse([image[::2] for image in images], queries)

    with pytest.raises(ValueError, match=r"\(80, 60\)"):
        run(Shrunk([]), root, "semantic")


def test_every_picture_moves_the_progress_bar(root):
    bar = tqdm(total=3, file=StringIO())
    feed(truthful(root), [(item.image, item) for item in val(root)], [SemanticTask(CCP19)], 2, bar)
    assert bar.n == 3


def test_a_quiet_evaluation_shows_no_bar(root, capsys):
    evaluate(truthful(root), Plan(val(root), tasks=("persons",)), quiet=True)
    assert capsys.readouterr().err == ""


def test_segments_paint_their_class_and_nothing_else():
    hat = Segment(2, "hat", "clothing", 1, 1.0, (0, 0, 1, 1), 1)
    lost = Segment(9, "vest", "clothing", 1, 1.0, (0, 0, 1, 1), 0)
    segment_map = np.array([[0, 2, 2]], np.uint16)
    classes = painted(Parsing(segment_map, segment_map, segments=(hat, lost)), CCP19)
    assert classes.tolist() == [[0, *[CCP19.class_of_prompt("hat")] * 2]]


def test_composites_use_fully_labelled_photos_only(root):
    assert whole_ids(val(root)) == ["0001", "0002"]
    assert {frozenset(c.ids) for c in composites(val(root), 9)} == {frozenset(("0001", "0002"))}


def test_a_composite_keeps_both_photos_and_their_truth(root):
    dataset = val(root)
    left, right = dataset.load("0001"), dataset.load("0002")
    composite = side_by_side(left, right)
    assert composite.image.shape == (80, 60 + 48, 3)  # 120 x 72 scaled to a height of 80
    assert (composite.image[:, :60] == left.image).all()
    assert (composite.labels[:, :60] == left.labels).all()
    assert set(np.unique(composite.labels[:, 60:])) == set(np.unique(right.labels))
    assert ((composite.owner > 0) == (composite.labels > 0)).all()
    assert set(np.unique(composite.owner[:, :60])) == {0, 1}
    assert set(np.unique(composite.owner[:, 60:])) == {0, 2}


def test_pairs_are_different_photos_and_the_same_for_the_same_seed():
    ids = [f"{i:04d}" for i in range(7)]
    chosen = pairs(ids, 12, seed=3)
    assert len({frozenset(pair) for pair in chosen}) == 12
    assert all(len(set(pair)) == 2 for pair in chosen)
    assert pairs(ids, 12, seed=3) == chosen
    assert pairs(ids, 12, seed=4) != chosen
    assert len(pairs(ids, 500, seed=3)) == 21  # all there are


def test_one_photo_makes_no_pair():
    with pytest.raises(ValueError, match="there are 1"):
        pairs(["0001"], 1, seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ("semantics",)}, "semantics"),
        ({"tasks": ("semantic",), "batch": 0}, "batch must be at least 1, not 0"),
        ({"tasks": ("semantic",), "limit": 0}, "limit"),
        ({"tasks": ("empty",)}, "folder of pictures without people"),
    ],
)
def test_a_plan_that_cannot_be_run_says_why(root, options, message):
    with pytest.raises(ValueError, match=message):
        Plan(val(root), **options)


def test_composites_need_two_labelled_photos(tmp_path):
    root = write_root(tmp_path, {"val": [figure()]})
    with pytest.raises(ValueError, match="two fully labelled photos"):
        Plan(val(root), tasks=("composites",))


def test_an_unpainted_vocabulary_word_is_an_error_not_a_zero():
    saree = Segment(1, "saree", "clothing", 1, 1.0, (0, 0, 1, 1), 1)
    segment_map = np.ones((1, 1), np.uint16)
    with pytest.raises(ValueError, match="saree"):
        painted(Parsing(segment_map, segment_map, segments=(saree,)), CCP19)


def test_empty_pictures_are_asked_the_default_vocabulary():
    assert EmptyTask().query == Query()
