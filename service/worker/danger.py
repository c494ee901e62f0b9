"""Who may be in danger together: pictures that are decoded or parsed while something may end the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Danger:
    """Many ordinary jobs at once, or one suspect and nothing else.

    A suspect was in danger before when a worker was lost. Alone, it takes no other with it again, and
    when it ends the process once more, it is plain which job did.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._inside = 0
        self._suspects = 0  # inside or at the door

    @asynccontextmanager
    async def enter(self, *, alone: bool) -> AsyncIterator[None]:
        """Wait until it is one's turn. Suspects go first, since all that they wait for ends by itself."""
        async with self._changed:
            if alone:
                self._suspects += 1
                try:
                    await self._changed.wait_for(lambda: self._inside == 0)
                except BaseException:
                    self._suspects -= 1
                    self._changed.notify_all()
                    raise
            else:
                await self._changed.wait_for(lambda: self._suspects == 0)
            self._inside += 1
        try:
            yield
        finally:
            # No lock needed: without an await in between, nobody sees half of it.
            self._inside -= 1
            self._suspects -= alone
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
