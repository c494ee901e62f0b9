"""`spectrum dead-letters`: the jobs that could not be parsed, looked through, sent again or thrown away."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from service.delivery.jobs import DeadLetter, Jobs
from service.errors import SpectrumError
from service.programs import roles
from service.programs.roles import Refused
from service.settings import Settings

Say = Callable[[str], None]
Action = Literal["list", "show", "retry", "drop"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked, of the letters of these `ids` or of `every` one; `image`: the file for the picture."""

    action: Action
    ids: tuple[str, ...] = ()
    every: bool = False
    as_json: bool = False
    image: Path | None = None


async def run(order: Order, settings: Settings, say: Say) -> int:
    """Do it; returns the exit status: 1 where a letter is not there. Refused where the queue says no."""
    jobs = await roles.reach(settings)
    try:
        ids = order.ids
        if order.every:
            ids = tuple(letter.id for letter in await jobs.letters(settings.dead_letters_kept or 1))
        if order.action == "list":
            return await _list(jobs, settings, order.as_json, say)
        if order.action == "show":
            return await _show(jobs, ids[0], order, say)
        return await _each(ids, order, say, {"retry": _retry, "drop": _drop}[order.action], jobs)
    except SpectrumError as error:
        raise Refused(error.detail) from error
    finally:
        await jobs.close()


async def _list(jobs: Jobs, settings: Settings, as_json: bool, say: Say) -> int:
    letters = await jobs.letters(settings.dead_letters_kept or 1)
    if as_json:
        say(json.dumps([told(letter) for letter in letters], indent=2))
        return 0
    if not letters:
        say("No dead letters.")
    for letter in letters:
        size = f"{letter.image_bytes:,} bytes" if letter.image_bytes else "no picture"
        say(f"{letter.id}  {_time(letter)}  {letter.error['code']:<16}  {_tries(letter):<8}  {size}")
    return 0


async def _show(jobs: Jobs, letter_id: str, order: Order, say: Say) -> int:
    letter = await jobs.letter(letter_id)
    if letter is None:
        say(f"There is no dead letter {letter_id!r}.")
        return 1
    if order.image is not None:
        picture = await jobs.letter_image(letter_id)
        if picture is None:
            say("Its picture is no longer there.")
            return 1
        order.image.write_bytes(picture)
    if order.as_json:
        say(json.dumps(told(letter), indent=2))
        return 0
    say(f"{letter.id}, died {_time(letter)} after {_tries(letter)}, {letter.image_bytes:,} bytes of picture")
    say(f"  {letter.error['code']}: {letter.error['detail']}")
    for name, value in letter.request.items():
        if value is not None:
            say(f"  {name}: {json.dumps(value)}")
    return 0


async def _each(
    ids: tuple[str, ...],
    order: Order,
    say: Say,
    act: Callable[[Jobs, str], Awaitable[str | None]],
    jobs: Jobs,
) -> int:
    """One after the other, telling of each what came of it."""
    done: dict[str, str | None] = {}
    for letter_id in ids:
        done[letter_id] = await act(jobs, letter_id)
        if not order.as_json:
            again = "sent again as job " if order.action == "retry" else ""
            what = done[letter_id]
            say(f"{letter_id}  {again + what if what else 'there is no such letter, or its picture is gone'}")
    if order.as_json:
        say(json.dumps(done, indent=2))
    return 0 if all(done.values()) else 1


async def _retry(jobs: Jobs, letter_id: str) -> str | None:
    return await jobs.retry_letter(letter_id)


async def _drop(jobs: Jobs, letter_id: str) -> str | None:
    return "dropped" if await jobs.drop_letters([letter_id]) else None


def told(letter: DeadLetter) -> dict[str, Any]:
    """A letter as JSON."""
    return {
        "id": letter.id,
        "died_at": _time(letter),
        "tries": letter.tries,
        "image_bytes": letter.image_bytes,
        "error": letter.error,
        "request": letter.request,
    }


def _time(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.died_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _tries(letter: DeadLetter) -> str:
    return "1 try" if letter.tries == 1 else f"{letter.tries} tries"
