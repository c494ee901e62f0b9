"""HTTP by hand, one connection a request: cheap, and able to leave at any byte."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` and `headers` (lower case); `body` as sent; `seconds` from connecting to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object."""
        told: dict[str, Any] = json.loads(self.body)
        return told


class Broken(OSError):
    """The server closed the connection without an answer."""


def form(picture: bytes, fields: Mapping[str, str] | None = None) -> tuple[bytes, str]:
    """A multipart body with a picture, and its content type."""
    boundary = secrets.token_hex(12)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in (fields or {}).items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="p"\r\n\r\n'
    parts += [head.encode(), picture, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


async def ask(
    port: int, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """The answer of 127.0.0.1:`port`. Broken where the connection ends without one, OSError without any."""
    start = perf_counter()
    async with _connection(port) as (reader, writer):
        writer.write(_head(method, path, headers or {}, len(body)) + body)
        raw = await reader.read(-1)
    head, separator, rest = raw.partition(b"\r\n\r\n")
    if not separator:
        raise Broken(f"{method} {path}: no answer")
    lines = head.decode("latin-1").split("\r\n")
    told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if "content-length" in told and len(rest) != int(told["content-length"]):
        raise Broken(f"{method} {path}: half an answer")
    return Answer(int(lines[0].split()[1]), told, rest, perf_counter() - start)


async def leave(
    port: int, path: str, headers: Mapping[str, str], body: bytes, *, share: float, seconds: float
) -> None:
    """Post `share` of the body, wait, and tear the connection down unasked."""
    async with _connection(port) as (_, writer):
        whole = _head("POST", path, headers, len(body)) + body
        writer.write(whole[: max(1, round(share * len(whole)))])
        await asyncio.sleep(seconds)
        writer.transport.abort()


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


def _head(method: str, path: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
