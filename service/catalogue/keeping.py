"""What has come, kept part by part: so often that little is lost, so seldom that parts are not tiny."""

from __future__ import annotations

from time import monotonic

import pyarrow as pa
import pyarrow.compute as pc

from service.catalogue import rows
from service.catalogue.parts import Parts


class Keeper:
    """Gathers blocks and commits them as one part after `seconds`, or once `rows` pictures wait."""

    def __init__(self, parts: Parts, seconds: float, rows: int) -> None:
        self._parts, self._seconds, self._rows = parts, seconds, rows
        self._waiting: list[pa.Table] = []
        self._since = monotonic()
        self.pictures = self.failed = 0

    def add(self, came: pa.Table) -> None:
        """Take a block of `rows.SENT`; further columns are left."""
        self._waiting.append(came.select(rows.SENT.names))
        self.pictures += len(came)
        self.failed += len(came) - pc.sum(pc.is_null(came["error_code"])).as_py()
        if monotonic() - self._since >= self._seconds or sum(map(len, self._waiting)) >= self._rows:
            self.keep()

    def keep(self) -> None:
        """Commit what waits."""
        if self._waiting:
            self._parts.commit(pa.concat_tables(self._waiting))
        self._waiting, self._since = [], monotonic()
