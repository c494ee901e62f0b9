"""Whether what callers were told and what the queue holds agree with the delivery contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from statistics import median, quantiles
from typing import Any

from service.delivery.jobs import GROUP, Jobs
from tests.chaos.processes import Process
from tests.chaos.traffic import POISON, Told, outcome_of

# Keys that live as long as the deployment: each is one key, of bounded size.
LASTING = frozenset({"work", "workers"})
ENDS = frozenset({"done", "failed", "cancelled", "expired"})
LETTERS = 100_000  # more than there may be
FSYNC_SECONDS = 2.0  # Redis syncs each second, and may put a write off by one more
GROWTH = 1.10
_EXPECTED = {
    "torn": {"image_undecodable"},
    "garbage": {"image_type_unsupported"},
    "bomb": {"image_too_many_pixels"},
    "raises": {"parse_failed"},
    "kills": {"delivery_limit"},
    "cancel": {"done", "job_cancelled"},
    "hopeless": {"deadline_exceeded"},
    "same key": {"done", "idempotency_key_reused"},
    "leaves while sending": {"left"},
    "leaves while waiting": {"left"},
}


@dataclass
class Ends:
    """What the queue holds when all is over: each job's end by id, and what is left besides."""

    outcomes: dict[str, str]
    statuses: Counter[str] = field(default_factory=Counter)
    dead: dict[str, str] = field(default_factory=dict)  # id -> SHA-256 of the picture
    depth: int = 0
    pending: int = 0
    lasting: list[str] = field(default_factory=list)


async def read(jobs: Jobs, ids: Iterable[str]) -> Ends:
    """The queue as it stands; `ids` are the jobs that callers know of."""
    client, key = jobs.broker.client, jobs.broker.key
    ends = Ends({})
    for job_id in ids:
        view = await jobs.get(job_id)
        if view is not None:
            ends.outcomes[job_id] = outcome_of(view.wire())
    prefix = key("")
    async for name in client.scan_iter(match=prefix + "*", count=1_000):
        part = name.decode().removeprefix(prefix)
        if part.startswith("job:"):
            status: Any = await client.hget(name, "status")
            ends.statuses[status.decode() if status else "none"] += 1
        if part not in LASTING and await client.ttl(name) == -1:
            ends.lasting.append(part)
    ends.depth = await jobs.depth()
    ends.pending = (await client.xpending(key("work"), GROUP))["pending"]
    letters = await jobs.letters(LETTERS)
    ends.dead = {letter.id: letter.request["image"]["sha256"] for letter in letters}
    return ends


def everyone(told: Iterable[Told]) -> Iterator[Told]:
    """All requests, the second ones of pairs too."""
    for one in told:
        yield one
        if one.other is not None:
            yield one.other


@dataclass
class Verdict:
    """`violations` break the contract; `unsynced` are jobs that an fsync each second may lose."""

    violations: list[str] = field(default_factory=list)
    unsynced: list[str] = field(default_factory=list)


def judge(told: Sequence[Told], ends: Ends, kills: Sequence[float], *, every_write: bool) -> Verdict:
    """Hold each request and the queue's remains against the contract.

    `kills` are the moments at which the broker was killed. Unless it syncs `every_write`, what was
    accepted shortly before may be lost with it.
    """
    verdict = Verdict()
    for one in everyone(told):
        for fault in _faults(one, ends):
            near = any(kill - FSYNC_SECONDS <= one.accepted <= kill + 0.5 for kill in kills)
            bucket = verdict.unsynced if near and not every_write else verdict.violations
            bucket.append(f"{one.kind} {one.number} ({one.id}): {fault}")
    verdict.violations += _remains(ends)
    verdict.violations += _dead_letters(told, ends)
    return verdict


def _faults(one: Told, ends: Ends) -> Iterator[str]:
    expected = _EXPECTED.get(one.kind, {"done"}) | ({"refused"} if one.refusals else set())
    for outcome in sorted(one.outcomes):
        word, _, sum_ = outcome.partition(" ")
        if word not in expected:
            yield f"ended as {outcome}"
        elif word == "done" and sum_ != one.picture.checksum:
            yield f"got the answer to another picture, {sum_} for {one.picture.checksum}"
    if not one.outcomes:
        yield "was told no end"
    kept = None if one.id is None else ends.outcomes.get(one.id)
    if one.id is not None and kept is None:
        yield "is lost"
    elif kept in ("queued", "running"):
        yield f"is still {kept}"
    if kept is not None and len(one.outcomes | {kept}) > 1:
        yield f"ended in several ways: {sorted(one.outcomes | {kept})}"


def _remains(ends: Ends) -> Iterator[str]:
    if ends.depth or ends.pending:
        yield f"the stream still holds {ends.depth} jobs, {ends.pending} of them pending"
    if open_ := {status: count for status, count in ends.statuses.items() if status not in ENDS}:
        yield f"jobs that have not ended: {open_}"
    if ends.lasting:
        yield f"{len(ends.lasting)} keys never expire: {ends.lasting[:5]}"


def _dead_letters(told: Sequence[Told], ends: Ends) -> Iterator[str]:
    kinds = {sha256(one.picture.data).hexdigest(): one.kind for one in everyone(told)}
    for job_id, picture in ends.dead.items():
        if kinds.get(picture) not in POISON:
            yield f"{kinds.get(picture, 'unknown')} {job_id} is a dead letter"
    poisoned = [one.id for one in told if one.kind in POISON and one.id is not None]
    if missing := [job_id for job_id in poisoned if job_id not in ends.dead]:
        yield f"{len(missing)} poisoned pictures are no dead letters: {missing[:3]}"


@dataclass(frozen=True, slots=True)
class Growth:
    """Resident bytes of one process, after its warm-up and at the end of the run."""

    name: str
    warm: float
    end: float

    @property
    def ratio(self) -> float:
        """End over warm."""
        return self.end / self.warm


def growth(process: Process, total: int) -> Growth | None:
    """Of a process whose last life spans 40 % of `total` requests; its first fifth counts as warm-up."""
    samples = process.samples
    if not samples or samples[-1][0] - samples[0][0] < 0.4 * total:
        return None
    first, span = samples[0][0], samples[-1][0] - samples[0][0]
    warm = [size for done, size in samples if 0.2 <= (done - first) / span <= 0.3]
    if not warm:
        return None
    last = [size for _, size in samples[-max(3, len(samples) // 10) :]]
    return Growth(process.name, median(warm), median(last))


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds: the median, 99 % and the longest."""
    if not seconds:
        return {}
    cuts = quantiles([*seconds, *seconds], n=100, method="inclusive")
    return {"p50": 1000 * cuts[49], "p99": 1000 * cuts[98], "max": 1000 * max(seconds)}
