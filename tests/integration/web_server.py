"""A web server of a few lines whose answers are plain bytes, so that a test may send what no server sends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class WebServer:
    """What it serves by path, and what it was asked: one text of head lines for each request."""

    port: int = 0
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        """The address of a page."""
        return f"{scheme}://{host}:{self.port}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; a cancellation ends it quietly."""
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked.append(head)
            page = self.pages.get(head.split()[1], answer(b"", status="404 Not Found"))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open.discard(task)


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An answer's bytes with its length; `content_type="x"` adds a header."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "content_length" not in headers:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    """A redirect's bytes."""
    return answer(b"", status=status, location=location)


@asynccontextmanager
async def serving(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[WebServer]:
    """A server on a free port for the length of the block."""
    web = WebServer()
    server = await asyncio.start_server(web.handle, host, 0, ssl=tls)
    web.port = server.sockets[0].getsockname()[1]
    async with server:
        yield web
        server.close()
        for task in [*web.open]:
            task.cancel()
        while web.open:
            await asyncio.sleep(0)
