"""What a worker does with a picture, as plain callables, and how a model becomes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from service import images, schemas
from service.settings import Settings

if TYPE_CHECKING:
    from model.parser import Parser, Parsing, Query

Picture = NDArray[np.uint8]  # (H, W, 3) RGB


class Render(Protocol):
    """A reading -> the answer's JSON; `timings_ms` go before the reading's own."""

    def __call__(
        self, reading: Any, request: dict[str, Any], *, id: str, timings_ms: dict[str, float]
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Craft:
    """Each must be safe to run twice on a job.

    `decode` raises a SpectrumError for a bad picture. `parse` runs in one thread of its own, so it may
    assume that it is never called twice at once; all else may.
    """

    decode: Callable[[bytes], Picture]
    query: Callable[[dict[str, Any]], Any]
    cost: Callable[[int, int], int]  # width, height -> pixels on the device
    parse: Callable[[Sequence[Picture], Sequence[Any]], Sequence[Any]]
    render: Render


@dataclass(frozen=True, slots=True)
class Reading:
    """A parsing beside its picture, which tags are read off."""

    parsing: Parsing
    picture: Picture

    @property
    def timings_ms(self) -> dict[str, float]:
        """The parsing's own."""
        return self.parsing.timings_ms


def craft_of(parser: Parser, settings: Settings) -> Craft:
    """The craft of a loaded model."""
    model = {"name": parser.name, "revision": parser.revision}

    def parse(pictures: Sequence[Picture], queries: Sequence[Query]) -> list[Reading]:
        return list(map(Reading, parser.parse(pictures, queries), pictures))

    def render(
        reading: Reading, request: dict[str, Any], *, id: str, timings_ms: dict[str, float]
    ) -> dict[str, Any]:
        start = perf_counter()
        answer = schemas.render(
            reading.parsing, request, model, id=id, timings_ms=timings_ms, picture=reading.picture
        )
        answer["timings_ms"]["encode"] = round(1000 * (perf_counter() - start), 1)
        return answer

    limits = images.Limits.of(settings)
    return Craft(partial(images.decode, limits=limits), as_query, parser.cost, parse, render)


def as_query(request: dict[str, Any]) -> Query:
    """What a job's request asks of the model."""
    from model.parser import Query

    prompts = request.get("prompts")
    return Query(
        prompts=None if prompts is None else tuple(prompts),
        caption=request.get("caption"),
        body_parts=bool(request.get("body_parts", False)),
        min_score=float(request.get("min_score", 0.0)),
    )
