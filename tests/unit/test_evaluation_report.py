"""Baselines, pictures and what stands around the figures."""

import json

import numpy as np
import pytest
from PIL import Image

from model.data.ccp import BODY, IGNORE, PARTS
from model.evaluation.baselines.baseline import BASELINES, Baseline
from model.evaluation.baselines.bodypix import BODY_OF_CHANNEL, BodyPix, answer, enlarged, entered
from model.evaluation.cli import main
from model.evaluation.composites import composites
from model.evaluation.confusion_picture import draw_confusion
from model.evaluation.gallery import Gallery, colored, palette, sheet
from model.evaluation.hardware import cores, processor
from model.evaluation.report import Report, comparison
from model.evaluation.result import Result
from model.evaluation.scenes import groups, standalone, unseen
from model.evaluation.studio import taken
from model.evaluation.tasks.semantic import SemanticTask
from model.evaluation.vocabularies import CCP19
from model.parsing import Query
from tests.unit.ccp_roots import TruthfulParser, figure, val, write_root
from tests.unit.evaluation_scenes import FakeMaker, SceneParser


@pytest.fixture
def root(tmp_path):
    figures = [figure(), figure(120, 72, top="sweater", bottom="shorts"), figure(top="coat")]
    return write_root(tmp_path / "ccp", {"val": figures})


class Everything:
    """Knows photos, composites and scenes."""

    name = "truth"
    revision = "0" * 12

    def __init__(self, root):
        self.photos = TruthfulParser([*val(root), *composites(val(root), 3)])
        held_out = FakeMaker(held_out=True)
        shots = [*groups(2), *standalone(2)]
        scenes = [*taken(shots, FakeMaker, 0), *(shot.taken(held_out) for shot in unseen(2))]
        self.scenes = SceneParser(scenes)

    def parse(self, images, queries):
        known = images[0].tobytes() in self.scenes.known
        return (self.scenes if known else self.photos).parse(images, queries)


def baseline(open_=lambda _: TruthfulParser([]), tasks=("persons",)):
    """A baseline that finds nobody, by an option of its own."""
    return Baseline("half", tasks, open_, "It is blind.", lambda parser: parser.add_argument("--half"))


def command(root, *more):
    return ["--data", str(root), "--quiet", "--workers", "0", "--limit", "2", *more]


def run(words, root, other):
    return main(
        words,
        open_parser=lambda _: Everything(root),
        open_maker=FakeMaker,
        baselines={other.name: other},
    )


def test_all_measures_every_task_and_writes_a_report_with_its_circumstances(root, tmp_path, capsys):
    out = tmp_path / "out"
    words = command(root, "--all", "--out", str(out), "--examples", "2")
    assert run(words, root, baseline()) == 0
    report = json.loads((out / "report.json").read_text())
    assert list(report["tasks"]) == [
        *("semantic", "persons", "synonyms", "parts", "fpp", "bhp", "ccp", "cop", "exposure", "dropping"),
        *("composites", "distant", "empty", "groups", "unseen", "standalone"),
    ]
    assert report["tasks"]["groups"]["summary"]["AP^p_vol"] == 1.0
    assert report["baselines"]["half"]["persons"]["summary"]["IoU of the best person"] == 0.0
    assert set(report["hardware"]) == {"processor", "cores", "torch", "device", "took"}
    assert report["command"].startswith("spectrum evaluate --data ")
    page = (out / "report.md").read_text()
    assert "| persons: IoU of the best person | 1.000 | 0.000 |" in page
    assert "It is blind." in page and "- torch: 2" in page and "## persons, half" in page
    for name in ("best.jpg", "worst.jpg", "confusion.png"):
        assert name in (out / "pictures.md").read_text()
        with Image.open(out / name) as picture:
            assert min(picture.size) > 100
    assert str(out / "confusion.png") in capsys.readouterr().out


def test_a_baseline_that_is_asked_for_and_cannot_be_opened_is_said(root, capsys):
    words = command(root, "--tasks", "persons", "--baseline", "bodypix", "--bodypix", "nowhere.onnx")
    assert main(words, open_parser=lambda _: TruthfulParser(val(root))) == 2
    assert "nowhere.onnx" in capsys.readouterr().err


def test_all_leaves_out_what_cannot_be_opened_and_says_so(root, capsys):
    def absent(_):
        raise ValueError("half is not here")

    words = [*command(root), "--all", "--empty", "tests/data/empty"]
    assert run(words, root, baseline(absent)) == 0
    assert "left out: half is not here" in capsys.readouterr().err


def test_a_baseline_reads_options_of_its_own(root, capsys):
    def told(options):
        raise ValueError(f"half is {options.half}")

    assert run(command(root, "--baseline", "half", "--half", "full"), root, baseline(told)) == 2
    assert "half is full" in capsys.readouterr().err


def test_a_baseline_is_shown_the_same_scenes(root, tmp_path):
    words = command(root, "--tasks", "groups", "--baseline", "half", "--out", str(tmp_path))
    knowing = baseline(lambda _: Everything(root), tasks=("groups", "semantic"))
    assert run(words, root, knowing) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["baselines"]["half"] == report["tasks"]


def test_without_baselines_nothing_is_compared():
    assert comparison([Result("persons", {"IoU": 1.0})], {}) == []


def test_a_number_that_one_side_lacks_is_a_dash():
    lines = comparison([], {"one": [Result("a", {"x": 1.0})], "two": [Result("a", {"y": 2})]})
    assert lines[-2:] == ["| a: x | - | 1.000 | - |", "| a: y | - | - | 2 |"]


def test_a_report_without_circumstances_stays_short():
    assert Report({"model": "mini"}, ()).markdown().splitlines() == ["# Evaluation", "", "- model: mini"]


