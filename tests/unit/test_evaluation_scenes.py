"""Tasks on generated scenes: groups, words never trained, garments that nobody wears."""

from collections.abc import Generator
from functools import partial

import numpy as np
import pytest

from model.data.ccp import BODY, IGNORE
from model.data.held_out import HELD_OUT_GARMENTS
from model.evaluation.plan import Plan
from model.evaluation.run import evaluate, synthetic
from model.evaluation.scenes import SEEDS, WORDS, groups, places, scene_table, standalone, unseen
from model.evaluation.studio import taken
from model.evaluation.tasks.groups import GroupTask
from model.evaluation.tasks.loose import StandaloneTask
from model.evaluation.tasks.words import UnseenTask, garments_in
from model.evaluation.vocabularies import CCP19
from model.parsing import Parsing, Query
from tests.unit.ccp_roots import REAL, figure, val, write_root
from tests.unit.evaluation_scenes import FakeMaker, FakeScene, SceneParser

GROUPS = list(taken(groups(5), FakeMaker, workers=0))
UNSEEN = list(taken(unseen(4), partial(FakeMaker, held_out=True), workers=0))
LOOSE = list(taken(standalone(3), FakeMaker, workers=0))


def run(parser, *tasks, **counts):
    plan = Plan(val(REAL), tasks=tasks, **counts)
    results = evaluate(parser, plan, quiet=True, open_maker=FakeMaker)
    return {result.task: result for result in results}


def rows(result):
    return {name: dict(zip(result.columns, values, strict=True)) for name, values in result.rows}


def test_the_truth_scores_full_marks_in_every_generated_task():
    parser = SceneParser([*GROUPS, *UNSEEN, *LOOSE])
    results = run(parser, "standalone", "groups", "unseen", groups=5, unseen=4, standalone=3)
    assert list(results) == ["groups", "unseen", "standalone"]
    groups_found = results["groups"].summary
    full = ("AP^p_50", "AP^p_vol", "PCP_50", "right person, of all parts", "mIoU", "AP^p_50, 6 people")
    assert {groups_found[name] for name in full} == {1.0}
    assert (groups_found["pictures"], groups_found["mean persons there"]) == (5, 4.0)
    assert groups_found["right number of persons found"] == 1.0
    assert results["unseen"].summary["mIoU of unseen words"] == 1.0
    assert results["unseen"].summary["unseen / seen"] == 1.0
    loose = results["standalone"].summary
    assert loose["loose pixels labelled"] == loose["loose pixels taken for a person"] == 0.0
    assert loose["the person's pixels labelled"] == 1.0
    assert loose["pictures with no loose pixel labelled"] == 3


def test_scenes_come_from_seeds_that_no_training_draws():
    seeds = [shot.seed for shots in (groups(200), unseen(200), standalone(200)) for shot in shots]
    assert min(seeds) == SEEDS == 9_000_000_000
    assert len(set(seeds)) == 600


def test_groups_have_two_to_six_people():
    assert [int(scene.persons.max()) for scene in GROUPS] == [2, 3, 4, 5, 6]


def test_a_limit_bounds_the_scenes_too():
    assert run(SceneParser(GROUPS), "groups", limit=2)["groups"].summary["pictures"] == 2


def test_words_of_scenes_fall_into_the_vocabularys_classes():
    table = scene_table(CCP19)
    named = {
        word: CCP19.names[table[i]] for i, word in enumerate(WORDS) if table[i] != IGNORE and i in range(200)
    }
    assert {named[word] for word in BODY} == {"skin"}
    assert (named["background"], named["jeans"], named["blouse"]) == ("background", "pants", "top")
    assert not set(named) & {*HELD_OUT_GARMENTS, "ring", "watch"}
    assert table[200] == IGNORE


