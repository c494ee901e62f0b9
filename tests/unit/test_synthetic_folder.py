"""Scenes on disk: the command that writes them and the sequence that reads them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from model.data.ccp import LABELS, PARTS
from model.data.synthetic.cli import main, read_backgrounds
from model.data.synthetic.folder import SyntheticFolder
from model.data.synthetic.maker import SyntheticMaker


def written(tmp_path, *options: str) -> SyntheticFolder:
    out = tmp_path / "scenes"
    assert main(["--count", "2", "--size", "48x32", "--out", str(out), *options]) == 0
    return SyntheticFolder(out)


def test_what_is_read_is_what_was_made(tmp_path):
    folder = written(tmp_path, "--seed", "7")
    assert len(folder) == 2
    made = SyntheticMaker().make(7 * 1_000_003, (48, 32))
    assert np.array_equal(folder[0].classes, made.classes)
    assert np.array_equal(folder[0].persons, made.persons)
    assert np.abs(folder[0].image.astype(int) - made.image).mean() < 8
    assert folder[0].caption == made.caption
    for read, drawn in zip(folder[0].people, made.people, strict=True):
        assert read.garments == drawn.garments
        assert np.array_equal(read.texture, drawn.texture)
        assert np.array_equal(read.texture_mask, drawn.texture_mask)


def test_garments_that_lie_about_are_kept(tmp_path):
    folder = written(tmp_path, "--standalone", "--seed", "1")
    assert any(scene.loose.any() for scene in folder)


def test_a_sheet_shows_picture_classes_persons_and_texture(tmp_path):
    sheet = tmp_path / "sheet.png"
    written(tmp_path, "--sheet", str(sheet), "--people", "1")
    with Image.open(sheet) as picture:
        assert picture.size == (2 * (3 * 32 + 48), 48)


def test_places_without_people_are_cut_from_labelled_photos(tmp_path):
    labels = np.zeros((40, 30), np.uint8)
    labels[5:35, 4:14] = LABELS.index("dress")
    picture = np.zeros((40, 30, 3), np.uint8)
    picture[:, 14:] = 200
    for folder, plane in (("images", picture), ("labels", labels), ("parts", np.zeros_like(labels))):
        (tmp_path / folder).mkdir()
        suffix = "jpg" if folder == "images" else "png"
        Image.fromarray(plane).save(tmp_path / folder / f"0001.{suffix}", quality=95)
    index = {"labels": LABELS, "parts": PARTS, "split": {"train": ["0001"]}}
    (tmp_path / "index.json").write_text(json.dumps(index))
    (strip,) = read_backgrounds(None, tmp_path)
    assert strip.shape == (40, 16, 3)
    assert strip[:, 1:].min() > 150


def test_pictures_of_a_folder_become_backgrounds(tmp_path):
    with pytest.raises(ValueError, match="no pictures"):
        read_backgrounds(tmp_path, None)
    Image.new("RGB", (9, 7)).save(tmp_path / "a.png")
    assert [picture.shape for picture in read_backgrounds(tmp_path, None)] == [(7, 9, 3)]


def test_a_folder_that_holds_no_scenes_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"index\.json"):
        SyntheticFolder(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps({"classes": ["toga"], "scenes": []}))
    with pytest.raises(ValueError, match="toga"):
        SyntheticFolder(tmp_path)


def test_a_wish_that_cannot_be_met_is_said(tmp_path, capsys):
    assert main(["--count", "0", "--out", str(tmp_path)]) == 2
    assert "--count" in capsys.readouterr().err
