"""Dead letters: jobs that could not be parsed, kept with their pictures for a while."""

from __future__ import annotations

import json
from typing import Any

from service.delivery.admission import Admission
from service.delivery.broker import translated
from service.delivery.views import DeadLetter


class DeadLetters(Admission):
    """Looked through, sent again, thrown away. A letter has the id of its job."""

    async def letters(self, count: int = 100) -> list[DeadLetter]:
        """The `count` that died last, the last one first."""
        with translated():
            ids: Any = await self._client.zrevrange(self._key("letters"), 0, count - 1)
        found = [await self.letter(name.decode()) for name in ids]
        return [letter for letter in found if letter is not None]

    async def letter(self, letter_id: str) -> DeadLetter | None:
        """One of them; None where there is none of this id, or no longer."""
        keys = [self._key("letter", letter_id), self._key("letter-image", letter_id)]
        kept, image_bytes = await self.broker.run("letter", keys, [])
        if not kept:
            return None
        fields = dict(zip(kept[::2], kept[1::2], strict=True))
        return DeadLetter(
            letter_id,
            int(fields[b"died"]) / 1000,
            int(fields[b"tries"]),
            json.loads(fields[b"outcome"])["error"],
            json.loads(fields[b"request"]),
            image_bytes,
        )

    async def letter_image(self, letter_id: str) -> bytes | None:
        """The picture as it was sent; None where it is no longer there."""
        with translated():
            picture: Any = await self._client.get(self._key("letter-image", letter_id))
        return None if picture is None else bytes(picture)

    async def retry_letter(self, letter_id: str) -> str | None:
        """Send it again as a job of its own; returns that job's id, None where nothing is left to send.

        Raises what `submit` raises; the letter is still there then.
        """
        letter, image = await self.letter(letter_id), await self.letter_image(letter_id)
        if letter is None or image is None:
            return None
        job_id = await self.submit(image, letter.request)
        await self.drop_letters([letter_id])
        return job_id

    async def drop_letters(self, letter_ids: list[str]) -> int:
        """Delete them with their pictures; returns how many there were."""
        return await self._forget(letter_ids) if letter_ids else 0