def test_one_garment_on_the_neighbour_costs_both_people():
    # Two people of 20 pixels in two halves (hair above pants); the first one's pants hang on the second.
    classes = np.repeat(np.array([[WORDS.index("hair")], [WORDS.index("pants")]], np.uint8), 20, axis=1)
    persons = np.array([[1] * 10 + [2] * 10] * 2, np.uint8)
    scene = FakeScene(np.zeros((2, 20, 3), np.uint8), classes, persons, persons > 2)
    answer = SceneParser([scene]).parse([scene.image], [Query(prompts=CCP19.prompts)])[0]
    assert [(s.id, s.label, s.person_id) for s in answer.segments] == [
        (1, "hair", 1),
        (2, "pants", 1),
        (3, "hair", 2),
        (4, "pants", 2),
    ]
    moved = [
        s if s.id != 2 else type(s)(2, "pants", "clothing", 2, 1.0, s.bbox, s.area) for s in answer.segments
    ]
    task = GroupTask()
    task.rule = type(task.rule)(min_area=1)
    task.add(scene, Parsing(answer.segment_map, answer.person_map, answer.persons, tuple(moved)))
    summary = task.result().summary
    # First: hair 1, pants 0 -> .5. Second: hair 1, pants 10/20 -> .75.
    # Both are equally sure, so that the first is ranked first: precision 1/2 at recall 1/2.
    assert summary["AP^p_50"] == 1 / 2 * 1 / 2
    assert summary["AP^p_vol"] == pytest.approx((4 * 1 + 3 * 0.25 + 2 * 0) / 9)
    assert summary["PCP_50"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert summary["right person, of all parts"] == 3 / 4


def test_a_picture_is_asked_what_its_own_people_wear():
    scene = UNSEEN[0]
    query = UnseenTask().ask(scene)
    assert query.body_parts
    assert query.prompts == garments_in(scene)
    assert set(query.prompts) == {WORDS[i] for i in np.unique(scene.classes)} - {"background", "hair", "face"}


def test_garments_that_nobody_wears_are_not_asked():
    scene = FakeMaker().make_standalone(3, (384, 512))
    hung = FakeScene(
        scene.image, np.where(scene.loose, WORDS.index("vest"), scene.classes), scene.persons, scene.loose
    )
    assert "vest" not in garments_in(hung)


def test_unseen_words_that_are_missed_lower_the_ratio_by_their_share():
    result = run(SceneParser(UNSEEN, deaf_to=HELD_OUT_GARMENTS), "unseen", unseen=4)["unseen"]
    assert result.summary["mIoU of unseen words"] == 0.0
    assert result.summary["mIoU of seen words"] == 1.0
    assert result.summary["unseen / seen"] == 0.0
    assert rows(result)["pants (seen)"]["IoU"] == 1.0
    assert {name for name in rows(result) if name.endswith("(unseen)")} == {
        f"{WORDS[i]} (unseen)" for s in UNSEEN for i in np.unique(s.classes) if WORDS[i] in HELD_OUT_GARMENTS
    }


def test_words_are_pooled_over_pictures():
    # Two pictures of one saree each, 4 and 2 pixels; 1 of 4 and 2 of 2 found: (1 + 2) / 6.
    task = UnseenTask()
    for pixels, found in ((4, 1), (2, 2)):
        classes = np.array([[WORDS.index("saree")] * pixels], np.uint8)
        scene = FakeScene(np.zeros((1, pixels, 3), np.uint8), classes, classes // classes, classes < 0)
        answer = SceneParser([scene]).parse([scene.image], [task.ask(scene)])[0]
        partial = answer.segment_map * (np.arange(pixels) < found)
        task.add(
            scene, Parsing(partial.astype(np.uint16), answer.person_map, answer.persons, answer.segments)
        )
    assert task.result().summary["mIoU of unseen words"] == pytest.approx(3 / 6)


def test_a_label_on_a_loose_garment_is_counted_by_its_pixels():
    summary = run(SceneParser(LOOSE, labels_loose=True), "standalone", standalone=3)["standalone"].summary
    assert summary["loose pixels labelled"] == 1.0
    assert summary["loose pixels taken for a person"] == 0.0
    assert summary["pictures with no loose pixel labelled"] == 0


def test_loose_garments_are_asked_the_default_vocabulary():
    assert StandaloneTask().ask(LOOSE[0]) == Query()


def test_scenes_drawn_by_other_processes_are_the_same_and_in_order():
    ahead = list(taken(groups(5), FakeMaker, workers=1))
    assert [scene.image.tobytes() for scene in ahead] == [scene.image.tobytes() for scene in GROUPS]


def test_scenes_that_nobody_wants_any_more_are_not_drawn():
    scenes = taken(groups(200), FakeMaker, workers=1)
    assert next(scenes).image.tobytes() == GROUPS[0].image.tobytes()
    assert isinstance(scenes, Generator)
    scenes.close()  # waits for the processes to end
    assert next(scenes, None) is None


def test_places_show_nobody(tmp_path):
    # A figure in the middle third of 60 columns: 20 are free on either side, less a margin of 3.
    stranger = figure()
    stranger[0][:, 1:5] = IGNORE
    root = write_root(tmp_path, {"val": [figure(), stranger, figure()]})
    found = places(val(root))
    assert [place.shape for place in found] == [(80, 17, 3)] * 2
    assert (found[0] == val(root)[0].image[:, :17]).all()
    assert len(places(val(root), 1)) == 1


def test_what_the_generator_draws_is_what_the_tasks_read():
    scene = synthetic(held_out=True, backgrounds=places(val(REAL))).make(SEEDS, (96, 64), people=1)
    task = UnseenTask()
    assert set(task.ask(scene).prompts or ()) == set(garments_in(scene)) <= set(WORDS)
    task.add(scene, SceneParser([scene]).parse([scene.image], [task.ask(scene)])[0])
    assert (task.matrix == np.diag(np.diag(task.matrix))).all()
    assert task.matrix.sum() == 96 * 64
