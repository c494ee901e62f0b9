import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from model.data.ccp import IGNORE, LABELS, CcpDataset, tagged_photos
from model.data.ccp_convert import Options, convert, main, split
from tests.unit.ccp_roots import figure, label

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "ccp_raw_sample"
SOURCES = ["written", "nested", *(["sample"] if SAMPLE.is_dir() else [])]


def write_release(root: Path, folders: tuple[str, str] = ("", ""), names: tuple[str, ...] = LABELS) -> Path:
    """Two photos with ground truth as the release has them, flat or in (photos, ground truths) folders."""
    photos, truths = (root / folder for folder in folders)
    photos.mkdir(parents=True, exist_ok=True)
    truths.mkdir(parents=True, exist_ok=True)
    cells = np.empty((1, len(names)), object)
    cells[0] = names
    savemat(root / "label_list.mat", {"label_list": cells})
    for id_, height in (("0001", 90), ("0002", 120)):
        labels, _ = figure(height, 60)
        Image.fromarray(np.full((height, 60, 3), 90, np.uint8)).save(photos / f"{id_}.jpg")
        savemat(truths / f"{id_}.mat", {"groundtruth": labels})
    return root


@pytest.fixture(params=SOURCES)
def release(request, tmp_path) -> Path:
    if request.param == "sample":
        return SAMPLE
    nested = ("photos", "annotations/pixel-level")
    return write_release(tmp_path / "release", nested if request.param == "nested" else ("", ""))


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def truths_of(release: Path) -> dict[str, np.ndarray]:
    return {path.stem: loadmat(path)["groundtruth"] for path in release.rglob("[0-9]*.mat")}


def test_every_labelled_photo_arrives_with_its_labels(release, tmp_path):
    convert(release, tmp_path / "out", Options(side=48), quiet=True)
    truths = truths_of(release)
    items = [item for side in ("train", "val") for item in CcpDataset(tmp_path / "out", side)]
    assert sorted(item.id for item in items) == sorted(truths)
    for item in items:
        assert min(item.labels.shape) == 48
        assert item.image.shape[:2] == item.labels.shape == item.parts.shape
        assert set(np.unique(item.labels)) <= set(np.unique(truths[item.id]))
        shares = [(plane == label("hair")).mean() for plane in (item.labels, truths[item.id])]
        assert shares[0] == pytest.approx(shares[1], abs=0.01)
        assert not item.parts.any()


def test_a_photo_is_never_enlarged(release, tmp_path):
    convert(release, tmp_path / "out", Options(side=5000), quiet=True)
    for id_, truth in truths_of(release).items():
        copied = tmp_path / "out" / "labels" / f"{id_}.png"
        assert (read(copied) == truth).all()


def test_body_parts_come_from_their_folder(tmp_path):
    release = write_release(tmp_path / "release")
    (tmp_path / "parts").mkdir()
    _, parts = figure(90, 60)
    Image.fromarray(parts).save(tmp_path / "parts" / "0001.png")
    convert(release, tmp_path / "out", Options(side=60, parts=tmp_path / "parts"), quiet=True)
    written = read(tmp_path / "out" / "parts" / "0001.png")
    assert (written == parts).all()
    assert not read(tmp_path / "out" / "parts" / "0002.png").any()


def test_photos_with_tags_only_are_kept_apart(tmp_path):
    release = write_release(tmp_path / "release")
    tags = release / "annotations" / "image-level"
    tags.mkdir(parents=True)
    savemat(tags / "1005.mat", {"tags": np.array([[0, label("skin"), label("hat")]])})
    Image.new("RGB", (60, 90)).save(release / "1005.jpg")
    convert(release, tmp_path / "out", Options(side=30), quiet=True)
    assert tagged_photos(tmp_path / "out") == [
        (tmp_path / "out" / "images_tagged" / "1005.jpg", ("hat", "skin")),
    ]
    assert read(tmp_path / "out" / "images_tagged" / "1005.jpg").shape == (45, 30, 3)


def test_unlabelled_people_stay_unlabelled(tmp_path):
    release = write_release(tmp_path / "release")
    labels, _ = figure(90, 60)
    labels[:, :10] = IGNORE
    savemat(release / "0001.mat", {"groundtruth": labels})
    convert(release, tmp_path / "out", Options(side=60), quiet=True)
    assert (read(tmp_path / "out" / "labels" / "0001.png") == labels).all()


def test_a_photo_never_changes_sides_when_others_come():
    few, many = split([f"{i:04d}" for i in range(50)], 0.2), split([f"{i:04d}" for i in range(500)], 0.2)
    assert set(few["val"]) <= set(many["val"])
    assert set(few["train"]) <= set(many["train"])
    assert len(many["val"]) == pytest.approx(100, abs=30)


@pytest.mark.parametrize("truth", [np.full((90, 60), 200, np.uint8), np.zeros((91, 60), np.uint8)])
def test_a_ground_truth_that_does_not_fit_is_named(tmp_path, capsys, truth):
    release = write_release(tmp_path / "release")
    savemat(release / "0002.mat", {"groundtruth": truth})
    assert main([str(release), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "0002.mat" in capsys.readouterr().err


def test_a_photo_that_is_missing_is_named(tmp_path, capsys):
    release = write_release(tmp_path / "release")
    (release / "0002.jpg").unlink()
    assert main([str(release), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "0002.jpg" in capsys.readouterr().err


def test_another_datasets_labels_are_refused(tmp_path, capsys):
    release = write_release(tmp_path / "release", names=("null", "cat"))
    assert main([str(release), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "cat" in capsys.readouterr().err


def test_a_folder_without_a_release_is_refused(tmp_path, capsys):
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "label_list.mat" in capsys.readouterr().err


def test_the_program_writes_an_index(tmp_path):
    release = write_release(tmp_path / "release")
    out = tmp_path / "out"
    assert main([str(release), "--out", str(out), "--side", "32", "--val-share", "1", "--quiet"]) == 0
    assert json.loads((out / "index.json").read_text())["split"] == {"train": [], "val": ["0001", "0002"]}


@pytest.mark.parametrize(("side", "share"), [(8, 0.1), (384, 1.5)])
def test_options_out_of_range_are_refused(side, share):
    with pytest.raises(ValueError, match=str(side if side < 16 else share)):
        Options(side=side, val_share=share)
