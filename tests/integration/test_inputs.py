"""What is sent as a picture: bombs, chimeras, torn and odd ones each have their status and code."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from service import api
from service.delivery.jobs import Jobs
from service.programs.roles import ApiServer
from service.settings import Settings
from tests.integration.test_api import Bands, MakeSettings, assert_problem, form, worker_of

# Pillow says so of metadata that is damaged on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

RED, WHITE = (255, 0, 0), (255, 255, 255)
PNG_SIGN = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image | None = None, form: str = "PNG", **options: Any) -> bytes:
    data = io.BytesIO()
    (image or Image.new("RGB", (8, 6), RED)).save(data, form, **options)
    return data.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, depth: int = 8, color: int = 2, body: bytes = b"") -> bytes:
    """A PNG of that header, the extra chunks, and whatever pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    pixels = body or zlib.compress(b"\0" * (1 + 3 * min(width, 100)) * min(height, 100))
    return PNG_SIGN + header + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def with_chunk(data: bytes, extra: bytes) -> bytes:
    """A PNG with a chunk behind its header."""
    return data[:33] + extra + data[33:]


def full_bomb() -> bytes:
    """144 megapixels of one colour, all of them there: 17 kB."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(b"\0" * (1 + 12_000 // 8)) for _ in range(12_000)) + rows.flush()
    return png(12_000, 12_000, depth=1, color=0, body=packed)


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("run.sh", "#!/bin/sh\n")
    return data.getvalue()


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose header tells another size."""
    data = bytearray(encoded(form="JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_of_size(width: int, height: int) -> bytes:
    canvas = b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animated(form: str) -> bytes:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue", "green")]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)


NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
GIF = encoded(form="GIF")
REFUSED: dict[str, tuple[bytes, int, str]] = {
    # Bombs
    "a small file of 144 megapixels": (full_bomb(), 413, "image_too_many_pixels"),
    "a PNG of the largest sides": (png(2**31 - 1, 2**31 - 1), 413, "image_too_many_pixels"),
    "a JPEG of the largest sides": (jpeg_of_size(65_535, 65_535), 413, "image_too_many_pixels"),
    "a WebP of the largest canvas": (webp_of_size(2**24, 2**24), 413, "image_too_many_pixels"),
    "a profile that unpacks to 40 MB": (
        with_chunk(encoded(), chunk(b"iCCP", b"p\0\0" + zlib.compress(b"\0" * 40_000_000))),
        422,
        "image_undecodable",
    ),
    "a text that unpacks to 40 MB": (
        with_chunk(encoded(), chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 40_000_000))),
        422,
        "image_undecodable",
    ),
    "an international text that unpacks to 40 MB": (
        with_chunk(encoded(), chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"\0" * 40_000_000))),
        422,
        "image_undecodable",
    ),
    # Other formats, whatever they are called
    "a GIF": (GIF, 415, "image_type_unsupported"),
    "a BMP": (encoded(form="BMP"), 415, "image_type_unsupported"),
    "a TIFF": (encoded(form="TIFF"), 415, "image_type_unsupported"),
    "an ICO": (encoded(form="ICO"), 415, "image_type_unsupported"),
    "a PPM": (encoded(form="PPM"), 415, "image_type_unsupported"),
    "an AVIF": (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1" + b"\0" * 60, 415, "image_type_unsupported"),
    "an SVG": (
        b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        415,
        "image_type_unsupported",
    ),
    "a PDF": (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", 415, "image_type_unsupported"),
    "a page": (b"<!doctype html><script>alert(1)</script>", 415, "image_type_unsupported"),
    "an archive": (zipped(), 415, "image_type_unsupported"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "image_type_unsupported"),
    "a picture behind a page": (b"<html>" + encoded(), 415, "image_type_unsupported"),
    "a GIF within a RIFF": (b"RIFF" + GIF[:4] + b"WAVE" + GIF, 415, "image_type_unsupported"),
    # Torn and empty
    "no bytes": (b"", 422, "image_empty"),
    "one byte": (b"\xff", 415, "image_type_unsupported"),
    "a JPEG's first bytes": (b"\xff\xd8\xff", 422, "image_undecodable"),
    "a PNG's first bytes": (PNG_SIGN, 422, "image_undecodable"),
    "a WebP's first bytes": (b"RIFF\x10\0\0\0WEBP", 422, "image_undecodable"),
    "half a JPEG": (encoded(Image.fromarray(NOISE), "JPEG")[:1_500], 422, "image_undecodable"),
    "half a PNG": (encoded(Image.fromarray(NOISE))[:6_000], 422, "image_undecodable"),
    "half a WebP": (encoded(Image.fromarray(NOISE), "WEBP")[:900], 422, "image_undecodable"),
    "a PNG of no width": (png(0, 8), 422, "image_undecodable"),
    "a PNG of no height": (png(8, 0), 422, "image_undecodable"),
    "a PNG of no size": (png(0, 0), 422, "image_undecodable"),
    "a JPEG of no size": (jpeg_of_size(0, 0), 422, "image_undecodable"),
    "a PNG without pixels": (png(8, 8, body=zlib.compress(b"")), 422, "image_undecodable"),
    "a PNG of unknown colours": (png(8, 8, color=7), 422, "image_undecodable"),
    "a PNG with a wrong sum": (encoded()[:-20] + b"\0" * 20, 422, "image_undecodable"),
    # Frames
    "an animated PNG": (animated("PNG"), 422, "image_animated"),
    "an animated WebP": (animated("WEBP"), 422, "image_animated"),
}
SIDES = {
    "one pixel": (1, 1),
    "a row": (5_000, 1),
    "a column": (1, 5_000),
    "the widest that fits": (16_000, 4),
}


def exif_turned(form: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.new("RGB", (32, 16), RED), form, exif=exif)


def _deep() -> Image.Image:
    return Image.fromarray(np.full((6, 8), 40_000, dtype=np.uint16))


def _palette() -> Image.Image:
    image = Image.new("P", (8, 6), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    return image


TAKEN: dict[str, bytes] = {
    "a JPEG and an archive": encoded(form="JPEG") + zipped(),
    "a JPEG and a page": encoded(form="JPEG") + b"<html><script>alert(1)</script></html>",
    "a PNG and an archive": encoded() + zipped(),
    "a JPEG with a script for a comment": encoded(form="JPEG", comment=b"*/=1;alert(1);/*"),
    "a CMYK JPEG": encoded(Image.new("CMYK", (8, 6), (0, 255, 255, 0)), "JPEG"),
    "a grey JPEG": encoded(Image.new("L", (8, 6), 90), "JPEG"),
    "a progressive JPEG": encoded(form="JPEG", progressive=True),
    "16 bits": encoded(_deep()),
    "16 bits of colour": png(8, 6, depth=16, body=zlib.compress((b"\0" + b"\x80" * 48) * 6)),
    "one bit": encoded(Image.new("1", (8, 6), 1)),
    "a palette with transparency": encoded(_palette(), transparency=0),
    "a palette with alpha": encoded(_palette(), transparency=b"\x80\xff"),
    "grey with alpha": encoded(Image.new("LA", (8, 6), (9, 9))),
    "colour with alpha": encoded(Image.new("RGBA", (8, 6), (9, 9, 9, 9))),
    "a WebP with alpha": encoded(Image.new("RGBA", (8, 6), (9, 9, 9, 9)), "WEBP", lossless=True),
    "an interlaced PNG of another tool": encoded(Image.new("RGB", (8, 6), WHITE), optimize=True),
    "a telephone's JPEG with a preview": encoded(
        None, "MPO", save_all=True, append_images=[Image.new("RGB", (4, 4))]
    ),
    "a PNG with many chunks": with_chunk(encoded(), chunk(b"tEXt", b"a\0b") * 5_000),
}


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(max_body_bytes=400_000, max_image_bytes=200_000, wait_seconds=20, lease_seconds=30)


@pytest.fixture
async def client(
    settings: Settings, jobs: Jobs, connect: Callable[..., Jobs]
) -> AsyncIterator[httpx.AsyncClient]:
    """The API, and a worker that decodes as the real one does."""
    transport = httpx.ASGITransport(api.create(settings, jobs))
    async with (
        worker_of(settings, connect(lease_seconds=30), Bands()),
        httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client,
    ):
        yield client


class TestPictures:
    """Each kind of picture has its end. All kinds of one test share a worker."""

    async def test_a_picture_that_is_none_has_its_status_and_code(self, client: httpx.AsyncClient):
        async def told(data: bytes) -> tuple[int, str]:
            response = await client.post("/parse", files={"image": ("photo.jpg", data, "image/jpeg")})
            assert response.headers["content-type"] == "application/problem+json", response.text
            return response.status_code, response.json()["code"]

        expected = {kind: (status, code) for kind, (_, status, code) in REFUSED.items()}
        assert {kind: await told(data) for kind, (data, _, _) in REFUSED.items()} == expected

    async def test_an_odd_picture_is_taken(self, client: httpx.AsyncClient):
        async def told(data: bytes) -> Any:
            response = await client.post("/parse", **form(data))
            assert b"alert" not in response.content
            return response.json().get("code") or _size(response)

        assert {kind: await told(data) for kind, data in TAKEN.items()} == dict.fromkeys(TAKEN, (8, 6))

    async def test_a_turned_picture_is_answered_upright(self, client: httpx.AsyncClient):
        for kind in ("JPEG", "PNG", "WEBP"):
            for orientation in range(1, 9):
                size = _size(await client.post("/parse", **form(exif_turned(kind, orientation))))
                assert size == ((32, 16) if orientation < 5 else (16, 32)), (kind, orientation)

    async def test_extreme_sides_are_taken(self, client: httpx.AsyncClient):
        for sides in SIDES.values():
            assert _size(await client.post("/parse", **form(encoded(Image.new("L", sides))))) == sides


def _size(response: httpx.Response) -> tuple[int, int]:
    image = response.json()["image"]
    return image["width"], image["height"]


class TestBodies:
    """A body is bounded in bytes, fields and time before anybody looks into it."""

    @pytest.fixture
    async def client(self, settings: Settings, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
        """The API without any worker."""
        transport = httpx.ASGITransport(api.create(settings, jobs))
        async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
            yield client

    async def test_too_many_fields_are_refused(self, client: httpx.AsyncClient):
        sent = [(f"f{n}", (None, "x")) for n in range(1_200)]
        assert_problem(await client.post("/parse", files=sent), 400, "malformed_body")

    async def test_too_many_files_are_refused(self, client: httpx.AsyncClient):
        sent = [("image", (f"{n}", b"x")) for n in range(9)]
        assert_problem(await client.post("/parse", files=sent), 400, "malformed_body")

    async def test_a_huge_name_of_a_field_is_refused_and_not_sent_back(self, client: httpx.AsyncClient):
        response = await client.post("/parse", files={"n" * 100_000: (None, "x"), "image": ("a", encoded())})
        assert response.status_code in (400, 422)
        assert len(response.content) < 2_000

    async def test_a_huge_text_in_a_field_is_refused(self, client: httpx.AsyncClient):
        for field, code in (("caption", "invalid_caption"), ("prompts", "invalid_prompt")):
            response = await client.post("/parse", **form(encoded(), **{field: "x" * 150_000}))
            assert_problem(response, 422, code)

    async def test_json_that_is_deeper_than_anybody_means_is_refused(self, client: httpx.AsyncClient):
        for body in (b"[" * 100_000, b'{"image":' * 30_000, b'{"prompts":' + b"[" * 100_000):
            headers = {"Content-Type": "application/json"}
            assert_problem(await client.post("/parse", content=body, headers=headers), 400, "malformed_body")

    async def test_a_name_that_comes_twice_in_json_is_told_once(self, client: httpx.AsyncClient):
        headers = {"Content-Type": "application/json"}
        for body in (
            b'{"image": null, "image": null}',
            b'{"\xff": 1}',
            b'{"a": NaN}',
            b"\xef\xbb\xbf{}",
            b"null",
        ):
            response = await client.post("/parse", content=body, headers=headers)
            assert response.status_code in (400, 422), response.text

    async def test_odd_forms_are_refused(self, client: httpx.AsyncClient):
        for content_type in (
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=" + "b" * 9_000,
        ):
            headers = {"Content-Type": content_type}
            response = await client.post("/parse", content=b"--b\r\n\r\n--b--", headers=headers)
            assert response.status_code in (400, 422), response.text

    async def test_a_charset_that_there_is_not_is_refused(self, client: httpx.AsyncClient):
        body = b'--b\r\nContent-Disposition: form-data; name="caption"\r\n\r\n\xff\xfe\r\n--b--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=b; charset=no-such"}
        response = await client.post("/parse", content=body, headers=headers)
        assert response.status_code in (400, 422), response.text


@asynccontextmanager
async def real_server(settings: Settings, jobs: Jobs) -> AsyncIterator[int]:
    """The API on a socket; its port."""
    server = ApiServer(uvicorn.Config(api.create(settings, jobs), log_level="error", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


async def test_an_upload_that_trickles_in_is_left(make_settings: MakeSettings, jobs: Jobs):
    settings = make_settings(upload_timeout_seconds=1)
    start = (
        b"POST /parse HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    )
    async with real_server(settings, jobs) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        for _ in range(10):
            writer.write(b"\0")
            await asyncio.sleep(0.01)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")  # until the server closes
        writer.close()
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body)["code"] == "upload_timeout"
