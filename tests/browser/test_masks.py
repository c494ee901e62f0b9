"""The page's own decoding of masks against pycocotools, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw
from pycocotools import mask as coco

from tests.browser.playground import Playground

_IDS = """({ PixelMap }, { masks, width, height, longest }) => {
    const map = new PixelMap(width, height, longest ?? Infinity);
    masks.forEach((mask, index) => map.add(mask, index + 1));
    const starts = map.ids.keys().filter((at) => at === 0 || map.ids[at] !== map.ids[at - 1]);
    return { starts: [...starts], first: map.ids[0], width: map.width, height: map.height };
}"""
_OUTLINES = """({ PixelMap }, { masks, width, height }) => {
    const map = new PixelMap(width, height);
    masks.forEach((mask, index) => map.add(mask, index + 1));
    return [...map.outlines()];
}"""


def encoded(pixels: NDArray[np.bool_]) -> dict[str, object]:
    mask = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": list(pixels.shape), "counts": mask["counts"].decode()}


def pixels_of(drawn: dict[str, Any]) -> NDArray[np.bool_]:
    """The map of one mask, which the page tells by where its pixels change, row by row."""
    changes = np.zeros(drawn["width"] * drawn["height"], int)
    changes[drawn["starts"]] = 1
    return ((np.cumsum(changes) + drawn["first"]) % 2 == 0).reshape(drawn["height"], drawn["width"])


def masks_of(kind: str) -> list[NDArray[np.bool_]]:
    """Pictures of one kind, from single pixels to noise and runs of over a million pixels."""
    random = np.random.default_rng(7)
    if kind == "noise":
        return [random.random(random.integers(1, 40, 2)) < share for share in (0.02, 0.3, 0.5, 0.9, 1, 0)]
    if kind == "edges":
        shapes = [(1, 1), (1, 9), (9, 1), (5, 7)]
        full = [np.ones(shape, bool) for shape in shapes]
        corner = np.zeros((6, 5), bool)
        corner[0, 0] = corner[-1, -1] = True
        return [*full, *(~one for one in full), corner, ~corner]
    large = np.zeros((1500, 1200), bool)
    large[700:, 900:1190] = True
    return [large, ~large, np.ones_like(large)]


@pytest.mark.parametrize("kind", ["noise", "edges", "large"])
def test_a_decoded_mask_is_that_of_pycocotools(page: Playground, kind: str):
    for pixels in masks_of(kind):
        height, width = pixels.shape
        given = {"masks": [encoded(pixels)], "width": width, "height": height}
        drawn = page.module("masks", _IDS, given)
        assert (drawn["width"], drawn["height"]) == (width, height)
        assert np.array_equal(pixels_of(drawn), pixels)


@pytest.mark.parametrize("longest", [10, 33, 64])
def test_a_smaller_map_shows_the_pixels_under_its_own(page: Playground, longest: int):
    pixels = np.kron(np.random.default_rng(3).random((7, 9)) < 0.5, np.ones((9, 8))).astype(bool)
    height, width = pixels.shape
    given = {"masks": [encoded(pixels)], "width": width, "height": height, "longest": longest}
    drawn = page.module("masks", _IDS, given)
    assert max(drawn["width"], drawn["height"]) == min(longest, max(width, height))
    rows = ((np.arange(drawn["height"]) + 0.5) * height / drawn["height"]).astype(int)
    columns = ((np.arange(drawn["width"]) + 0.5) * width / drawn["width"]).astype(int)
    assert np.array_equal(pixels_of(drawn), pixels[np.ix_(rows, columns)])


def test_outlines_enclose_just_the_pixels_of_their_id(page: Playground):
    random = np.random.default_rng(5)
    labels = random.integers(0, 4, (17, 23))
    masks = [encoded(labels == number) for number in (1, 2, 3)]
    outlines = page.module("masks", _OUTLINES, {"masks": masks, "width": 23, "height": 17})
    assert [id_ for id_, _ in outlines] == sorted([1, 2, 3], key=[*labels.ravel()].index)
    for id_, rings in outlines:
        # Drawn at four times the size, a pixel's middle is clear of its edges.
        inside = Image.new("1", (23 * 4, 17 * 4))
        for ring in rings:
            points = [4 * value for value in ring]
            one = Image.new("1", inside.size)
            ImageDraw.Draw(one).polygon(points, fill=1)
            inside = ImageChops.logical_xor(inside, one)
        assert np.array_equal(np.array(inside)[2::4, 2::4], labels == id_)
