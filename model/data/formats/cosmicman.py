"""CosmicMan-HQ 1.0: tables of paths and attributes in parquet files, photos and label pictures beside them.

Layout of a root: `label/*.parquet` with the columns `path` and `segm_path` (below the root), `aa_text` and
`aa_ids` (JSON: for each of twenty groups of attributes a dict of words, and the labels that it speaks of),
and perhaps `caption`. One person a photo.

Uncertain: the release does not document what the numbers of the labels mean. The order in which the paper
lists the base classes is taken; a `labels.json` in the root (a list of names, the background first)
overrides it, and a photo whose `aa_ids` contradict the order is refused.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import IGNORE
from model.data.formats.files import first_existing, read_labels, read_photo
from model.data.formats.item import LabelledPhoto, LabelTable, Photos
from model.data.formats.unify import COSMICMAN_BASE

HELD_OUT_EVERY = 50
"""The release has no split: 'val' is every so many-th photo, 'train' the others, 'all' is all."""

NEEDED = ("path", "segm_path")
GROUPS: tuple[tuple[str, str], ...] = (
    *(("person", ""), ("body shape", ""), ("background", ""), ("hair", "hair")),
    *(("special clothings", ""), ("one-piece outfits", ""), ("tops", ""), ("coats", ""), ("bottoms", "")),
    *(("shoes", ""), ("bags", ""), ("hats", ""), ("belts", "belt"), ("scarf", "scarf")),
    *(("overall style", ""), ("headband", "headband"), ("headscarf", "headscarf"), ("veil", "veil")),
    *(("socks", "socks"), ("ties", "tie")),
)
"""Groups of attributes in their order; the noun to add where the attributes have no 'type' of their own."""

_CHECKED = {"hair": "hair", "shoes": "shoe", "bags": "bags", "belts": "belts", "scarf": "scarf"}
_UNSAID = frozenset({"overall style", "body shape"})


class CosmicManPhotos(Photos):
    """Rows are read when asked for, a row group at a time; ids are '<file>/<row>'."""

    def __init__(self, root: Path, split: str) -> None:
        if split not in ("train", "val", "all"):
            raise ValueError(f"no split {split!r} of cosmicman-hq; there are train, val, all")
        self.root = root
        folder = first_existing(root, ["label", "labels"], "folder of parquet files of CosmicMan-HQ")
        self.tables = sorted(folder.glob("*.parquet"))
        if not self.tables:
            raise ValueError(f"no parquet file in {folder}")
        self.table = LabelTable.of_dataset("cosmicman-hq", _label_names(root))
        self.ends = [_group_ends(path) for path in self.tables]
        places = ((t, row) for t, ends in enumerate(self.ends) for row in range(ends[-1]))
        self.places = {
            f"{self.tables[t].stem}/{row}": (t, row)
            for i, (t, row) in enumerate(places)
            if split == "all" or (i % HELD_OUT_EVERY == 0) == (split == "val")
        }
        self._group: tuple[tuple[int, int], list[dict[str, Any]]] | None = None
        super().__init__("cosmicman-hq", tuple(self.places))

    def load(self, id_: str) -> LabelledPhoto:
        row = self._row(*self.places[id_])
        image = self._picture(row["path"], id_, labels=False)
        classes = self._picture(row["segm_path"], id_, labels=True)
        groups = _parsed(row.get("aa_ids"), id_, "aa_ids")
        _check_labels(groups, self.table, id_)
        caption = row.get("caption") or caption_of(_parsed(row.get("aa_text"), id_, "aa_text"))
        persons = ((classes > 0) & (classes != IGNORE)).astype(np.uint8)
        return LabelledPhoto(id_, image, classes, self.table, persons, caption or None)

    def _row(self, table: int, row: int) -> dict[str, Any]:
        ends = self.ends[table]
        group = bisect_right(ends, row) - 1
        if self._group is None or self._group[0] != (table, group):
            with _pyarrow().ParquetFile(self.tables[table]) as file:
                self._group = ((table, group), file.read_row_group(group).to_pylist())
        return self._group[1][row - ends[group]]

    def _picture(self, value: Any, id_: str, *, labels: bool) -> NDArray[np.uint8]:
        """A path below the root, or the bytes of a picture (by themselves or as {'bytes': ...})."""
        found = (value.get("bytes") or value.get("path")) if isinstance(value, dict) else value
        if not isinstance(found, (str, bytes)):
            raise ValueError(f"{id_!r} names no picture: expected a path or bytes, not {str(value)[:60]!r}")
        source = found if isinstance(found, bytes) else self.root / found
        return read_labels(source, id_) if labels else read_photo(source, id_)


def _group_ends(path: Path) -> list[int]:
    """0, then the row after each row group's last; ValueError for a file that is not CosmicMan-HQ's."""
    with _pyarrow().ParquetFile(path) as file:
        if missing := [name for name in NEEDED if name not in file.schema_arrow.names]:
            found = ", ".join(file.schema_arrow.names)
            raise ValueError(f"{path} has no column {missing[0]!r}; there are {found}")
        sizes = (file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups))
        return list(accumulate(sizes, initial=0))


def caption_of(groups: list[Any]) -> str:
    """The attributes as a caption: 'a young woman, wavy brown hair, red cotton dress, leather belt'."""
    said = []
    for (name, noun), words in zip(GROUPS, groups, strict=False):
        if isinstance(words, dict) and name not in _UNSAID:
            order = sorted(words, key=lambda key: key in ("type", "gender"))  # the noun comes last
            phrase = " ".join(str(words[key]) for key in order if words[key])
            said.append(f"{phrase} {noun}".strip() if "type" not in words else phrase)
    return ", ".join(filter(None, said))


def _check_labels(groups: list[Any], table: LabelTable, id_: str) -> None:
    """Refuse numbers of labels that contradict the attributes: another order would mislabel everything."""
    for (name, _), ids in zip(GROUPS, groups, strict=False):
        expected = _CHECKED.get(name)
        for number in ids or () if expected else ():
            row = table.rows[number] if 0 < number < len(table.rows) else None
            if row is None or row.base != expected:
                label = table.labels[number] if row else "no label"
                raise ValueError(
                    f"{id_!r} calls label {number} {name}, but that is {label!r} here: give the right order "
                    f"in labels.json, a list of names with the background first"
                )


def _parsed(value: Any, id_: str, column: str) -> list[Any]:
    """A column that holds a list as JSON, as a list, or nothing."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise ValueError(f"{column} of {id_!r} is no JSON: {value[:60]!r}") from error
    if not isinstance(parsed, (list, type(None))):
        raise ValueError(f"{column} of {id_!r} is no list: {str(parsed)[:60]}")
    return parsed or []


def _label_names(root: Path) -> tuple[str, ...]:
    path = root / "labels.json"
    if not path.is_file():
        return COSMICMAN_BASE
    names = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(names, list) or sorted(names[1:]) != sorted(COSMICMAN_BASE):
        raise ValueError(
            f"{path} must list the background and then {', '.join(COSMICMAN_BASE)} in some order"
        )
    return tuple(names[1:])


def _pyarrow() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ValueError("CosmicMan-HQ comes as parquet: pip install pyarrow") from error
    return parquet
