"""What callers send and what they are told, one record a request."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from service.errors import ERRORS
from tests.chaos import pictures, wire
from tests.chaos.pictures import Picture

# How many of a thousand requests are of a kind; what is left over is "good".
SHARES = {
    "later": 150,  # asks for 202 at once and polls
    "large": 10,
    "torn": 30,
    "garbage": 30,
    "bomb": 30,
    "leaves while sending": 30,
    "leaves while waiting": 50,
    "cancel": 60,
    "twice": 40,  # the same idempotency key and body, at once and afterwards
    "same key": 10,  # the same idempotency key with another picture
    "hopeless": 40,  # a deadline that nobody can meet
    "raises": 10,
    "kills": 2,
}
# Deaths by picture belong into this first part of a run: behind it, memory is watched of those who live on.
KILLS_UNTIL = 0.35
POISON = frozenset({"raises", "kills"})
# Of a deadline of 1 ms only decoding is sure to outlast it: what is begun in time may end as done.
_LARGE = ("large", "hopeless")
NEEDS = {"twice": "idempotency", "same key": "idempotency", "hopeless": "deadline_exceeded"}

REFUSED = frozenset({"overloaded", "queue_unavailable", "queue_out_of_memory", "not_ready"})
TRIES = 40
POLL_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5)

_ASYNC = {"Prefer": "respond-async"}


def landed(kind: str) -> bool:
    """Whether the service has what this kind of request is about."""
    return any(code.startswith(NEEDS.get(kind, "")) for code in ERRORS)


@dataclass(slots=True)
class Told:
    """One request: its picture, the job it became (if any), and every different end that was told of it."""

    number: int
    kind: str
    picture: Picture
    id: str | None = None
    accepted: float = 0.0  # seconds since the epoch
    outcomes: set[str] = field(default_factory=set)
    seconds: float = 0.0  # until its end was told
    refusals: int = 0
    other: Told | None = None  # the second one of a pair

    def hear(self, outcome: str) -> None:
        """Note an end that the caller was told."""
        self.outcomes.add(outcome)


def plan(count: int, rng: random.Random, *, real: bool) -> list[str]:
    """The kind of each request, in the order of sending; no picture breaks a `real` model."""
    kinds: list[str] = []
    known = [kind for kind in SHARES if landed(kind) and not (real and kind in POISON)]
    for number in range(count):
        draw, kind = rng.randrange(1000), "good"
        for name in known:
            draw -= SHARES[name]
            if draw < 0:
                kind = name
                break
        kinds.append("good" if kind == "kills" and number > KILLS_UNTIL * count else kind)
    for kind, place in (("raises", 0.2), ("kills", 0.1)):  # at least one of the rare ones
        if kind in known and kind not in kinds and count >= 10:
            kinds[round(place * count)] = kind
    return kinds


def outcome_of(document: dict[str, Any]) -> str:
    """An answer, a job or a problem in a word: 'done CHECKSUM', a problem's code, or where the job stands."""
    if "code" in document:
        return str(document["code"])
    if document.get("object") == "parsing":
        return f"done {_whose(document)}"
    for member in ("result", "error"):
        if document.get(member) is not None:
            return outcome_of(document[member])
    return str(document["status"])


def _whose(parsing: dict[str, Any]) -> str:
    """What names the picture that was parsed: the stub's label, or the size of the masks."""
    if parsing["model"]["name"] == "stub":
        return ",".join(segment["label"] for segment in parsing["segments"])
    return f"{parsing['image']['width']}x{parsing['image']['height']}"


