"""From a path of our taxonomy to the category of another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Match = Literal["exact", "broader"]
Entries = Mapping[str, tuple[int, Match] | None]


@dataclass(frozen=True, slots=True)
class Link:
    """A category of another taxonomy: its number, its name there, and how it fits.

    match: 'exact' where both mean the same, 'broader' where theirs also holds other things (SKOS's
    exactMatch and broadMatch).
    """

    id: int
    name: str
    match: Match


def linked(path: Sequence[str], entries: Entries, names: Mapping[int, str]) -> Link | None:
    """The category of a path: its own entry, or its nearest ancestor's as a broader one; None for none.

    An entry of None says that the other taxonomy has no place for the path and all below it.
    """
    for depth in range(len(path), 0, -1):
        step = "/".join(path[:depth])
        if step in entries:
            found = entries[step]
            if found is None:
                return None
            id_, match = found
            return Link(id_, names[id_], match if depth == len(path) else "broader")
    return None


def entries(exact: Mapping[str, int], broader: Mapping[str, int], none: Sequence[str]) -> Entries:
    """One table of three; ValueError for a path that stands in two of them."""
    table: dict[str, tuple[int, Match] | None] = {path: (id_, "exact") for path, id_ in exact.items()}
    more: dict[str, tuple[int, Match] | None] = {path: (id_, "broader") for path, id_ in broader.items()}
    for added in (more, dict.fromkeys(none)):
        if twice := table.keys() & added.keys():
            raise ValueError(f"two entries for {', '.join(sorted(twice))}")
        table |= added
    return table
