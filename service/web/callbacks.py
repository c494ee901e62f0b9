"""Callbacks: a job's end told to the address that its caller named, signed, until it has arrived."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import Any

from service import errors, metrics, signing
from service.delivery.callbacks import Callback, Callbacks
from service.delivery.jobs import Jobs, JobView
from service.remote.failures import retry_after
from service.remote.retry import BUSY
from service.settings import Settings
from service.web.doors import OPEN_ID
from service.web.outbound import Outbound

_log = logging.getLogger("spectrum.callbacks")
_LOOK_SECONDS = 0.5
_EARLY_SECONDS = 30.0  # for a job that took longer than it may
_LEASE_TIMEOUTS = 3  # of one call, so that a slow one is not taken twice


class Deliverer:
    """Delivers what is due, in every replica of the API; each callback is one replica's at a time."""

    def __init__(self, jobs: Jobs, settings: Settings, outbound: Outbound | None = None) -> None:
        self.callbacks = Callbacks(jobs.broker, settings)
        self._jobs, self._settings = jobs, settings
        self._outbound = outbound or Outbound(settings)
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def secret(self) -> str | None:
        """The service's secret; None where no callbacks are made."""
        kept = self._settings.webhook_secret
        return None if kept is None else kept.get_secret_value()

    async def check(self, url: str) -> None:
        """Return where a caller may name the address.

        Errors: CallbackUnavailable, UrlInvalid, UrlRefused, UrlUnreachable, UrlTimeout.
        """
        if self.secret is None:
            raise errors.CallbackUnavailable("This service makes no callbacks.")
        try:
            async with asyncio.timeout(self._settings.url_timeout_seconds):
                await self._outbound.check(url)
        except TimeoutError as error:
            raise errors.UrlTimeout("The host of callback_url was not found in time.") from error

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`, then finish what has begun."""
        while not stop.is_set():
            try:
                await self.begin_due()
            except errors.SpectrumError as error:
                _log.debug("no callbacks for now: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stop.wait()
        await self.settled()

    async def begin_due(self) -> int:
        """Begin to deliver what is due, as far as there is room; returns how many were begun."""
        room = self._settings.webhook_concurrency - len(self._calls)
        if room < 1 or self.secret is None:
            return 0
        lease = _LEASE_TIMEOUTS * self._settings.url_timeout_seconds
        due = await self.callbacks.take(room, lease)
        for callback in due:
            call = asyncio.create_task(self._deliver(callback), name=f"callback {callback.id}")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        return len(due)

    async def settled(self) -> None:
        """Return once nothing is under way."""
        while self._calls:
            await asyncio.wait(set(self._calls))

    async def _deliver(self, callback: Callback) -> None:
        try:
            body = callback.body or await self._body(callback)
            if body is None:
                await self.callbacks.early(callback, _EARLY_SECONDS)
            else:
                await self._call(callback, body)
        except errors.SpectrumError as error:  # the lease runs out, and it comes up again
            _log.warning("callback %s is put off: %s", callback.id, error)
        except Exception:
            _log.exception("callback %s is put off", callback.id)

    async def _body(self, callback: Callback) -> bytes | None:
        """The message; None while the job has not ended."""
        view = await self._jobs.get(callback.job_id)
        view = view or JobView(callback.job_id, "expired", error=errors.JobExpired().problem())
        if not view.ended:
            return None
        told: dict[str, Any] = view.wire()
        told.pop("metadata", None)
        if callback.metadata is not None:
            told["metadata"] = callback.metadata
        return json.dumps(told, separators=(",", ":")).encode()

    async def _call(self, callback: Callback, body: bytes) -> None:
        answer, error, asked = await self._answer(callback, body)
        outcome = "delivered"
        if answer is not None and 200 <= answer < 300:
            await self.callbacks.delivered(callback, answer)
        elif answer == 410:
            outcome = "gone"
            await self.callbacks.gone(callback, answer)
        else:
            again = await self.callbacks.undelivered(callback, body, answer, error, asked)
            outcome = "retried" if again else "failed"
        metrics.CALLBACKS.labels(outcome=outcome).inc()

    async def _answer(self, callback: Callback, body: bytes) -> tuple[int | None, str, float | None]:
        """(the receiver's status, '', its Retry-After) or (None, why there is none, None)."""
        headers = self._signed(callback, body) | {"Content-Type": "application/json"}
        try:
            async with asyncio.timeout(self._settings.url_timeout_seconds):
                target = await self._outbound.check(callback.url)
                async with self._outbound.send(target, "POST", headers=headers, content=body) as response:
                    status = response.status_code
                    return status, "", retry_after(response.headers) if status in BUSY else None
        except TimeoutError:
            return None, errors.UrlTimeout.code, None
        except errors.SpectrumError as error:
            return None, error.code, None

    def _signed(self, callback: Callback, body: bytes) -> dict[str, str]:
        secret = self.secret
        assert secret is not None
        if callback.caller not in ("", OPEN_ID):
            secret = signing.secret_for(secret, callback.caller)
        return signing.sign(secret, callback.id, int(time.time()), body)
