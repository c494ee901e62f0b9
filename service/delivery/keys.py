"""API keys: made, kept by their digests, found again; in Redis, or in a file.

A key is `sp_<id>_<secret>`. The secret is 256 random bits, so one round of SHA-256 is enough: salts and slow
hashes defend passwords, which can be guessed, and nobody guesses one of 2**256. The id is no secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.delivery.broker import Broker, translated
from service.delivery.quotas import Limits

_log = logging.getLogger("spectrum.keys")
_TOKEN = re.compile(r"sp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

Positive = Annotated[int, Field(ge=1)]


class ApiKey(BaseModel):
    """What is kept of a key; moments are in seconds since the epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: int
    expires: int | None = None
    revoked: bool = False
    rate: Positive | None = None
    concurrency: Positive | None = None
    daily: Positive | None = None

    @property
    def limits(self) -> Limits:
        """What its holder may do."""
        return Limits(self.rate, self.concurrency, self.daily)

    def expired(self, now: float | None = None) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= (time.time() if now is None else now)

    def opens(self, token: str) -> bool:
        """Whether the token is this key's; takes as long whatever is wrong with it."""
        return hmac.compare_digest(self.sha256, digest(token))


class KeyStore(Protocol):
    """Where keys are kept."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of this id."""
        ...

    async def all(self) -> list[ApiKey]:
        """All keys, oldest first, those that open nothing any more included."""
        ...

    async def put(self, key: ApiKey) -> None:
        """Keep a key, in place of the one of the same id."""
        ...


def issue(name: str, limits: Limits, *, expires: int | None = None) -> tuple[ApiKey, str]:
    """A new key, and the token that opens with it, which is kept nowhere."""
    key_id = secrets.token_hex(6)
    token = f"sp_{key_id}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        id=key_id,
        name=name,
        sha256=digest(token),
        created=int(time.time()),
        expires=expires,
        rate=limits.rate,
        concurrency=limits.concurrency,
        daily=limits.daily,
    )
    return key, token


def digest(token: str) -> str:
    """SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def id_of(token: str) -> str | None:
    """The id within a token; None where it has not the form of one."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1]


class RedisKeys:
    """Keys in one hash beside the queue; raises QueueUnavailable when Redis does not answer."""

    def __init__(self, broker: Broker) -> None:
        self._client = broker.client
        self._place = broker.key("keys")

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of this id."""
        with translated():
            kept = await self._client.hget(self._place, key_id)
        return None if kept is None else ApiKey.model_validate_json(kept)

    async def all(self) -> list[ApiKey]:
        """All keys, oldest first."""
        with translated():
            kept = await self._client.hvals(self._place)
        return sorted(map(ApiKey.model_validate_json, kept), key=_age)

    async def put(self, key: ApiKey) -> None:
        """Keep a key."""
        with translated():
            await self._client.hset(self._place, key.id, key.model_dump_json(exclude_defaults=True))


class FileKeys:
    """Keys in a file, `{"keys": [...]}`, read again when it has changed.

    A file that cannot be read any more leaves the keys as they were, and is told in the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, ApiKey] = {}
        self._seen: tuple[int, int, int] | None = None

    def load(self) -> None:
        """Read the file; ValueError where it is none or broken."""
        try:
            state = self._path.stat()
            document = json.loads(self._path.read_text(encoding="utf-8"))
            keys = _FILE.validate_python(document["keys"])
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise ValueError(f"{self._path} is no file of keys: {where}: {fault['msg']}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._path} is no file of keys: {error}") from error
        self._keys = {key.id: key for key in keys}
        self._seen = _state(state)

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of this id."""
        self._refresh()
        return self._keys.get(key_id)

    async def all(self) -> list[ApiKey]:
        """All keys, oldest first."""
        self._refresh()
        return sorted(self._keys.values(), key=_age)

    async def put(self, key: ApiKey) -> None:
        """Keep a key; the file is replaced as a whole. ValueError where it is there and broken."""
        if self._path.exists():
            self.load()
        keys = self._keys | {key.id: key}
        document = {"keys": [kept.model_dump(exclude_defaults=True) for kept in keys.values()]}
        with tempfile.NamedTemporaryFile(
            "w", dir=self._path.parent, prefix=".keys-", delete=False, encoding="utf-8"
        ) as new:  # made with mode 0600
            json.dump(document, new, indent=2)
            new.write("\n")
        os.replace(new.name, self._path)
        self.load()

    def _refresh(self) -> None:
        try:
            if _state(self._path.stat()) == self._seen:
                return
            self.load()
        except (OSError, ValueError) as error:
            if self._seen != _UNREADABLE:
                _log.error("the keys stay as they were: %s", error)
            self._seen = _UNREADABLE


_FILE: TypeAdapter[Sequence[ApiKey]] = TypeAdapter(list[ApiKey])
_UNREADABLE = (0, 0, 0)


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _age(key: ApiKey) -> tuple[int, str]:
    return key.created, key.id
