"""An answer that comes early survives what the caller still sends."""

import asyncio

import pytest

from service.web.lingering import Lingering

ANSWER = [
    {"type": "http.response.start", "status": 503, "headers": []},
    {"type": "http.response.body", "body": b"no", "more_body": False},
]


def scope(**headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/parse", "headers": named}


async def refuse(_scope, _receive, send):
    for message in ANSWER:
        await send(message)


async def read_all(_scope, receive, send):
    while (await receive()).get("more_body", False):
        pass
    await refuse(_scope, receive, send)


class Caller:
    """Sends a body in parts and notes in which order things happened."""

    def __init__(self, *parts, stalls=False):
        self.parts, self.stalls, self.log = list(parts), stalls, []

    async def receive(self):
        if not self.parts:
            if self.stalls:
                await asyncio.Event().wait()
            self.log.append("left")
            return {"type": "http.disconnect"}
        part = self.parts.pop(0)
        self.log.append(f"sent {part.decode()}")
        return {"type": "http.request", "body": part, "more_body": bool(self.parts) or self.stalls}

    async def send(self, message):
        if message["type"] == "http.response.body":
            self.log.append(f"got {message['body'].decode()}{'...' if message['more_body'] else ''}")


async def serve(app, caller, *, limit=100, seconds=30.0, **headers):
    await Lingering(app, limit, seconds)(scope(**headers), caller.receive, caller.send)
    return caller.log


async def test_the_whole_answer_goes_out_before_the_rest_is_read_and_ends_after_it():
    log = await serve(refuse, Caller(b"a", b"b"), content_length="2")
    assert log == ["got no...", "sent a", "sent b", "got "]


async def test_a_body_of_unknown_length_is_read_on_too():
    assert (await serve(refuse, Caller(b"a"), transfer_encoding="chunked"))[-2:] == ["sent a", "got "]


async def test_a_body_that_was_read_changes_nothing():
    assert await serve(read_all, Caller(b"a", b"b"), content_length="2") == ["sent a", "sent b", "got no"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_length": "0"},
        {"content_length": "9", "expect": "100-continue"},
        {"content_length": "101"},
    ],
)
async def test_nothing_is_read_where_nothing_comes(headers):
    assert await serve(refuse, Caller(b"a"), **headers) == ["got no"]


async def test_no_more_is_read_than_the_limit():
    log = await serve(refuse, Caller(b"aa", b"bb", b"cc"), limit=3, transfer_encoding="chunked")
    assert log == ["got no...", "sent aa", "sent bb", "got "]


async def test_what_was_read_before_counts_towards_the_limit():
    async def read_one(scope_, receive, send):
        await receive()
        await refuse(scope_, receive, send)

    log = await serve(read_one, Caller(b"aaa", b"b"), limit=3, transfer_encoding="chunked")
    assert log == ["sent aaa", "got no...", "got "]


async def test_who_stalls_is_not_waited_for():
    log = await serve(refuse, Caller(b"a", stalls=True), seconds=0.01, content_length="9")
    assert log == ["got no...", "sent a", "got "]


async def test_who_leaves_ends_the_reading():
    log = await serve(refuse, Caller(), content_length="9")
    assert log == ["got no...", "left", "got "]
