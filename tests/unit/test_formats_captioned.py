"""CosmicMan-HQ and GranD-f, in tiny copies of their releases' layouts."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from pycocotools import mask as coco

from model.data.ccp import CLASSES, IGNORE
from model.data.formats.cosmicman import GROUPS, caption_of
from model.data.formats.grandf import SPLITS
from model.data.formats.registry import open_dataset
from model.data.formats.unify import COSMICMAN_BASE
from tests.unit.formats_samples import SIZE, plane, sides, write_json, write_labels, write_photo

HAIR, TOPS, BOTTOMS = (COSMICMAN_BASE.index(name) + 1 for name in ("hair", "tops", "bottoms"))


def groups(**given: Any) -> str:
    """A column of twenty groups as JSON, None where nothing is said."""
    return json.dumps([given.get(name.replace(" ", "_").replace("-", "_")) for name, _ in GROUPS])


def row(number: int, **columns: Any) -> dict[str, Any]:
    folder = f"LAION-5B/laion1B-nolang/{number:05d}"
    text = groups(
        person={"gender": "woman", "age": "young adult", "country": "Asian"},
        body_shape={"body shape": "fit"},
        hair={"hair color": "brown"},
        tops={"type": "shirt", "material": "cotton", "color": "red"},
        belts={"material": "leather"},
        overall_style={"overall-style": "casual"},
    )
    plain = {"path": f"{folder}/{number}.jpg", "segm_path": f"{folder}/{number}_segm.png", "width": 8.0}
    return {
        **plain,
        "aa_text": text,
        "aa_ids": groups(hair=[HAIR], tops=[TOPS], bottoms=[BOTTOMS]),
        **columns,
    }


def cosmicman(root: Path, count: int = 3, **columns: Any) -> Path:
    rows = [row(number, **columns) for number in range(count)]
    for entry in rows:
        if isinstance(entry["path"], str):
            write_photo(root / entry["path"])
            write_labels(root / entry["segm_path"], plane(0, HAIR, TOPS, BOTTOMS))
    (root / "label").mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    parquet.write_table(table, root / "label/laion1B-nolang_0.parquet", row_group_size=2)
    return root


def test_cosmicman_rows_give_photo_labels_and_caption(tmp_path):
    photos = open_dataset("cosmicman-hq", cosmicman(tmp_path), "all")
    assert photos.ids == tuple(f"laion1B-nolang_0/{i}" for i in range(3))
    for photo in (photos[2], photos[0]):  # of different row groups, backwards
        assert [photo.table.labels[v] for v in photo.classes[::3, 0]] == [
            "background",
            "hair",
            "tops",
            "bottoms",
        ]
        assert (photo.persons == (photo.classes > 0)).all()
        assert photo.caption == "young adult Asian woman, brown hair, cotton red shirt, leather belt"
    classes = photos[0].to_scene().classes[::3, 0].tolist()
    assert classes == [0, CLASSES.index("hair"), CLASSES.index("top"), IGNORE]


def test_cosmicman_is_split_by_counting(tmp_path):
    root = cosmicman(tmp_path, count=52)
    val, train = (open_dataset("cosmicman-hq", root, split).ids for split in ("val", "train"))
    assert val == ("laion1B-nolang_0/0", "laion1B-nolang_0/50")
    assert len(train) == 50 and not set(train) & set(val)
    with pytest.raises(ValueError, match="no split 'test'"):
        open_dataset("cosmicman-hq", root, "test")


def test_pictures_inside_the_table_and_a_caption_column_are_read(tmp_path):
    photo, labels = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(photo, "PNG")
    Image.fromarray(plane(0, HAIR)).save(labels, "PNG")
    inside = {"bytes": photo.getvalue(), "path": None}
    root = cosmicman(tmp_path, path=inside, segm_path=labels.getvalue(), caption="a woman", aa_ids=None)
    item = open_dataset("cosmicman-hq", root, "all")[0]
    assert item.caption == "a woman" and not item.image.any() and item.classes.max() == HAIR
    with pytest.raises(ValueError, match="'laion1B-nolang_0/0' are of mode RGB"):
        open_dataset("cosmicman-hq", cosmicman(tmp_path, path=inside, segm_path=photo.getvalue()), "all")[0]


def test_another_order_of_labels_is_noticed_and_can_be_given(tmp_path):
    root = cosmicman(tmp_path, aa_ids=groups(hair=[TOPS]))
    with pytest.raises(ValueError, match="'laion1B-nolang_0/0' calls label 7 hair, but that is 'tops'"):
        open_dataset("cosmicman-hq", root, "all")[0]
    names = list(COSMICMAN_BASE)
    names[HAIR - 1], names[TOPS - 1] = "tops", "hair"
    write_json(root / "labels.json", ["background", *names])
    assert open_dataset("cosmicman-hq", root, "all")[0].table.labels[TOPS] == "hair"
    write_json(root / "labels.json", ["background", "hair"])
    with pytest.raises(ValueError, match=r"labels\.json must list"):
        open_dataset("cosmicman-hq", root, "all")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"aa_text": "no json {"}, "aa_text of 'laion1B-nolang_0/0' is no JSON"),
        ({"aa_ids": "{}"}, "aa_ids of 'laion1B-nolang_0/0' is no list"),
        ({"aa_ids": groups(bags=[99])}, "calls label 99 bags, but that is 'no label'"),
        ({"path": None}, "'laion1B-nolang_0/0' names no picture"),
    ],
)
def test_broken_rows_are_refused_by_name(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        open_dataset("cosmicman-hq", cosmicman(tmp_path, **columns), "all")[0]


def test_broken_files_of_cosmicman_are_refused_by_name(tmp_path):
    root = cosmicman(tmp_path)
    photos, entry = open_dataset("cosmicman-hq", root, "all"), row(0)
    write_labels(root / entry["segm_path"], plane(0, 18))
    with pytest.raises(ValueError, match=r"'laion1B-nolang_0/0' hold \[18\]"):
        photos[0]
    write_labels(root / entry["segm_path"], plane(0)[1:])
    with pytest.raises(ValueError, match="'laion1B-nolang_0/0' differ in size"):
        photos[0]
    (root / entry["segm_path"]).unlink()
    with pytest.raises(ValueError, match="'laion1B-nolang_0/0' is missing"):
        photos[0]


def test_a_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "label").mkdir()
    with pytest.raises(ValueError, match="no parquet file"):
        open_dataset("cosmicman-hq", tmp_path, "all")
    parquet.write_table(pa.table({"url": ["x"]}), tmp_path / "label/a_0.parquet")
    with pytest.raises(ValueError, match="no column 'path'; there are url"):
        open_dataset("cosmicman-hq", tmp_path, "all")


def test_a_caption_says_nouns_last_and_leaves_out_what_nobody_said():
    words = [None] * len(GROUPS)
    assert caption_of(words) == ""
    words[9] = {"type": "boots", "color": "black"}  # type: ignore[call-overload]
    words[19] = {"pattern": "striped"}  # type: ignore[call-overload]
    assert caption_of(words) == "black boots, striped tie"


def rle(mask: np.ndarray) -> dict[str, Any]:
    packed = coco.encode(np.asfortranarray((mask > 0).astype(np.uint8)))
    return {"size": packed["size"], "counts": packed["counts"].decode()}


def polygon(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    return [[float(v) for v in (left, top, right, top, right, bottom, left, bottom)]]


CAPTION = "Two women in a red dress and a blue shirt on a street"
WOMEN, DRESS, STREET = "Two women", "a red dress", "a street"
LEFT, RIGHT = sides(1, 0), sides(0, 1)
BODY, SKIRT = np.ones(SIZE, np.uint8) * plane(1, 1, 1, 0), plane(0, 1, 0, 0)
GROUNDED = {
    "caption": f'"{CAPTION}"',
    "groundings": {
        DRESS: {"token_positives": [13, 24], "rle_masks": [rle(SKIRT * LEFT)]},
        WOMEN: {"token_positives": [0, 9], "rle_masks": [rle(BODY * LEFT), rle(BODY * RIGHT)]},
    },
}


def by_groundings(path: Path) -> None:
    write_json(path, [{"file_name": "a.jpg", **GROUNDED}])


def by_references(path: Path) -> None:
    refs = [
        {"sentence": DRESS, "segmentation": polygon(0, 3, 4, 6)},
        {"sentence": WOMEN, "segmentation": polygon(0, 0, 4, 9)},
        {"sentence": WOMEN, "segmentation": polygon(4, 0, 8, 9)},
    ]
    write_json(path, [{"17": {"img_file_name": "a.jpg", "caption": CAPTION, "refs": refs}}])


def by_tables(path: Path) -> None:
    spans = {DRESS: [SKIRT * LEFT], WOMEN: [BODY * LEFT, BODY * RIGHT]}
    masks = [
        {
            "image_id": 3,
            "tokens_positive": [[CAPTION.index(p), CAPTION.index(p) + len(p)]],
            "sam_mask": rle(m),
        }
        for p, found in spans.items()
        for m in found
    ]
    hidden = {"image_id": 3, "ignore": 1}
    image = {"id": 3, "file_name": "a.jpg", "caption": CAPTION}
    write_json(path, {"images": [image], "annotations": [*masks, hidden]})


def by_pairs(path: Path) -> None:
    said = {"image_id": 3, "caption": CAPTION, "labels": [DRESS, WOMEN, WOMEN]}
    masks = [{"image_id": 3, "segmentation": rle(m)} for m in (SKIRT * LEFT, BODY * LEFT, BODY * RIGHT)]
    write_json(path, {"images": [{"id": 3}], "annotations": masks})
    image = {"id": 3, "file_name": "a.jpg"}
    write_json(Path(str(path).replace("_mask_", "_caption_")), {"images": [image], "annotations": [said]})


WRITERS = {
    "train": by_groundings,
    "openpsg-train": by_groundings,
    "refcocog-val": by_references,
    "flickr-train": by_tables,
    "val": by_pairs,
}


def grandf(root: Path, split: str) -> Path:
    files, folders, _ = SPLITS[split]
    WRITERS[split](root / "GranDf/annotations" / files[0])
    write_photo(root / folders[0] / "a.jpg")
    return root


@pytest.mark.parametrize("split", WRITERS)
def test_each_form_of_grandf_gives_phrases_masks_and_people(tmp_path, split):
    (photo,) = open_dataset("grand-f", grandf(tmp_path, split), split)
    assert photo.caption == CAPTION and photo.partial
    assert photo.table.labels[photo.classes[4, 1]] == DRESS
    assert photo.table.labels[photo.classes[1, 1]] == photo.table.labels[photo.classes[1, 6]] == WOMEN
    assert photo.classes[11, 1] == 0
    assert sorted({photo.persons[1, 1], photo.persons[1, 6]}) == [1, 2]
    assert photo.persons[4, 1] == photo.persons[1, 1] and photo.persons[11, 1] == 0
    scene = photo.to_scene()
    assert scene.classes[4, 1] == CLASSES.index("dress")
    assert scene.classes[1, 1] == scene.classes[11, 1] == IGNORE  # nobody said what else is there


def test_every_split_of_grandf_has_a_form():
    assert {split.split("-")[0] for split in SPLITS} == {
        "train",
        "val",
        "test",
        "openpsg",
        "refcocog",
        "flickr",
    }


def test_a_second_entry_of_a_photo_has_an_id_of_its_own(tmp_path):
    root = grandf(tmp_path, "train")
    other = {"file_name": "a.jpg", "caption": "A street", "groundings": {STREET: {"rle_masks": [rle(RIGHT)]}}}
    path = root / "GranDf/annotations/train/GranDf_HA_GCG_train.json"
    write_json(path, [{"file_name": "a.jpg", **GROUNDED}, other])
    photos = open_dataset("grand-f", root, "train")
    assert photos.ids == ("a.jpg", "a.jpg#2")
    assert photos[1].table.words == () and not photos[1].persons.any()
    assert set(np.unique(photos[1].to_scene().classes)) == {IGNORE}


def test_broken_grandf_is_refused_by_name(tmp_path):
    root = grandf(tmp_path, "train")
    path = root / "GranDf/annotations/train/GranDf_HA_GCG_train.json"
    write_json(path, [{"file_name": "a.jpg", "caption": "x", "groundings": {DRESS: {"rle_masks": ["?"]}}}])
    with pytest.raises(ValueError, match=r"a mask of 'a\.jpg' is neither"):
        open_dataset("grand-f", root, "train")[0]
    small = {"size": [5, 5], "counts": [25]}
    write_json(path, [{"file_name": "a.jpg", "caption": "x", "groundings": {DRESS: {"rle_masks": [small]}}}])
    with pytest.raises(ValueError, match=r"a mask of 'a\.jpg' is \[5, 5\], the photo \[12, 8\]"):
        open_dataset("grand-f", root, "train")[0]
    write_json(path, [{"file_name": "b.jpg", **GROUNDED}])
    with pytest.raises(ValueError, match=r"'b\.jpg' is missing"):
        open_dataset("grand-f", root, "train")[0]
    write_json(path, [{"file_name": "b.jpg"}])
    with pytest.raises(ValueError, match="not in GranD-f's form: KeyError"):
        open_dataset("grand-f", root, "train")
    path.write_text("[", encoding="utf-8")
    with pytest.raises(ValueError, match="is no JSON"):
        open_dataset("grand-f", root, "train")
    path.unlink()
    with pytest.raises(ValueError, match=r"GranDf_HA_GCG_train\.json is missing"):
        open_dataset("grand-f", root, "train")
    with pytest.raises(ValueError, match="no split 'dev' of grand-f; there are train"):
        open_dataset("grand-f", root, "dev")


def test_masks_and_words_that_do_not_pair_are_refused(tmp_path):
    root = grandf(tmp_path, "val")
    path = root / "GranDf/annotations/val_test/val_gcg_coco_caption_gt.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["labels"] = [DRESS]
    write_json(path, content)
    with pytest.raises(ValueError, match=r"'a\.jpg' has 1 labels and 3 masks"):
        open_dataset("grand-f", root, "val")
