"""The queue: submit, claim, renew, finish, wait.

One stream of references and one consumer group; the picture is a key of its own, so that claiming moves
no bytes. Entries are deleted when their job ends, so the stream's length is what waits or runs. It is
never trimmed, which would destroy jobs. Commands of Redis 7.0 suffice.
"""

from __future__ import annotations

from service.delivery.base import GROUP
from service.delivery.broker import Broker
from service.delivery.claims import Claims
from service.delivery.letters import DeadLetters
from service.delivery.outcomes import Outcomes
from service.delivery.presence import Presence
from service.delivery.views import Claimed, DeadLetter, JobView, Status
from service.settings import Settings

__all__ = ["GROUP", "Claimed", "DeadLetter", "JobView", "Jobs", "Status"]


class Jobs(DeadLetters, Outcomes, Claims, Presence):
    """The queue of one service, as an API replica or as a worker.

    Its parts: who gets in (`Admission`), how a job ended (`Outcomes`), a worker's side (`Claims`), which
    workers live (`Presence`), what could not be parsed (`DeadLetters`).
    Every method raises QueueUnavailable when Redis does not answer.
    """

    @classmethod
    def connect(cls, settings: Settings) -> Jobs:
        """A queue at `settings.redis_url`; nothing is sent yet. ValueError without a usable address."""
        return cls(Broker.connect(settings), settings)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.replies.close()
        await self.broker.close()
