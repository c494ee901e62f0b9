"""Who asks, and whether they may: the first thing in every route that makes or shows a job."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import errors, metrics
from service.delivery.broker import Broker
from service.delivery.keys import ApiKey, FileKeys, KeyStore, RedisKeys, id_of
from service.delivery.quotas import Entry, Limits, Quotas, new_lease
from service.settings import Settings

T = TypeVar("T")

OPEN_ID = "open"
_SLACK_SECONDS = 30  # of a lease, beyond all that a request may wait for


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a key; without keys everybody is the one caller `open`."""

    id: str
    name: str
    limits: Limits = field(default_factory=Limits)


class Owned(Protocol):
    """What belongs to a caller: a job's view."""

    @property
    def caller(self) -> str:
        """The id of the caller who made it; '' counts as `open`."""
        ...


EVERYBODY = Caller(OPEN_ID, OPEN_ID)


@dataclass(slots=True)
class Open:
    """A request that holds one of its caller's places, and what it has been charged."""

    caller: Caller
    lease: str
    charged: int = 0
    untaken: int = 0  # pictures of it that were refused


class Doors:
    """The keys of this service and what each may do. ValueError where the file of keys is none."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        self._locked = needs_keys(settings)
        self._auto = settings.auth == "auto"
        self.keys: KeyStore = store(settings, broker)
        longest = settings.upload_timeout_seconds + settings.url_timeout_seconds + settings.wait_seconds
        self._quotas = Quotas(broker, longest + _SLACK_SECONDS)

    async def caller(self, request: Request) -> Caller:
        """Who sent the request. Errors: ApiKeyMissing, ApiKeyInvalid, ApiKeyRevoked, ApiKeyExpired."""
        if not self._locked and not (self._auto and _from_elsewhere(request.scope)):
            return EVERYBODY
        token = _token(request)
        key_id = id_of(token)
        key = None if key_id is None else await self.keys.find(key_id)
        if key is None or not key.opens(token):
            raise errors.ApiKeyInvalid("This is no key of this service.")
        if key.revoked:
            raise errors.ApiKeyRevoked(f"The key {key.id} was revoked.")
        if key.expired():
            raise errors.ApiKeyExpired(f"The key {key.id} has expired.")
        return Caller(key.id, key.name, key.limits)

    async def enter(self, request: Request, caller: Caller) -> None:
        """Take a place and charge one picture. Errors: RateLimited, ConcurrencyLimited, QuotaExceeded."""
        if not caller.limits.any:
            return
        opened = Open(caller, new_lease())
        entry = await self._quotas.enter(caller.id, caller.limits, lease=opened.lease)
        request.state.headers.update(_headers(entry))
        if not entry.granted:
            raise refusal(entry, caller.limits)
        opened.charged = 1
        request.state.opened = opened

    async def charge(self, request: Request, pictures: int) -> Entry:
        """Charge further pictures of a request that has entered, as many as the limits let in."""
        opened: Open | None = getattr(request.state, "opened", None)
        if opened is None or pictures < 1:
            return Entry(pictures, "", 0)
        entry = await self._quotas.enter(opened.caller.id, opened.caller.limits, pictures=pictures)
        request.state.headers.update(_headers(entry))
        opened.charged += entry.granted
        return entry

    async def leave(self, opened: Open, status: int) -> None:
        """Free the place; pictures that were not taken count as nothing against the day."""
        untaken = opened.charged if status >= 400 else opened.untaken
        with suppress(errors.SpectrumError):  # the lease runs out by itself
            await self._quotas.exit(opened.caller.id, opened.lease, give_back=untaken)


class Leaving:
    """Frees a request's place as its answer ends: just before its last byte, so that a next one finds it."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self.app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500

        async def send_and_leave(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body", False):
                await leave()
            await send(message)

        async def leave() -> None:
            opened: Open | None = scope.get("state", {}).pop("opened", None)
            if opened is not None:
                await self._doors.leave(opened, status)

        try:
            await self.app(scope, receive, send_and_leave if scope["type"] == "http" else send)
        finally:
            await leave()


async def authorise(request: Request) -> Caller:
    """The caller of this request, left in `request.state.caller` too.

    A POST is charged as one picture and holds one of the caller's places until it is answered; other
    methods are free. What is left goes onto the answer by `request.state.headers`.
    Errors: ApiKeyMissing, ApiKeyInvalid, ApiKeyRevoked, ApiKeyExpired, RateLimited, ConcurrencyLimited,
    QuotaExceeded, QueueUnavailable.
    """
    doors: Doors = request.app.state.doors
    try:
        caller = await doors.caller(request)
    except (errors.ApiKeyMissing, errors.ApiKeyInvalid):
        request.state.headers["WWW-Authenticate"] = 'Bearer realm="spectrum"'
        raise
    request.state.caller = caller
    if request.method == "POST":
        await doors.enter(request, caller)
    return caller


async def let_in(request: Request, items: Sequence[T]) -> list[T | errors.SpectrumError]:
    """Charge a batch, whose first picture `authorise` has charged: the last ones may find no room."""
    doors: Doors = request.app.state.doors
    entry = await doors.charge(request, len(items) - 1)
    room = 1 + entry.granted
    limits = request.state.caller.limits
    return [item if place < room else refusal(entry, limits) for place, item in enumerate(items)]


def took(request: Request, pictures: int) -> None:
    """So many pictures of a batch were taken: the day's quota counts no others."""
    opened: Open | None = getattr(request.state, "opened", None)
    if opened is not None:
        opened.untaken = max(0, opened.charged - pictures)


def owns(caller: Caller, view: Owned) -> bool:
    """Whether the job is the caller's own; jobs of others are as good as none to them."""
    return (view.caller or OPEN_ID) == caller.id


def needs_keys(settings: Settings) -> bool:
    """Whether callers need a key: `auto` asks for one wherever others than this machine can listen in."""
    return settings.auth == "keys" or (settings.auth == "auto" and not is_loopback(settings.host))


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def store(settings: Settings, broker: Broker) -> KeyStore:
    """Where the settings keep the keys. ValueError where the file is none."""
    if settings.keys_file is None:
        return RedisKeys(broker)
    keys = FileKeys(settings.keys_file)
    if needs_keys(settings):
        keys.load()
    return keys


def usable(key: ApiKey) -> bool:
    """Whether the key opens anything."""
    return not key.revoked and not key.expired()


def refusal(entry: Entry, limits: Limits) -> errors.SpectrumError:
    """Why a picture was not let in, and when to come back."""
    if entry.reason:
        metrics.reject(entry.reason)
    after = entry.retry_seconds
    if entry.reason == "concurrency":
        told = f"The key has {limits.concurrency} requests open already."
        return errors.ConcurrencyLimited(told, retry_after=after, limit=limits.concurrency)
    if entry.reason == "quota":
        told = f"The key may send {limits.daily} pictures a day (UTC)."
        return errors.QuotaExceeded(told, retry_after=after, limit=limits.daily)
    told = f"The key may send {limits.rate} pictures a minute."
    return errors.RateLimited(told, retry_after=after, limit=limits.rate)


def _token(request: Request) -> str:
    """The key in `Authorization: Bearer` or `X-API-Key`."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise errors.ApiKeyInvalid("Send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.")
        return token.strip()
    if given := request.headers.get("x-api-key", "").strip():
        return given
    raise errors.ApiKeyMissing("Send a key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.")


def _from_elsewhere(scope: Scope) -> bool:
    """Whether the request came in on an address that other machines reach, whatever the settings say."""
    host = (scope.get("server") or ("", None))[0]
    try:
        return not ip_address(host).is_loopback
    except ValueError:  # a socket file, or a test's name
        return False


def _headers(entry: Entry) -> dict[str, str]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), and the three older headers.

    Those hold one limit alone: the one that is nearer to its end.
    """
    if not entry.left:
        return {}
    nearest = min(entry.left, key=lambda left: left.remaining)
    return {
        "RateLimit-Policy": ", ".join(f'"{it.name}";q={it.limit};w={it.window_seconds}' for it in entry.left),
        "RateLimit": ", ".join(f'"{it.name}";r={it.remaining};t={it.reset_seconds}' for it in entry.left),
        "RateLimit-Limit": str(nearest.limit),
        "RateLimit-Remaining": str(nearest.remaining),
        "RateLimit-Reset": str(nearest.reset_seconds),
    }
