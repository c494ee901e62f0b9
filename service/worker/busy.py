"""How long a device has had something to do, whatever number of threads brings it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from service import metrics


class Busy:
    """Counts the seconds in which at least one call runs; may be used from any thread."""

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._running = 0
        self._since = 0.0

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._running

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call, until the block ends."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        with self._door:
            now = perf_counter()
            if self._running:  # counted at each change, since calls that overlap may never leave a gap
                metrics.DEVICE_BUSY.inc(now - self._since)
            self._since = now
            self._running += by
