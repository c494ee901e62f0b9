"""A worker with a model of a few lines: for a test's own process, or as a process of its own.

A picture is one row of grey bytes, and reading it sums them. What else happens to it stands in the job's
request, so that one test's jobs may each behave in their own way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import ImageUndecodable
from service.settings import Settings
from service.worker.craft import Craft
from service.worker.process import serve

Given = tuple[NDArray[np.uint8], dict[str, Any]]

TORN = b""
GATED = b"gated"  # decodes once the test opens the model's gate


@dataclass
class FakeModel:
    """Requests may hold, each on its own:

    `log`: a file that gets a line at each reading · `hang_once`: hangs at the first reading of that log ·
    `trail`: a file that gets a line with the size of each batch · `seconds`: takes so long · `kills`: ends
    the process by SIGKILL · `raises`: the message of a RuntimeError that takes the whole batch ·
    `unreadable`: that of one behind the device · `unrenderable`: no answer comes of it · `gate`: the
    reading has `entered` and waits until the test opens the `gate`.
    """

    batches: list[int] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)

    def craft(self, lanes: int = 1) -> Craft:
        """Itself as what a worker does."""
        return Craft(
            self.decode,
            lambda request: request,
            lambda width, height: width * height,
            self.forward,
            render,
            self.read,
            lanes,
        )

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Bytes -> (1, W, 3)."""
        self.decoded.append(len(data))
        if data == TORN:
            raise ImageUndecodable("Torn.")
        if data == GATED:
            self.gate.wait(60)
        row = np.frombuffer(data, np.uint8)
        return np.broadcast_to(row[None, :, None], (1, len(row), 3))

    def forward(
        self, images: Sequence[NDArray[np.uint8]], queries: Sequence[Any], _share: int
    ) -> list[Given]:
        """Each picture beside its query."""
        self.batches.append(len(images))
        for trail in {query["trail"] for query in queries if "trail" in query}:
            with Path(trail).open("a") as lines:
                lines.write(f"{len(images)}\n")
        for query in queries:
            self._live_through(query)
        for query in queries:
            if "raises" in query:
                raise RuntimeError(query["raises"])
        return list(zip(images, queries, strict=True))

    def read(self, given: Given) -> int:
        """The sum of a picture."""
        image, query = given
        if "unreadable" in query:
            raise RuntimeError(query["unreadable"])
        return int(image[..., 0].sum())

    def _live_through(self, query: dict[str, Any]) -> None:
        time.sleep(query.get("seconds", 0))
        if "kills" in query:
            os.kill(os.getpid(), signal.SIGKILL)
        if "gate" in query:
            self.entered.set()
            self.gate.wait(60)
        if "log" in query:
            log = Path(query["log"])
            first = not log.exists()
            with log.open("a") as lines:
                lines.write("read\n")
            if first and "hang_once" in query:
                time.sleep(600)


def render(reading: Any, request: dict[str, Any], *, id: str, timings_ms: dict[str, float]) -> dict[str, Any]:
    """The sum as an answer."""
    if "unrenderable" in request:
        raise KeyError("a secret of the inside")
    return {"id": id, "sum": reading, "stages": sorted(timings_ms)}


if __name__ == "__main__":
    drained = asyncio.run(serve(Settings(), FakeModel().craft(), {"name": "fake"}))
    sys.exit(0 if drained else 1)
