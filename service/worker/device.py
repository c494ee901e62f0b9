"""The model's calls: in threads of their own, shared out fairly, and read behind the device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter
from typing import Any

from service import metrics
from service.delivery.base import dump
from service.telemetry import stages
from service.worker.busy import Busy
from service.worker.craft import Craft
from service.worker.pieces import Piece, Rendered


class DevicePoisoned(RuntimeError):
    """The device answers every further call with an error; only a new process helps."""


class DeviceStuck(DevicePoisoned):
    """A call of the model's did not end in its time. Its thread cannot be stopped, only its process."""


class ModelRaised(Exception):
    """The model raised on a picture; its cause is what it raised."""


class TooLate(Exception):
    """Decoding took so long that the job must be asked about before the model begins."""


class Device:
    """As many calls at once as the craft has lanes; `crowded` tells whether more pictures wait.

    A call that takes more than `longest` seconds never ends as far as anybody can tell.
    """

    def __init__(self, craft: Craft, crowded: Callable[[], bool], longest: float) -> None:
        self.craft, self.crowded, self.longest = craft, crowded, longest
        self._busy = Busy()
        self._threads = ThreadPoolExecutor(craft.lanes, "device")

    def close(self) -> None:
        """Begin no call any more; waits for none."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, batch: Sequence[Piece]) -> list[Any]:
        """What the device gives for each picture, or the answer itself where its thread had time for it.

        ModelRaised where the model did, DevicePoisoned where it never will answer again.
        """
        return await self._in_time(self._call, batch)

    async def straight(self, piece: Piece, fresh: Callable[[Piece], bool]) -> Any:
        """What the device gives for a picture that is decoded on the way there: no thread waits for another.

        As `call`; TooLate where the picture is decoded but not `fresh` any more, and what decoding raises.
        """
        given = await self._in_time(self._straight, piece, fresh)
        return given[0]

    def decode(self, piece: Piece, data: bytes) -> None:
        """Decode a picture; in any thread. Raises a SpectrumError for a bad one."""
        start, piece.data = perf_counter(), None
        piece.image = image = self.craft.decode(data)
        piece.decode_ms = 1000 * (perf_counter() - start)
        stages.passed("decode", piece.decode_ms / 1000, piece.job.request)
        piece.query = self.craft.query(piece.job.request)
        piece.cost = self.craft.cost(image.shape[1], image.shape[0])

    def answer(self, piece: Piece, given: Any) -> Rendered:
        """The answer made of what the device gave; in any thread. Raises as `call` does, or as encoding."""
        job, began = piece.job, perf_counter()
        try:
            reading = self.craft.reading(given)
        except Exception as error:
            raise _told(error) from error
        start = perf_counter()
        if self.craft.read is not None:
            stages.passed("postprocess", start - began, job.request)
        timings = {"decode": piece.decode_ms, "queue": 1000 * job.queued_seconds}
        answer = self.craft.render(reading, job.request, id=job.id, timings_ms=timings)
        text = _written(answer, start)
        stages.passed("encode", perf_counter() - start, job.request)
        return Rendered(text)

    async def _in_time(self, call: Callable[..., list[Any]], *arguments: Any) -> list[Any]:
        """What a call gives in a thread of the device's, of which there is one for each lane."""
        try:
            async with asyncio.timeout(self.longest):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)
        except TimeoutError:
            raise DeviceStuck(f"the model has not answered for {self.longest:g} s") from None

    def _straight(self, piece: Piece, fresh: Callable[[Piece], bool]) -> list[Any]:
        self.decode(piece, piece.data or b"")
        if not fresh(piece):
            raise TooLate
        return self._call([piece])

    def _call(self, batch: Sequence[Piece]) -> list[Any]:
        metrics.BATCH_SIZE.observe(len(batch))
        alone = not self._busy.running and not self.crowded()
        try:
            with self._busy.call():
                given = self.craft.forward(
                    [piece.image for piece in batch],
                    [piece.query for piece in batch],
                    1 if alone else self.craft.lanes,
                )
            if len(given) != len(batch):
                raise RuntimeError(f"{len(batch)} pictures gave {len(given)} readings")
        except Exception as error:
            raise _told(error) from error
        for piece, one in zip(batch, given, strict=True):
            stages.passed_device(getattr(one, "timings_ms", {}), piece.job.request, len(batch))
        if len(batch) == 1 and not self.crowded():  # nobody waits for this thread
            with suppress(Exception):  # it is made again, and fails where that is told
                return [self.answer(batch[0], given[0])]
        return list(given)


def _written(answer: dict[str, Any], start: float) -> str:
    """The answer as JSON, its timings last: those of encoding, since `start`, among them."""
    timings = answer.pop("timings_ms", None)
    text = dump(answer)
    if timings is None:
        return text
    told = dump({**timings, "encode": round(1000 * (perf_counter() - start), 1)})
    return f'{text[:-1]},"timings_ms":{told}}}'


def _told(error: Exception) -> Exception:
    """What is said of an error of the model's. Running out of memory poisons nothing."""
    if isinstance(error, RuntimeError) and "CUDA error" in str(error):
        return DevicePoisoned(f"the device is lost: {error}")
    return ModelRaised()