# BodyPix


def test_every_channel_of_bodypix_has_its_body_part():
    assert len(BODY_OF_CHANNEL) == 24
    assert BODY[BODY_OF_CHANNEL[PARTS.index("left_hand") - 1]] == "hand"
    assert set(BODY_OF_CHANNEL) == set(range(len(BODY)))


def test_a_picture_enters_bodypix_at_sides_of_sixteen_and_one():
    pixels = entered(np.full((100, 30, 3), 255, np.uint8))
    assert pixels.shape == (1, 97, 33, 3)
    assert pixels.dtype == np.float32 and (pixels == 1).all()
    assert entered(np.zeros((5, 5, 3), np.uint8)).shape == (1, 17, 17, 3)


def test_maps_are_enlarged_corner_to_corner():
    big = enlarged(np.array([[0, 2], [4, 6]], np.float32), (3, 5))
    assert big.tolist() == [[0, 0.5, 1, 1.5, 2], [2, 2.5, 3, 3.5, 4], [4, 4.5, 5, 5.5, 6]]
    assert enlarged(np.ones((1, 1), np.float32), (2, 3)).tolist() == [[1] * 3] * 2


def test_bodypix_maps_become_one_person_with_the_parts_asked_for():
    segments = np.array([[-4, 4, 4, 4]], np.float32)
    parts = np.zeros((1, 4, 24), np.float32)
    hand, face = PARTS.index("right_hand") - 1, PARTS.index("left_face") - 1
    parts[0, :2, face] = parts[0, 2:, hand] = 9
    found = answer(segments, parts, (1, 4), Query(prompts=("hand", "hair")))
    assert found.person_map.tolist() == [[0, 1, 1, 1]]
    assert [(s.label, s.person_id, s.area) for s in found.segments] == [("hand", 1, 2)]
    assert found.segment_map.tolist() == [[0, 0, 1, 1]]
    assert found.persons[0].bbox == (1, 0, 3, 1) and found.persons[0].segments == (1,)
    assert found.persons[0].score == pytest.approx(1 / (1 + np.exp(-4)))
    whole = answer(segments, parts, (1, 4), Query())
    assert {s.label for s in whole.segments} == {"face", "hand"}


def test_bodypix_finds_nobody_where_nobody_is():
    found = answer(
        np.full((2, 2), -1, np.float32), np.zeros((2, 2, 24), np.float32), (4, 4), Query(body_parts=True)
    )
    assert (found.persons, found.segments) == ((), ())


def test_a_missing_bodypix_says_where_it_was_sought(tmp_path):
    with pytest.raises(ValueError, match=r"no BodyPix model at .*gone\.onnx|needs onnxruntime"):
        BodyPix(tmp_path / "gone.onnx")


def test_a_baseline_names_tasks_that_there_are():
    from model.evaluation.plan import TASKS

    assert all(set(known.tasks) <= set(TASKS) for known in BASELINES.values())
    assert {name: known.name for name, known in BASELINES.items()} == {name: name for name in BASELINES}


# Pictures


def test_the_gallery_keeps_the_best_and_the_worst(root):
    gallery = Gallery(CCP19, 1)
    blind = TruthfulParser([val(root)[0]])
    for item in val(root):
        gallery.add(item, blind.parse([item.image], [gallery.query])[0])
    assert [(e.id, e.score) for e in gallery.best] == [("0001", 1.0)]
    # Of what nobody found only background is partly right: the larger the figure, the worse.
    assert gallery.worst[0].id in ("0002", "0003")
    assert gallery.worst[0].score < 0.2
    assert [name for name, _ in gallery.result().rows] == ["best 0001", f"worst {gallery.worst[0].id}"]


def test_a_sheet_shows_each_example_three_times(root):
    gallery = Gallery(CCP19, 2)
    for item in val(root):
        gallery.add(item, TruthfulParser([item]).parse([item.image], [gallery.query])[0])
    page = sheet(gallery.best, CCP19.names)
    photo = gallery.best[0].image
    width = round(photo.shape[1] * 240 / photo.shape[0])
    assert page.width == 2 * 3 * width
    pixels = np.asarray(page)
    truth, found = pixels[16:256, width : 2 * width], pixels[16:256, 2 * width : 3 * width]
    assert (truth == found).all()  # the answer was the truth
    assert sheet([], CCP19.names).width > 0


def test_colours_differ_and_background_keeps_the_photo():
    colors = palette(20)
    assert len({tuple(color) for color in colors.tolist()}) == 20
    image = np.full((1, 3, 3), 100, np.uint8)
    shown = colored(np.array([[0, 5, IGNORE]], np.uint8), image, colors)
    assert shown[0, 0].tolist() == [100] * 3
    assert shown[0, 1].tolist() == (100 * 0.35 + colors[5] * 0.65).astype(np.uint8).tolist()
    assert (shown[0, 2] > 190).all()


def test_a_confusion_is_drawn_and_a_result_without_one_is_refused(root, tmp_path):
    task = SemanticTask(CCP19)
    for item in val(root):
        task.add(item, TruthfulParser([item]).parse([item.image], [task.query])[0])
    path = draw_confusion(task.result(), tmp_path / "confusion.png")
    with Image.open(path) as picture:
        assert picture.width > picture.height > 200
    with pytest.raises(ValueError, match="'persons' counts no confusion"):
        draw_confusion(Result("persons", {}), tmp_path / "none.png")


# Hardware


def test_the_processor_is_named_as_linux_names_it(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Some CPU @ 2 GHz\n")
    assert processor(file) == "Some CPU @ 2 GHz"
    assert processor(tmp_path / "nowhere")
    assert cores() >= 1
