"""Fields of an answer, by dotted names: which a caller wants and which not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ALWAYS = ("id", "object")  # what every answer has, so that it can be told apart

_Tree = dict[str, "_Tree"]


def chosen(
    answer: Mapping[str, Any], include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
) -> dict[str, Any]:
    """A copy of the answer with the fields of `include` alone (None: all), and without those of `exclude`.

    'segments.colors' speaks of that field in every segment. What the answer does not have is passed over.
    """
    kept: Any = answer
    if include is not None:
        kept = _only(kept, _tree((*ALWAYS, *include)))
    if exclude:
        kept = _without(kept, _tree(exclude))
    return dict(kept)


def names(text: str) -> list[str]:
    """Names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _tree(paths: Iterable[str]) -> _Tree:
    """Names as a tree; a branch without twigs stands for all below it, so 'a' beside 'a.b' means all of a."""
    split = {tuple(path.split(".")) for path in paths}
    root: _Tree = {}
    for steps in split:
        if any(steps[:depth] in split for depth in range(1, len(steps))):
            continue
        branch = root
        for step in steps:
            branch = branch.setdefault(step, {})
    return root


def _only(value: Any, tree: _Tree) -> Any:
    if not tree or value is None:
        return value
    if isinstance(value, list):
        return [_only(item, tree) for item in value]
    return {name: _only(item, tree[name]) for name, item in value.items() if name in tree}


def _without(value: Any, tree: _Tree) -> Any:
    if value is None:
        return value
    if isinstance(value, list):
        return [_without(item, tree) for item in value]
    return {
        name: _without(item, tree[name]) if name in tree else item
        for name, item in value.items()
        if tree.get(name) != {}
    }
