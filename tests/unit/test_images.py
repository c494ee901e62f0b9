"""Untrusted bytes become bounded, upright RGB, or a failure that says what is wrong."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service import errors, images
from service.images import Limits

# Pillow warns of damaged metadata, which costs nobody a picture.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = Limits()
RED, WHITE = (255, 0, 0), (255, 255, 255)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    data = BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header_of(width: int, height: int) -> bytes:
    """A PNG of the given size by its header, with hardly any data behind."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def webp_canvas_of(width: int, height: int) -> bytes:
    canvas = b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_header_tells_format_and_size(form: str):
    header = images.inspect(encoded(Image.new("RGB", (7, 5), RED), form), LIMITS)
    assert (header.format, header.width, header.height, header.frames) == (form, 7, 5, 1)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_of_one_pixel_works(form: str):
    pixels = images.decode(encoded(Image.new("RGB", (1, 1), WHITE), form), LIMITS)
    assert pixels.shape == (1, 1, 3)
    assert pixels.dtype == np.uint8
    assert pixels.min() >= 250


def test_a_picture_bomb_is_refused_by_its_header():
    bomb = png_header_of(12_000, 12_000)
    assert len(bomb) < 200
    for read in (images.inspect, images.decode):
        with pytest.raises(errors.ImageTooManyPixels, match="12000 x 12000"):
            read(bomb, LIMITS)


def test_a_webp_canvas_is_measured_before_the_reader_allocates_it():
    with pytest.raises(errors.ImageTooManyPixels, match="60000 x 60000"):
        images.inspect(webp_canvas_of(60_000, 60_000), LIMITS)


def test_the_limit_of_pixels_is_what_it_says():
    data = encoded(Image.new("RGB", (10, 10)))
    assert images.inspect(data, Limits(pixels=100)).width == 10
    with pytest.raises(errors.ImageTooManyPixels):
        images.inspect(data, Limits(pixels=99))


def test_the_limit_of_bytes_is_what_it_says():
    data = encoded(Image.new("RGB", (10, 10)))
    assert images.inspect(data, Limits(bytes=len(data))).width == 10
    with pytest.raises(errors.ImageTooLarge):
        images.inspect(data, Limits(bytes=len(data) - 1))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_an_animation_is_refused(form: str):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue", "green")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
    with pytest.raises(errors.ImageAnimated, match="3 frames"):
        images.inspect(data, LIMITS)
    assert images.decode(data, Limits(frames=3)).shape == (4, 4, 3)


def test_the_preview_behind_a_telephone_s_jpeg_is_no_animation():
    data = encoded(
        Image.new("RGB", (8, 8), RED), "MPO", save_all=True, append_images=[Image.new("RGB", (4, 4))]
    )
    assert images.inspect(data, LIMITS).format == "JPEG"
    assert images.decode(data, LIMITS).shape == (8, 8, 3)


@pytest.mark.parametrize("data", [b"not a picture", b"GIF89a" + b"\0" * 40, b"%PDF-1.7", b"\0" * 100])
def test_other_formats_are_named_as_such(data: bytes):
    with pytest.raises(errors.ImageTypeUnsupported):
        images.inspect(data, LIMITS)


def test_a_real_gif_is_not_read():
    with pytest.raises(errors.ImageTypeUnsupported):
        images.inspect(encoded(Image.new("P", (4, 4)), "GIF"), LIMITS)


def test_no_bytes_are_no_picture():
    with pytest.raises(errors.ImageEmpty):
        images.inspect(b"", LIMITS)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_torn_picture_is_undecodable(form: str):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(errors.ImageUndecodable):
        images.decode(data[: len(data) // 2], LIMITS)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_torn_header_is_undecodable_and_no_other_format(form: str):
    data = encoded(Image.new("RGB", (64, 64)), form)
    with pytest.raises(errors.ImageUndecodable):
        images.inspect(data[:14], LIMITS)


MODES = {
    "1": Image.new("1", (3, 2), 1),
    "L": Image.new("L", (3, 2), 255),
    "LA": Image.new("LA", (3, 2), (0, 0)),
    "P": Image.new("RGB", (3, 2), WHITE).convert("P"),
    "RGB": Image.new("RGB", (3, 2), WHITE),
    "RGBA": Image.new("RGBA", (3, 2), (0, 0, 0, 0)),
    "I;16": Image.fromarray(np.full((2, 3), 65_535, dtype=np.uint16)),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_a_png_becomes_rgb(mode: str):
    """Each of these is white, or wholly transparent and therefore white."""
    data = encoded(MODES[mode])
    pixels = images.decode(data, LIMITS)
    assert pixels.shape == (2, 3, 3)
    assert (pixels == 255).all()


def test_sixteen_bits_are_scaled_and_not_cut():
    ramp = np.array([[0, 257 * 100, 65_535]], dtype=np.uint16)
    assert images.decode(encoded(Image.fromarray(ramp)), LIMITS)[0, :, 0].tolist() == [0, 100, 255]


def test_a_transparent_colour_of_a_palette_is_white():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.putpixel((1, 0), 1)
    pixels = images.decode(encoded(image, transparency=0), LIMITS)
    assert pixels[0].tolist() == [list(WHITE), list(RED)]


def test_half_transparency_lets_white_through():
    pixels = images.decode(encoded(Image.new("RGBA", (1, 1), (255, 0, 0, 128))), LIMITS)
    assert pixels[0, 0].tolist() == [255, 127, 127]


def test_a_cmyk_jpeg_keeps_its_colour():
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
    red, green, blue = images.decode(data, LIMITS)[4, 4]
    assert red > 200
    assert green < 60
    assert blue < 60


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_turned_as_a_viewer_shows_it(form: str, orientation: int):
    """The stored picture is red at its top left, and EXIF says where that corner belongs."""
    stored = Image.new("RGB", (32, 16), "white")
    stored.paste("red", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, form, exif=exif)
    shown = images.decode(data, LIMITS)
    assert shown.shape[:2] == ((16, 32) if orientation < 5 else (32, 16))
    # EXIF 2.3, tag 'Orientation': where row 0 and column 0 of what is stored are shown.
    corner = {1: (2, 2), 2: (2, -2), 3: (-2, -2), 4: (-2, 2), 5: (2, 2), 6: (2, -2), 7: (-2, -2), 8: (-2, 2)}
    reds = {spot: bool(shown[spot][1] < 100) for spot in ((2, 2), (2, -2), (-2, -2), (-2, 2))}
    assert reds == {spot: spot == corner[orientation] for spot in reds}


def test_damaged_exif_costs_the_orientation_only():
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"
    data = encoded(Image.new("RGB", (6, 4), RED), "JPEG", exif=exif)
    assert images.decode(data, LIMITS).shape == (4, 6, 3)


@pytest.mark.parametrize("limit", ["bytes", "pixels", "frames"])
def test_a_limit_below_one_is_refused(limit: str):
    with pytest.raises(ValueError, match=f"{limit} .* not 0"):
        Limits(**{limit: 0})


@given(
    form=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    spots=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
    end=st.integers(0, 10_000),
)
def test_no_damage_raises_anything_but_our_own_failures(form: str, spots: list[tuple[int, int]], end: int):
    data = bytearray(encoded(Image.new("RGB", (24, 24), RED), form))
    for at, value in spots:
        data[at % len(data)] = value
    torn = bytes(data[: max(1, end % (2 * len(data)))])
    try:
        pixels = images.decode(torn, Limits(pixels=10_000))
    except errors.SpectrumError as error:
        assert error.code.startswith("image_")
    else:
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
