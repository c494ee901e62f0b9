"""A catalogue in numbers: what was found how often, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from service.catalogue.parts import Parts

Counted = list[tuple[str, int]]  # the most frequent first


@dataclass(frozen=True, slots=True)
class Summary:
    """Pictures with an answer and without, by code; persons; segments by label and by the name of their
    first colour, garments and accessories alone; `twice` counts rows beyond a picture's first."""

    pictures: int
    failed: int
    twice: int
    persons: int
    segments: int
    without_person: int
    errors: Counted
    labels: Counted
    colors: Counted

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {name: dict(told[name]) for name in ("errors", "labels", "colors")}


def summary(parts: Parts) -> Summary:
    """Count what the parts hold."""
    pictures = parts.read("pictures", ["picture", "error_code", "persons"])
    segments = parts.read("segments", ["label", "kind", "color"])
    parsed = pictures.filter(pc.is_null(pictures["error_code"]))
    people = pc.list_value_length(parsed["persons"])
    worn = segments.filter(pc.not_equal(segments["kind"], "body"))
    return Summary(
        pictures=len(pictures),
        failed=len(pictures) - len(parsed),
        twice=len(pictures) - pc.count_distinct(pictures["picture"]).as_py(),
        persons=pc.sum(people).as_py() or 0,
        segments=len(segments),
        without_person=pc.sum(pc.equal(people, 0)).as_py() or 0,
        errors=_counted(pictures["error_code"]),
        labels=_counted(segments["label"]),
        colors=_counted(worn["color"]),
    )


def _counted(column: pa.ChunkedArray) -> Counted:
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    return sorted(((p["values"], p["counts"]) for p in pairs), key=lambda pair: (-pair[1], pair[0]))


def spread(names: Sequence[str], count: int) -> list[str]:
    """`count` of the names, evenly from first to last."""
    if len(names) <= count:
        return list(names)
    return [names[i * (len(names) - 1) // (count - 1)] for i in range(count)] if count > 1 else [names[0]]
