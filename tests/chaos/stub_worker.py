"""`python -m tests.chaos.stub_worker LOG BASE_MS EACH_MS`: a worker whose model is a set time.

Everything but the model is what serves: queue, leases, decoding, batching, rendering. The answer to a
picture is one segment that is labelled with the checksum of its pixels; `LOG` gets that checksum each time
the model sees the picture.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.parsing import Parsing, Person, Segment
from service import images, schemas
from service.programs import roles
from service.settings import Settings
from service.worker.craft import Craft
from service.worker.process import serve
from tests.chaos.pictures import KILLS, RAISES, checksum

MODEL = {"name": "stub", "revision": "0" * 12}


class Stub:
    """A model that takes `base_ms` for a call and `each_ms` more for each picture of it."""

    def __init__(self, log: Path, base_ms: float, each_ms: float) -> None:
        self._log = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        self._base, self._each = base_ms / 1000, each_ms / 1000

    def craft(self, settings: Settings) -> Craft:
        """Itself as what a worker does."""
        decode = partial(images.decode, limits=images.Limits.of(settings))
        return Craft(
            decode, lambda _request: None, lambda width, height: width * height, self.forward, render
        )

    def forward(
        self, pictures: Sequence[NDArray[np.uint8]], _queries: Sequence[Any], _share: int
    ) -> list[Parsing]:
        """A parsing of each picture; raises or dies where one of them says so."""
        start = time.perf_counter()
        sums = [checksum(picture) for picture in pictures]
        os.write(self._log, "".join(f"{sum_}\n" for sum_ in sums).encode())
        firsts = {tuple(int(value) for value in picture[0, 0]) for picture in pictures}
        if KILLS in firsts:
            os.kill(os.getpid(), signal.SIGKILL)
        if RAISES in firsts:
            raise RuntimeError("told to raise by a picture")
        time.sleep(self._base + self._each * len(pictures))
        spent = {"forward": 1000 * (time.perf_counter() - start)}
        return [_parsing(picture, sum_, spent) for picture, sum_ in zip(pictures, sums, strict=True)]


def render(reading: Any, request: dict[str, Any], **told: Any) -> dict[str, Any]:
    """The answer's JSON, as with any model."""
    return schemas.render(reading, request, MODEL, **told)


def _parsing(picture: NDArray[np.uint8], sum_: str, spent: dict[str, float]) -> Parsing:
    height, width, _ = picture.shape
    box, area = (0, 0, width, height), width * height
    everywhere = np.ones((height, width), np.uint16)
    segment = Segment(1, sum_, "clothing", 1, 0.5, box, area)
    return Parsing(everywhere, everywhere, (Person(1, 0.9, box, area, (1,)),), (segment,), timings_ms=spent)


if __name__ == "__main__":
    settings = Settings()
    stub = Stub(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    told = {**MODEL, "device": "stub"}
    sys.exit(0 if roles.run(serve(settings, stub.craft(settings), told)) else 1)
