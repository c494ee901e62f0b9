"""A worker's way for pictures: claim, decode, device, encode, answer, each stage while others run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from service.delivery.jobs import Claimed
from service.errors import JobExpired, ParseFailed, QueueOutOfMemory, QueueUnavailable
from service.telemetry import stages
from service.worker.batching import Budget, choose, fair
from service.worker.craft import Craft
from service.worker.danger import Danger
from service.worker.device import Device, DevicePoisoned, ModelRaised, TooLate
from service.worker.holding import Holding, pause, told
from service.worker.pieces import Piece, Rendered

log = logging.getLogger(__name__)

T = TypeVar("T")
Step = Callable[[str, Sequence[Claimed]], Awaitable[set[str]]]  # of a consumer's jobs, those still wanted
BLOCK_MS = 500  # also how long an idle worker may take to notice that it should stop
DECODED_AHEAD = 64_000_000  # pixels that may lie decoded before the model gets to them (192 MB)
ASIDE_SECONDS = 0.001  # in which what was taken in reaches a thread: the next claim would hold it up
FRESH_SECONDS = 0.05  # how old a claim may be to begin by it without asking again


class Pipeline:
    """One worker's, for one run.

    `ahead` are the held jobs that are not on the device yet, in order of arrival; whatever changes it
    tells `moved`. Jobs whose device call has begun are held, but not ahead. A lane feeds batch after batch to
    the device; `idle` of them wait for pictures.
    """

    def __init__(
        self,
        holding: Holding,
        craft: Craft,
        stop: asyncio.Event,
        budget: Budget,
        *,
        decode_threads: int,
        forward_seconds: float,
    ) -> None:
        self.holding, self.jobs, self.craft = holding, holding.jobs, craft
        self.stop, self.budget = stop, budget
        self.ahead: dict[str, Piece] = {}
        self.moved = asyncio.Condition()
        self.decoding = asyncio.Semaphore(decode_threads)
        self.danger = Danger()
        self.closed = False
        self.idle = 0
        self.over = asyncio.Event()
        self.device = Device(craft, lambda: bool(self.ahead), forward_seconds)
        self.threads = ThreadPoolExecutor(decode_threads, "picture")

    async def run(self) -> None:
        """Until the intake has closed and all that it took in has ended."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.holding.renew_until(self.over, self._lost), name="renew")
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._take_in(tasks), name="intake")
                    for lane in range(self.craft.lanes):
                        tasks.create_task(self._feed(tasks), name=f"lane {lane}")
            finally:
                self.over.set()

    async def let_go(self) -> None:
        """Give back what is still held; never waits for a thread."""
        self.device.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
        await self.holding.release(untried=self.ahead.keys())

    # Before the device

    async def _take_in(self, tasks: asyncio.TaskGroup) -> None:
        """Claim what waits as long as no more than one batch lies ahead of the device."""
        failures = 0
        while not (self.stop.is_set() or self.over.is_set()):
            async with self.moved:
                await self.moved.wait_for(lambda: len(self.ahead) < self.budget.count)
                room = self.budget.count - len(self.ahead)
            try:
                held = self.holding.ids
                claimed = await self.jobs.claim(self.holding.consumer, room, BLOCK_MS, held, hand=True)
                failures = 0
            except (QueueUnavailable, QueueOutOfMemory) as error:
                failures += 1
                if failures == 1:
                    log.warning("no jobs, trying again until there are: %s", error)
                await asyncio.sleep(pause(failures))
                continue
            for job in filter(self.holding.take, claimed):
                piece = self.ahead[job.id] = Piece(job)
                stages.passed("queue", job.queued_seconds, job.request)
                tasks.create_task(self._prepare(piece), name=f"prepare {job.id}")
            await asyncio.sleep(ASIDE_SECONDS)  # they go first
        async with self.moved:
            self.closed = True
            self.moved.notify_all()

    async def _prepare(self, piece: Piece) -> None:
        """Fetch and decode one picture; a bad one fails here, alone."""
        async with self.decoding, AsyncExitStack() as room:
            await self._room_to_decode()
            await room.enter_async_context(self.danger.enter(alone=piece.job.suspect))
            data = await self._fetched(piece)
            if data is not None and await self._straight(piece, data, room):
                return
            decoded = data is not None and await self._decoded(piece, data)
            wanted = decoded and await self._wanted(self.jobs.rest, [piece])
        async with self.moved:
            if wanted:
                piece.ready = True
            else:
                self.ahead.pop(piece.job.id, None)
            self.moved.notify_all()

    async def _fetched(self, piece: Piece) -> bytes | None:
        """The encoded picture; the job has failed where there is none."""
        try:
            # Fetched last, so that a job cancelled meanwhile costs neither memory nor decoding.
            data = await self.holding.insist(lambda: self.jobs.fetch(piece.job))
            if data is None:
                raise JobExpired("The picture waited too long for a worker.")
        except Exception as error:
            await self.holding.fail(piece.job, error)
            return None
        return data

    async def _decoded(self, piece: Piece, data: bytes) -> bool:
        """Whether the picture could be decoded; the job has failed where not."""
        try:
            await self._thread(self.device.decode, piece, data)
        except Exception as error:
            await self.holding.fail(piece.job, error)
            return False
        if piece.job.suspect:  # as dear as a whole batch, so that it is one
            piece.cost = max(piece.cost, self.budget.pixels)
        return True

    async def _straight(self, piece: Piece, data: bytes, room: AsyncExitStack) -> bool:
        """Whether the device waits for just this picture, which stays in danger until the model begins."""
        async with self.moved:
            if len(self.ahead) > 1 or not self.idle or piece.job.suspect:
                return False
            piece.data, piece.room, piece.ready = data, room.pop_all(), True
            self.moved.notify_all()
        return True

    async def _room_to_decode(self) -> None:
        async with self.moved:
            await self.moved.wait_for(
                lambda: sum(piece.pixels for piece in self.ahead.values()) < DECODED_AHEAD
            )

    async def _lost(self, job_ids: set[str]) -> None:
        """Another worker has these; what is not on the device yet need not go there."""
        async with self.moved:
            for job_id in job_ids:
                if job_id in self.ahead and self.ahead[job_id].ready:
                    room = self.ahead.pop(job_id).room
                    self.holding.drop(job_id)
                    if room is not None:
                        await room.aclose()
            self.moved.notify_all()

    async def _next(self) -> list[Piece]:
        """The next batch, as soon as one picture is ready; empty once nothing more will come."""
        async with self.moved:
            self.idle += 1
            try:
                await self.moved.wait_for(lambda: self._ready() or (self.closed and not self.ahead))
            finally:
                self.idle -= 1
            ready = self._ready()
            budget = fair(self.budget, len(ready), self.craft.lanes)
            chosen = [ready[i] for i in choose([piece.cost for piece in ready], budget)]
            # One that is still to be decoded is in danger already, and goes alone: nobody knows its cost.
            batch = [piece for piece in ready if piece.data is not None][:1] or chosen
            for piece in batch:
                del self.ahead[piece.job.id]
            self.moved.notify_all()
        return batch

    def _ready(self) -> list[Piece]:
        return [piece for piece in self.ahead.values() if piece.ready]

    # On the device

    async def _feed(self, tasks: asyncio.TaskGroup) -> None:
        """Batch after batch; each is read, encoded and kept while the next one computes."""
        behind: list[asyncio.Task[None]] = []
        while batch := await self._next():
            alone = batch[0].job.suspect
            async with self._in_danger(batch):
                try:
                    outcomes = await self._outcomes(batch)
                except DevicePoisoned:
                    self.over.set()  # whoever else is about must not take in more
                    raise
                if behind:  # what the network said of a batch is large: there is one to be read at most
                    await asyncio.wait(behind)
                behind = [
                    tasks.create_task(self._answer(piece, outcome), name=f"answer {piece.job.id}")
                    for piece, outcome in outcomes
                ]
                await asyncio.sleep(0)  # they go first
                if alone and behind:  # what is in danger until its answer is kept stays alone until then
                    await asyncio.wait(behind)

    @asynccontextmanager
    async def _in_danger(self, batch: Sequence[Piece]) -> AsyncIterator[None]:
        """The stay of a batch in danger, which a picture that goes straight has begun."""
        async with batch[0].room or self.danger.enter(alone=batch[0].job.suspect):
            yield

    async def _outcomes(self, batch: list[Piece]) -> list[tuple[Piece, Any]]:
        """What came of each picture that is still wanted."""
        if batch[0].data is not None:
            try:
                return [(batch[0], await self.device.straight(batch[0], self._fresh))]
            except TooLate:
                pass
            except DevicePoisoned:
                raise
            except ModelRaised as raised:
                return [(batch[0], raised)]
            except Exception as error:  # of decoding
                await self.holding.fail(batch[0].job, error)
                return []
        return await self._forward(await self._wanted(self.jobs.begin, batch))

    def _fresh(self, piece: Piece) -> bool:
        """Whether the model may begin by a claim so young that nobody else can have the job."""
        return piece.age < min(FRESH_SECONDS, self.holding.lease_seconds / 4) and not piece.job.late

    async def _wanted(self, step: Step, batch: list[Piece]) -> list[Piece]:
        """The batch without what was cancelled, came too late or ended elsewhere meanwhile."""
        if not batch:
            return []
        try:
            wanted = await step(self.holding.consumer, [piece.job for piece in batch])
        except QueueUnavailable:
            return batch  # computing in vain is no harm
        for piece in batch:
            if piece.job.id not in wanted:
                self.holding.drop(piece.job.id)
        return [piece for piece in batch if piece.job.id in wanted]

    async def _forward(self, batch: list[Piece]) -> list[tuple[Piece, Any]]:
        """What the device gave for each picture, or what it raised: one by one where the batch fails."""
        if not batch:
            return []
        try:
            return list(zip(batch, await self.device.call(batch), strict=True))
        except ModelRaised as raised:
            if len(batch) == 1:
                return [(batch[0], raised)]
            log.warning("a batch of %d failed, now one by one: %r", len(batch), raised.__cause__)
        await self._wanted(self.jobs.rest, batch)
        outcomes = []
        for piece in batch:
            outcomes += await self._forward(await self._wanted(self.jobs.begin, [piece]))
        return outcomes

    # Behind the device

    async def _answer(self, piece: Piece, outcome: Any) -> None:
        job = piece.job
        try:
            if isinstance(outcome, ModelRaised):
                raise outcome
            if not isinstance(outcome, Rendered):
                outcome = await self._thread(self.device.answer, piece, outcome)
        except DevicePoisoned:
            self.over.set()
            raise
        except ModelRaised as raised:
            log.error("the model raised", exc_info=raised.__cause__, extra=told(job))
            await self.holding.fail(job, ParseFailed("The model could not parse this picture."))
        except Exception as error:
            await self.holding.fail(job, error)
        else:
            await self.holding.finish(job, outcome.result)

    async def _thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, call, *arguments)
