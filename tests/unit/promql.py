"""What a PromQL expression asks for, by the parser that Prometheus's own grammar was ported to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

_VARIABLE = re.compile(r"\$__rate_interval")


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric, its matchers (label -> operator, value), and the labels that it is grouped by."""

    name: str
    matchers: dict[str, tuple[str, str]]
    grouped: frozenset[str]


def selected(expression: str) -> list[Selector]:
    """Every metric that the expression reads; ValueError where it is no PromQL."""
    return list(_walk(promql_parser.parse(_VARIABLE.sub("5m", expression)), frozenset()))


def _walk(node: Any, grouped: frozenset[str]) -> Iterator[Selector]:
    kind = type(node).__name__
    if kind == "AggregateExpr" and node.modifier is not None:
        grouped = frozenset(node.modifier.labels)
    if kind == "VectorSelector":
        matchers = {m.name: (str(m.op).rpartition(".")[2], m.value) for m in node.matchers.matchers}
        yield Selector(node.name, matchers, grouped)
    children = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector", "param")]
    for child in [*children, *(getattr(node, "args", None) or [])]:
        if type(child).__module__.startswith(("promql_parser", "builtins")) and hasattr(child, "prettify"):
            yield from _walk(child, grouped)
