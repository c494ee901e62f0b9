"""Answers that come before the body was read, kept from being torn by what the caller still sends.

A server that closes a connection with unread bytes in it resets it, and the reset may overtake the answer:
a caller who is refused early would see a broken connection instead of the refusal. So the answer goes out
whole, and its end waits until the caller has sent his body, or for a moment. Source: RFC 9112, 9.6.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Lingering:
    """Reads on, for `seconds` and `limit` bytes at most, where an answer came before the body's end."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._sends_body(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        over, received = False, 0  # over: nothing more will come of the body

        async def receive_noted() -> Message:
            nonlocal over, received
            message = await receive()
            received += len(message.get("body", b""))
            over = over or message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def read_on() -> None:
            while not over and received < self.limit:
                await receive_noted()

        async def send_lingering(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if over or not last:
                await send(message)
                return
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(self.seconds):
                    await read_on()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app(scope, receive_noted, send_lingering)

    def _sends_body(self, headers: Headers) -> bool:
        """Whether a body is on its way, neither too large nor held back until a '100 Continue'."""
        announced = headers.get("content-length", "0")
        if "expect" in headers or (announced.isdecimal() and int(announced) > self.limit):
            return False
        return announced != "0" or "transfer-encoding" in headers
