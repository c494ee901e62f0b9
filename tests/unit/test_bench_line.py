"""The connection that `spectrum bench service` measures with."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.programs.bench_line import Line

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npie\r\n3\r\nces\r\n0\r\n\r\n"
TORN = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ntorn"


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port where each question gets the next of the answers; connections close after a torn one."""
    asked: list[bytes] = []
    left = list(answers)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while left:
            connection, _ = listening.accept()
            with connection:
                while left:
                    asked.append(connection.recv(1 << 16))
                    answer = left.pop(0)
                    connection.sendall(answer)
                    if answer is TORN:
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1], asked
    finally:
        thread.join(30)
        listening.close()


def test_bodies_come_whole_on_one_connection():
    with answering(WHOLE, PIECES) as (port, asked):
        line = Line(port, 30)
        assert line.ask("POST", "/parse", b"body", "text/plain") == b"whole"
        assert line.ask("GET", "/jobs/1") == b"pieces"
        line.close()
    assert asked[0].startswith(b"POST /parse HTTP/1.1\r\n")
    assert asked[0].endswith(b"\r\n\r\nbody")
    assert b"Content-Length: 4\r\n" in asked[0]


def test_a_torn_answer_is_an_error_and_the_next_question_opens_a_line_anew():
    with answering(TORN, WHOLE) as (port, _):
        line = Line(port, 30)
        with pytest.raises(ConnectionError, match="before its end"):
            line.ask("GET", "/")
        assert line.ask("GET", "/") == b"whole"
        line.close()
