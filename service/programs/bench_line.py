"""A connection for measuring: what an HTTP library would add to a request is no time of the service."""

from __future__ import annotations

import socket

import httptools

_CHUNK = 1 << 18


class Line:
    """One connection to a port of this machine, kept open; opened anew after a failure."""

    def __init__(self, port: int, seconds: float) -> None:
        """seconds: how long an answer may take."""
        self._port, self._seconds = port, seconds
        self._socket: socket.socket | None = None
        self._body: list[bytes] = []
        self._complete = False

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "text/plain") -> bytes:
        """The body of the answer. OSError where none came whole."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The same photos come round again and again, and the model is to be measured, not the cache.
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-cache\r\n\r\n"
        )
        self._body, self._complete = [], False
        parser = httptools.HttpResponseParser(self)
        try:
            self._socket.sendall(head.encode() + body)
            while not self._complete:
                received = self._socket.recv(_CHUNK)
                if not received:
                    raise ConnectionError("the answer ended before its end")
                parser.feed_data(received)
        except (OSError, httptools.HttpParserError) as error:
            self.close()
            raise ConnectionError(str(error)) from error
        return b"".join(self._body)

    def close(self) -> None:
        """Close it; the next question opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def on_body(self, body: bytes) -> None:
        """A part of the body: the parser calls."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole: the parser calls."""
        self._complete = True
