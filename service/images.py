"""Untrusted bytes -> bounded RGB: a header check for the API, a full decode for the worker."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from service import errors
from service.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP")

# Our own limit is checked against the header before any pixel is decoded. Pillow's guess only warns
# up to 179 megapixels, and a warning stops nobody.
Image.MAX_IMAGE_PIXELS = None

_BROKEN = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, struct.error)
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may cost: `bytes` as uploaded, `pixels` by its header, `frames` of an animation."""

    bytes: int = 20 * 2**20
    pixels: int = 40_000_000
    frames: int = 1

    def __post_init__(self) -> None:
        for name in ("bytes", "pixels", "frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"the limit of {name} must be at least 1, not {getattr(self, name)}")

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the environment sets."""
        return cls(settings.max_image_bytes, settings.max_pixels, settings.max_frames)


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's header says; width and height as stored, before the EXIF orientation."""

    format: str
    width: int
    height: int
    frames: int


def inspect(data: bytes, limits: Limits) -> Header:
    """Read the header alone.

    Errors : ImageEmpty, ImageTooLarge, ImageTypeUnsupported, ImageTooManyPixels, ImageAnimated,
    ImageUndecodable, all of `service.errors`.
    """
    image = _open(data, limits)
    return Header(_format(image), image.width, image.height, _frames(image))


def decode(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    """The picture as a viewer shows it, (H, W, 3) RGB uint8: turned by EXIF, alpha over white.

    Metadata is dropped. A torn picture raises ImageUndecodable; else the errors of `inspect`.
    """
    image = _open(data, limits)
    try:
        image.load()
    except _BROKEN as error:
        raise _undecodable("The picture's data ends early or is damaged.") from error
    return np.array(_rgb(_upright(image)), dtype=np.uint8)


def _open(data: bytes, limits: Limits) -> Image.Image:
    """The lazily opened picture, once everything its header says lies within the limits."""
    if not data:
        raise errors.ImageEmpty
    if len(data) > limits.bytes:
        raise errors.ImageTooLarge(f"The picture has {len(data)} bytes; the limit is {limits.bytes}.")
    _check_pixels(_webp_canvas(data), limits)
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        if _looks_known(data):
            raise _undecodable("The picture's header is damaged.") from error
        raise errors.ImageTypeUnsupported("The picture is none of JPEG, PNG and WebP.") from error
    except _BROKEN as error:
        raise _undecodable("The picture's header is damaged.") from error
    _check_pixels(image.size, limits)
    if _frames(image) > limits.frames:
        raise errors.ImageAnimated(f"The picture has {_frames(image)} frames; the limit is {limits.frames}.")
    return image


def _undecodable(detail: str) -> errors.ImageUndecodable:
    return errors.ImageUndecodable(detail)


def _check_pixels(size: tuple[int, int] | None, limits: Limits) -> None:
    if size is not None and size[0] * size[1] > limits.pixels:
        raise errors.ImageTooManyPixels(
            f"The picture is {size[0]} x {size[1]} pixels; the limit is {limits.pixels}.",
        )


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    """(width, height) of an extended WebP's canvas, None for all else.

    Pillow's WebP reader allocates the whole canvas while opening, up to 16 GB by an extended header
    of 30 bytes, so that this one size has to be known before. Layout: WebP container specification,
    'Extended File Format': 24-bit little-endian (width - 1) and (height - 1) at bytes 24 and 27.
    """
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8X":
        return None
    return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")


def _looks_known(data: bytes) -> bool:
    """Whether the first bytes promise one of the formats that we read."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return webp or data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def _format(image: Image.Image) -> str:
    # Telephones write a JPEG with a preview behind it, which Pillow calls MPO.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _frames(image: Image.Image) -> int:
    """Frames of an animation; the previews behind a JPEG are none."""
    return 1 if _format(image) == "JPEG" else int(getattr(image, "n_frames", 1))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:  # damaged EXIF says nothing about the orientation; the pixels are fine
        return image


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode that the three formats give -> RGB, transparency over white, 16 bits scaled to 8."""
    if image.mode in _DEEP_MODES:
        levels = np.asarray(image, dtype=np.float32) / 257.0
        return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        layered = image.convert("RGBA")
        flat = Image.new("RGB", image.size, (255, 255, 255))
        flat.paste(layered, mask=layered.getchannel("A"))
        return flat
    return image if image.mode == "RGB" else image.convert("RGB")
