"""`spectrum keys`: make, list and revoke API keys, in Redis or in a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from service.delivery.keys import ApiKey, FileKeys, KeyStore, RedisKeys, issue
from service.delivery.quotas import Limits
from service.programs import roles
from service.programs.roles import Refused
from service.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key to make; `expires` is the last day on which it opens (UTC)."""

    name: str
    limits: Limits
    expires: date | None = None


def create(wanted: Wanted, settings: Settings, say: Say) -> int:
    """Make a key and tell it, this once. Refused where there is nowhere to keep it."""
    return asyncio.run(_create(wanted, settings, say))


def show(settings: Settings, say: Say) -> int:
    """Tell all keys, without what opens."""
    return asyncio.run(_show(settings, say))


def revoke(key_id: str, settings: Settings, say: Say) -> int:
    """Let a key open nothing any more; 1 where there is none of this id."""
    return asyncio.run(_revoke(key_id, settings, say))


async def _create(wanted: Wanted, settings: Settings, say: Say) -> int:
    expires = None if wanted.expires is None else _end_of(wanted.expires)
    if expires is not None and expires <= time.time():
        raise Refused(f"--expires {wanted.expires} has passed.")
    if not 1 <= len(wanted.name) <= 100:
        raise Refused("NAME must have 1 to 100 characters.")
    async with _store(settings) as keys:
        key, token = issue(wanted.name, wanted.limits, expires=expires)
        await keys.put(key)
    say(f"Key {key.id} for {key.name}: {_limits(key)}; {_life(key)}. It is shown this once:")
    say(token)
    return 0


async def _show(settings: Settings, say: Say) -> int:
    async with _store(settings) as keys:
        for key in await keys.all():
            say(f"{key.id}  {_day(key.created)}  {_life(key):20}  {_limits(key):40}  {key.name}")
    return 0


async def _revoke(key_id: str, settings: Settings, say: Say) -> int:
    async with _store(settings) as keys:
        key = await keys.find(key_id)
        if key is None:
            say(f"There is no key {key_id}; 'spectrum keys list' tells those that are there.")
            return 1
        await keys.put(key.model_copy(update={"revoked": True}))
    say(f"Key {key.id} for {key.name} opens nothing any more.")
    return 0


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[KeyStore]:
    """Where the API looks for keys. Refused where that is nowhere, or cannot be read or written."""
    if settings.keys_file is not None:
        try:
            yield _file(settings.keys_file)
        except (OSError, ValueError) as error:
            raise Refused(f"SPECTRUM_KEYS_FILE: {error}") from error
        return
    if settings.redis_url is None:
        raise Refused("keys are kept in Redis or in a file: set REDIS_URL or SPECTRUM_KEYS_FILE.")
    jobs = await roles.reach(settings)
    try:
        yield RedisKeys(jobs.broker)
    finally:
        await jobs.close()


def _file(path: Path) -> FileKeys:
    keys = FileKeys(path)
    if path.exists():
        keys.load()
    return keys


def _end_of(day: date) -> int:
    """The first moment after a day (UTC)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + timedelta(1).total_seconds())


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _life(key: ApiKey) -> str:
    if key.revoked:
        return "revoked"
    if key.expires is None:
        return "without end"
    return f"{'expired' if key.expired() else 'until'} {_day(key.expires - 1)}"


def _limits(key: ApiKey) -> str:
    told = ((key.rate, "a minute"), (key.concurrency, "at once"), (key.daily, "a day"))
    return ", ".join(f"{limit} {what}" for limit, what in told if limit is not None) or "no limits"
