"""The measure of tags counts what is right, what is wrong, and what nobody can say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from service.programs.bench_tags import Photo, Tally, ccp, synthetic
from service.tags.tagging import ATTRIBUTES
from tests.unit.doll import Doll, plain

DATA = Path(__file__).parents[1] / "data"
NAMES = ("null", "t-shirt", "skirt")


def photo(**judged: dict[str, str]) -> tuple[Photo, Doll]:
    """The doll in a shirt with short sleeves and a short skirt, and what somebody says of them."""
    doll = Doll(sleeve=115, hem=240)
    labels = np.zeros(doll.parsing().size, np.uint8)
    for number, name in enumerate(NAMES[1:], start=1):
        labels[doll.parts[name]] = number
    told = {name.replace("_", "-"): words for name, words in judged.items()}
    return Photo(plain(doll.parsing()), labels, NAMES, told), doll


def row(tally: Tally, attribute: str) -> list[str]:
    """The row of all words of an attribute, from 'right' on."""
    (line,) = (line for line in tally.table().splitlines() if line.startswith(f"| {attribute} | all |"))
    return [cell.strip() for cell in line.strip("|").split("|")][2:]


def tallied(**judged: dict[str, str]) -> Tally:
    tally = Tally()
    seen, doll = photo(**judged)
    tally.add(seen, doll.parsing())
    return tally


def test_right_and_wrong_words_are_told_apart():
    tally = tallied(
        t_shirt={"sleeve_length": "short", "pattern": "patterned"},
        skirt={"length": "long", "pattern": "plain"},
    )
    assert row(tally, "sleeve_length") == ["1", "0", "0", "1.000", "1 of 1"]
    assert row(tally, "length") == ["0", "1", "0", "0.000", "1 of 1"]
    assert row(tally, "pattern") == ["1", "1", "0", "0.500", "2 of 2"]


def test_what_is_hidden_may_not_be_told_and_what_is_borderline_does_not_count():
    tally = tallied(t_shirt={"sleeve_length": "hidden"}, skirt={"length": "borderline"})
    assert row(tally, "sleeve_length") == ["0", "1", "0", "0.000", "1 of 1"]
    assert row(tally, "length") == ["0", "0", "1", "", "1 of 1"]


def test_garments_that_nobody_judged_count_for_nothing():
    assert not any(f"| {name} |" in tallied().table() for name in ATTRIBUTES)


def test_what_was_judged_speaks_of_attributes_that_there_are():
    told = json.loads((DATA / "tags_judged.json").read_text())
    assert not {*told["val"]} & {*told["train"]}
    words = {
        "pattern": {"plain", "patterned", "borderline"},
        "sleeve_length": {"sleeveless", "short", "long", "borderline", "hidden"},
        "length": {"short", "knee", "long", "borderline"},
    }
    for garments in (*told["val"].values(), *told["train"].values()):
        for judged in garments.values():
            assert all(word in words[attribute] for attribute, word in judged.items())


def test_photos_of_a_dataset_come_with_what_was_judged():
    (found,) = ccp(DATA / "ccp", {"0405": {"dress": {"pattern": "plain"}}})
    assert found.image.shape[:2] == found.labels.shape
    assert found.names[int(np.bincount(found.labels[found.labels < 255]).argsort()[-2])] == "dress"


def test_made_up_people_say_what_they_wear(tmp_path: Path):
    for folder, mode in (("images", "RGB"), ("classes", "L")):
        (tmp_path / folder).mkdir()
        suffix = "jpg" if mode == "RGB" else "png"
        for number in range(2):
            Image.new(mode, (4, 6)).save(tmp_path / folder / f"{number:06d}.{suffix}")
    worn = [["skirt", "red", "floral"], ["top", "blue", "knitted"], ["shirt", "blue", "printed"]]
    people = [[{"garments": worn}], [{"garments": worn}, {"garments": worn}]]
    scenes = [{"id": f"{number:06d}", "people": them} for number, them in enumerate(people)]
    (tmp_path / "index.json").write_text(json.dumps({"classes": ["background"], "scenes": scenes}))
    (found,) = synthetic(tmp_path)  # of two people, nobody knows whose garment is whose
    assert found.judged == {
        "skirt": {"pattern": "patterned"},
        "top": {"pattern": "plain"},
        "shirt": {"pattern": "borderline"},
    }
