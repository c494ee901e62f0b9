"""A job in a worker's hands, on its way to the device and back."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.delivery.jobs import Claimed
from service.worker.craft import Picture


@dataclass(slots=True)
class Piece:
    """A claimed job; `ready` once its picture may go to the device.

    `room` is its stay in danger, where that goes on until the model begins. `data` is its picture where that
    is still to be decoded by then.
    """

    job: Claimed
    data: bytes | None = None
    image: Picture = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))
    query: Any = None
    cost: int = 0
    decode_ms: float = 0.0
    ready: bool = False
    room: AsyncExitStack | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def pixels(self) -> int:
        """Pixels that lie decoded in memory."""
        height, width, _ = self.image.shape
        return int(height) * int(width)

    @property
    def age(self) -> float:
        """Seconds since it was claimed."""
        return time.monotonic() - self.since


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer that is ready to be kept, as JSON."""

    result: str
