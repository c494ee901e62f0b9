"""What a worker does with a picture, as plain callables, and how a model becomes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from service import images, schemas
from service.settings import Settings

if TYPE_CHECKING:
    from model.parser import Forwarded, Parser, Parsing, Query

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Forward = Callable[[Sequence[Picture], Sequence[Any], int], Sequence[Any]]


class Render(Protocol):
    """A reading -> the answer as plain values; `timings_ms` go before the reading's own."""

    def __call__(
        self, reading: Any, request: dict[str, Any], *, id: str, timings_ms: dict[str, float]
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Craft:
    """Each must be safe to run twice on a job.

    `decode` raises a SpectrumError for a bad picture. `forward` is never called more than `lanes` times at
    once; all else may be. `read` does what is left of the model's way once the device need not wait for it.
    """

    decode: Callable[[bytes], Picture]
    query: Callable[[dict[str, Any]], Any]
    cost: Callable[[int, int], int]  # width, height -> pixels on the device
    forward: Forward  # its last argument: calls that the processor is divided among, this one counted
    render: Render
    read: Callable[[Any], Any] | None = None
    lanes: int = 1

    def reading(self, given: Any) -> Any:
        """What is read of what `forward` gave for a picture."""
        return given if self.read is None else self.read(given)


@dataclass(frozen=True, slots=True)
class Reading:
    """A parsing beside its picture, which tags are read off."""

    parsing: Parsing
    picture: Picture


def craft_of(parser: Parser, settings: Settings) -> Craft:
    """The craft of a loaded model."""
    model = {"name": parser.name, "revision": parser.revision}

    def read(forwarded: Forwarded) -> Reading:
        return Reading(parser.read(forwarded), forwarded.image)

    def render(
        reading: Reading, request: dict[str, Any], *, id: str, timings_ms: dict[str, float]
    ) -> dict[str, Any]:
        return schemas.render(
            reading.parsing, request, model, id=id, timings_ms=timings_ms, picture=reading.picture
        )

    limits = images.Limits.of(settings)
    return Craft(
        partial(images.decode, limits=limits),
        as_query,
        parser.cost,
        parser.forward,
        render,
        read,
        settings.lanes or parser.lanes,
    )


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
