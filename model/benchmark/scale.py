"""`spectrum bench scale`: how time and memory grow with pictures, prompts and people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import torch

from model.benchmark.clock import measure, peak_memory
from model.benchmark.forward import Effort
from model.benchmark.pictures import Picture, noise
from model.benchmark.report import Row
from model.parser import Parser, Query
from model.parsing import Kind
from model.reading.postprocess import read
from model.reading.readout import Readout
from model.vocabulary import TERMS

COLORS = (
    "red",
    "blue",
    "green",
    "black",
    "white",
    "grey",
    "pink",
    "yellow",
    "brown",
    "navy",
    "purple",
    "beige",
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What to try: numbers of prompts, of people, and megapixels."""

    prompts: Sequence[int] = (1, 20, 64, 200, 1000)
    people: Sequence[int] = (1, 4, 16)
    megapixels: Sequence[int] = (1, 4, 12, 40)


def rows(parser: Parser, picture: Picture, sweep: Sweep, effort: Effort) -> list[Row]:
    """A row for each number tried; `ratio` is to the first of its kind."""
    found: list[Row] = []
    for kind in (
        _by_prompts(parser, picture, sweep.prompts, effort),
        _by_people(sweep.people, parser.device, effort),
        _by_size(parser, sweep.megapixels, effort),
    ):
        of_a_kind = list(kind)
        for row in of_a_kind:
            first = of_a_kind[0]
            row["ratio"] = row["ms"] / first["ms"]
            row["ratio cpu"] = row["cpu ms"] / first["cpu ms"] if first["cpu ms"] else None
        found += of_a_kind
    return found


def prompts(count: int) -> tuple[str, ...]:
    """`count` different prompts: what the picture may hold first, then ever odder garments."""
    names = [term.name for term in TERMS if term.kind in ("clothing", "accessory")]
    plain = ["dress", *(name for name in names if name != "dress")]
    coloured = (f"{color} {name}" for name, color in product(names, COLORS))
    return tuple(dict.fromkeys([*plain, *coloured]))[:count]


def _by_prompts(parser: Parser, picture: Picture, counts: Iterable[int], effort: Effort) -> Iterator[Row]:
    """The whole way of a picture, once the prompts are embedded; `first` is the call that embeds them."""
    for count in counts:
        query = Query(prompts=prompts(count))
        first = measure(partial(parser.parse, [picture], [query]), parser.device, runs=1, warm=0)
        yield _row("prompts", count, parser, picture, query, effort, {"first ms": first.median_ms})


def _by_size(parser: Parser, megapixels: Iterable[int], effort: Effort) -> Iterator[Row]:
    for millions in megapixels:
        side = round((millions * 1e6) ** 0.5)
        yield _row("megapixels", millions, parser, noise((side, side), millions), Query(), effort, {})


def _row(
    name: str, value: int, parser: Parser, picture: Picture, query: Query, effort: Effort, more: Row
) -> Row:
    with peak_memory(parser.device) as peak:
        (answer,) = parser.parse([picture], [query])
    timing = measure(
        lambda: parser.parse([picture], [query]), parser.device, runs=effort.runs, seconds=effort.seconds
    )
    return {
        "by": name,
        "value": value,
        "ms": timing.best_ms,
        "median ms": timing.median_ms,
        "cpu ms": timing.cpu_ms,
        "reading ms": answer.timings_ms["postprocess"],
        "peak MiB": peak[0],
        "segments": len(answer.segments),
        "first ms": more.get("first ms"),
    }


@dataclass(frozen=True, slots=True)
class _Term:
    phrase: str
    kind: Kind
    path: tuple[str, ...]
    asked: bool = True

    @property
    def answers(self) -> str | None:
        return self.phrase if self.asked else None


def crowd(
    people: int, device: torch.device, *, cells: tuple[int, int] = (96, 144), queries: int = 100
) -> Readout:
    """What a network would say of people who stand in rows, each with six things on."""
    height, width = cells
    things = ("hair", "face", "shirt", "jeans", "shoes", "bag")
    terms = (
        *(_Term(name, "clothing", (name,)) for name in things),
        _Term("person", "person", ("person",), False),
    )
    dense = torch.full((len(terms) + 1, height, width), 0.01)
    dense[-1] = 0.9
    masks = torch.full((max(queries, people + len(things)), height, width), -8.0)
    labels = torch.full((len(masks), len(terms) + 1), 0.01)
    labels[:, -1] = 0.9
    for index in range(len(things)):
        labels[people + index] = 0.01
        labels[people + index, index] = 0.9
    across = int(np.ceil(people**0.5))
    down = -(-people // across)
    for number in range(people):
        top, left = (number // across) * height // down, (number % across) * width // across
        tall, wide = max(7, height // down - 2), max(2, width // across - 2)
        masks[number, top : top + tall, left : left + wide] = 8.0
        labels[number] = 0.01
        labels[number, len(things)] = 0.95
        for index in range(len(things)):
            rows_ = slice(top + index * tall // 6, top + (index + 1) * tall // 6)
            dense[:, rows_, left : left + wide] = 0.01
            dense[index, rows_, left : left + wide] = 0.9
            masks[people + index, rows_, left : left + wide] = 8.0
    return Readout(masks.to(device), labels.to(device), dense.to(device), terms, person=len(things))


def _by_people(counts: Iterable[int], device: torch.device, effort: Effort) -> Iterator[Row]:
    """The reading alone: the network takes as long whoever is in the picture."""
    picture = noise((768, 1152), 0)
    for count in counts:
        readout = crowd(count, device)
        with peak_memory(device) as peak:
            answer = read(readout, picture)
        timing = measure(partial(read, readout, picture), device, runs=effort.runs, seconds=effort.seconds)
        yield {
            "by": "people (reading alone)",
            "value": count,
            "ms": timing.best_ms,
            "median ms": timing.median_ms,
            "cpu ms": timing.cpu_ms,
            "reading ms": timing.best_ms,
            "peak MiB": peak[0],
            "segments": len(answer.segments),
            "first ms": None,
        }