class Traffic:
    """Callers of some replicas of the API, with photos for a `real` model; `over` ends their patience."""

    def __init__(self, ports: list[int], rng: random.Random, over: asyncio.Event, *, real: bool) -> None:
        self.ports, self.rng, self.over, self.real = ports, rng, over, real
        self.told: list[Told] = []
        self.faults: list[str] = []
        self.done = 0
        self._ways: dict[str, Callable[[Told], Awaitable[None]]] = {
            "later": self._later, "raises": self._later, "kills": self._later, "cancel": self._cancel,
            "leaves while sending": self._leave, "leaves while waiting": self._leave,
            "twice": self._twice, "same key": self._twice, "hopeless": self._hopeless,
        }  # fmt: skip

    async def run(self, kinds: list[str], clients: int) -> None:
        """Send all of them, `clients` at a time."""
        waiting = iter(enumerate(kinds))

        async def client() -> None:
            for number, kind in waiting:
                if self.over.is_set():
                    return
                await self._one(Told(number, kind, self._picture(kind)))

        await asyncio.gather(*(client() for _ in range(clients)))

    async def _one(self, told: Told) -> None:
        self.told.append(told)
        start = time.perf_counter()
        try:
            await self._ways.get(told.kind, self._good)(told)
        except (OSError, ValueError, KeyError) as error:
            self.faults.append(f"{told.kind} {told.number}: {error!r}")
        told.seconds = time.perf_counter() - start
        self.done += 1

    def _picture(self, kind: str) -> Picture:
        firsts = {"raises": pictures.RAISES, "kills": pictures.KILLS}
        makers = {"torn": pictures.torn, "garbage": pictures.garbage, "bomb": pictures.bomb}
        if kind in makers:
            return makers[kind](self.rng)
        if self.real:
            return pictures.photo(self.rng, large=kind == "hopeless")
        return pictures.sound(self.rng, large=kind in _LARGE, first=firsts.get(kind, (9, 9, 9)))

    @property
    def _port(self) -> int:
        return self.rng.choice(self.ports)

    # The kinds

    async def _good(self, told: Told) -> None:
        await self._posted(told, {})

    async def _later(self, told: Told) -> None:
        await self._posted(told, _ASYNC)

    async def _cancel(self, told: Told) -> None:
        if not await self._accepted(told, _ASYNC):
            return
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.005, 0.02, 0.1)))
        answer = await self._insist("DELETE", f"/jobs/{told.id}")
        if answer is not None and answer.status != 200:
            self.faults.append(f"cancel {told.id}: {answer.status} {answer.body[:200]!r}")
        await self._poll(told)

    async def _leave(self, told: Told) -> None:
        body, kind = wire.form(told.picture.data)
        share = self.rng.uniform(0.1, 0.9) if told.kind == "leaves while sending" else 1.0
        stay = self.rng.choice((0.0, 0.002, 0.01, 0.03))
        await wire.leave(self._port, "/parse", {"Content-Type": kind}, body, share=share, seconds=stay)
        told.hear("left")

    async def _twice(self, told: Told) -> None:
        """The same key three times: at once, at once, and when the first has been answered."""
        same = told.kind == "twice"
        other = told.other = Told(told.number, told.kind, told.picture if same else self._picture("good"))
        headers = {"Idempotency-Key": f"key-{self.rng.getrandbits(64):x}"}
        if same:
            await asyncio.gather(self._posted(told, headers | _ASYNC), self._posted(other, headers | _ASYNC))
        else:
            await self._posted(told, headers | _ASYNC)
        await self._posted(other, headers | _ASYNC)

    async def _hopeless(self, told: Told) -> None:
        await self._posted(told, {"X-Deadline-Ms": "1"})

    # The steps

    async def _posted(self, told: Told, headers: dict[str, str]) -> None:
        """Post the picture and wait for its end."""
        if await self._accepted(told, headers):
            await self._poll(told)

    async def _accepted(self, told: Told, headers: dict[str, str]) -> bool:
        """Post, again where the service is at its limit; True where there is a job whose end is not told."""
        body, kind = wire.form(told.picture.data)
        answer = await self._insist("POST", "/parse", {"Content-Type": kind} | headers, body, told)
        if answer is None:
            told.hear("refused")
            return False
        document = answer.json
        given = document.get("id")
        if given is not None:
            if told.id not in (None, given):
                self.faults.append(f"{told.kind} {told.number}: two jobs, {told.id} and {given}")
            told.id = given
            told.accepted = told.accepted or time.time()
        if answer.status == 202:
            return True
        told.hear(outcome_of(document))
        return False

    async def _poll(self, told: Told) -> None:
        """Ask for the job until it has ended."""
        waits = iter(POLL_SECONDS)
        while not self.over.is_set():
            answer = await self._insist("GET", f"/jobs/{told.id}")
            if answer is None:
                return
            document = answer.json
            if document.get("status") not in ("queued", "running"):
                told.hear(outcome_of(document))
                return
            await asyncio.sleep(next(waits, POLL_SECONDS[-1]))

    async def _insist(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        told: Told | None = None,
    ) -> wire.Answer | None:
        """The answer, asked for again while the service says to come back; None where it never stopped."""
        for _ in range(TRIES):
            answer = await wire.ask(self._port, method, path, headers, body)
            if answer.status not in (429, 503) or answer.json.get("code") not in REFUSED:
                return answer
            if "retry-after" not in answer.headers:
                self.faults.append(f"{method} {path}: 503 without Retry-After")
            if told is not None:
                told.refusals += 1
            if self.over.is_set():
                return None
            await asyncio.sleep(min(1.0, float(answer.headers.get("retry-after", "1"))))
        return None
