"""The end of a run before its time: what is in hand is finished and kept, nothing more is begun."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType

import pyarrow as pa
import pyarrow.compute as pc

_SAME = 1.0  # seconds; who signals a group may signal its leader as well, and means it once


class Ending:
    """Asked for by SIGINT or SIGTERM; actors learn of it by a file, `stop`, and say so with a line of no
    picture. A second signal is KeyboardInterrupt.
    """

    def __init__(self, stop: Path) -> None:
        self.stop = stop
        self.signal: int | None = None
        self._since = 0.0
        self._idle: set[str] = set()

    @contextmanager
    def by_signals(self) -> Iterator[None]:
        """Take both signals for the length of the block."""
        before = {sign: signal.signal(sign, self._told) for sign in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)

    def _told(self, sign: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._since = sign, monotonic()
            self.stop.touch()
        elif monotonic() - self._since > _SAME:
            raise KeyboardInterrupt

    def without_ends(self, came: pa.Table) -> pa.Table:
        """The rows of pictures; actors that said they have none in hand any more are remembered."""
        is_end = pc.equal(came["picture"], "")
        for row in came.filter(is_end).select(["actor", "busy"]).to_pylist():
            if row["busy"] == 0:
                self._idle.add(row["actor"])
        return came.filter(pc.invert(is_end))

    def reached(self, actors: int) -> bool:
        """Whether as many actors have none in hand any more."""
        return self.signal is not None and len(self._idle) >= actors
