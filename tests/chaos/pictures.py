"""Pictures that say what they are in their pixels, so that an answer can be held against its picture."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RAISES, KILLS = (255, 0, 0), (0, 0, 255)  # a first pixel of this colour makes the stub raise, or die
_PHOTOS = Path(__file__).resolve().parents[1] / "data" / "photos"
_SMALL, _LARGE = (16, 12), (1_200, 900)  # width, height


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded bytes, and what an answer must say of them to be theirs ('' where they hold no picture)."""

    data: bytes
    checksum: str


def checksum(pixels: NDArray[np.uint8]) -> str:
    """(H, W, 3) -> eight hexadecimal digits."""
    return f"{zlib.crc32(np.ascontiguousarray(pixels).data):08x}"


def sound(rng: random.Random, *, large: bool = False, first: tuple[int, int, int] = (9, 9, 9)) -> Picture:
    """A PNG that decodes, unlike every other of its generator, with `first` as its first pixel."""
    width, height = _LARGE if large else _SMALL
    pixels = np.full((height, width, 3), rng.randrange(200), np.uint8)
    pixels[0, : _SMALL[0]] = np.frombuffer(rng.randbytes(3 * _SMALL[0]), np.uint8).reshape(-1, 3)
    pixels[0, 0] = first
    data = BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=1)
    return Picture(data.getvalue(), checksum(pixels))


def photo(rng: random.Random, *, large: bool = False) -> Picture:
    """A photo of people in a size that hardly another has; its checksum is that size, 'WIDTHxHEIGHT'."""
    times = 6 if large else 1
    size = times * rng.randrange(90, 180), times * rng.randrange(120, 260)
    with Image.open(rng.choice(sorted(_PHOTOS.glob("*.jpg")))) as whole:
        data = BytesIO()
        whole.convert("RGB").resize(size).save(data, "JPEG")
    return Picture(data.getvalue(), f"{size[0]}x{size[1]}")


def torn(rng: random.Random) -> Picture:
    """A PNG whose header is whole and whose data is not: the door lets it in, the worker finds out."""
    return Picture(sound(rng).data[:60], "")


def garbage(rng: random.Random) -> Picture:
    """Bytes that are no picture."""
    return Picture(b"BM" + rng.randbytes(200), "")


def bomb(rng: random.Random) -> Picture:
    """144 megapixels or more by the header, in a hundred bytes."""
    side = rng.randrange(12_000, 60_000)
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return Picture(
        b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")), ""
    )
