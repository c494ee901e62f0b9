"""What every part of the queue stands on: its connection, its names, and the end of a job."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from service.delivery.broker import Broker
from service.delivery.replies import Replies
from service.delivery.views import Status
from service.settings import Settings

GROUP = "workers"
REPLY_TTL_SECONDS = 3_600
REPLY_BYTES = 32_768  # the longest outcome that a reply carries
JOB_ID = re.compile(r"[0-9a-f]{32}")


class Base:
    """The queue of one service, seen from one process.

    `broker` is its way to Redis, for what stands beside it on the same keys; `replies` is the stream that
    tells this process which jobs have ended.
    """

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self.broker = broker
        self._client = broker.client
        self._key = broker.key
        self._settings = settings
        stream = broker.key("replies", secrets.token_hex(8))
        self.replies = Replies(broker.client, stream, broker.block_ms(2_000))

    async def _end(
        self, job_id: str, entry: str, reply: str, status: Status, outcome: str, *, dead: str = ""
    ) -> bool:
        """End a job once; False where it had ended before.

        outcome: JSON, its status in it. dead: keep it as a letter of so many tries.
        """
        settings, kept = self._settings, self._settings.result_ttl_seconds
        letter_ttl = settings.dead_letter_ttl_seconds if dead and settings.dead_letters_kept else ""
        own = ("job", "image", "result", "events", "listeners", "hooks", "letter", "letter-image")
        shared = ("work", "finished", "callbacks", "letters")
        keys = [*(self._key(name) for name in shared), reply, *(self._key(name, job_id) for name in own)]
        # The job is remembered for twice as long as its answer, to tell 'expired' from 'unknown'.
        arguments = [GROUP, entry, job_id, outcome, status]
        arguments += [str(kept), str(2 * kept), str(REPLY_TTL_SECONDS)]
        arguments += [str(letter_ttl), str(settings.dead_letters_kept), dead, str(REPLY_BYTES)]
        ended, *surplus = await self.broker.run("finish", keys, arguments)
        if surplus:
            await self._forget([letter.decode() for letter in surplus])
        return bool(ended)

    async def _forget(self, letters: list[str]) -> int:
        """Delete dead letters; returns how many there were."""
        keys = [self._key("letters")]
        for letter in letters:
            keys += [self._key("letter", letter), self._key("letter-image", letter)]
        return int(await self.broker.run("drop", keys, letters))


def dump(value: dict[str, Any]) -> str:
    """As JSON on one line."""
    return json.dumps(value, separators=(",", ":"))
