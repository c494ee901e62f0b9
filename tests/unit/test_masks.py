"""Masks on the wire say exactly what the label map says."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from service.answers import masks

# pycocotools' own decoder has not yet learnt numpy 2's copy keyword.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Map = NDArray[np.uint16]
IDS = [1, 2, 3, 7]  # 7 is in no map: an id without pixels has an empty mask

label_maps = arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(0, 3))


def binary(label_map: Map, id_: int) -> NDArray[np.uint8]:
    return np.asfortranarray(label_map == id_).astype(np.uint8, order="F")


def filled(rings: list[list[int]], height: int, width: int) -> NDArray[np.int64]:
    """Winding number of each pixel's centre: upward sides to its left count 1, downward ones -1."""
    winding = np.zeros((height, width), dtype=np.int64)
    for ring in rings:
        corners = list(zip(ring[0::2], ring[1::2], strict=True))
        for (x, y), (x_next, y_next) in zip(corners, corners[1:] + corners[:1], strict=True):
            assert (x == x_next) != (y == y_next), "a side is neither level nor upright"
            if x == x_next:
                winding[min(y, y_next) : max(y, y_next), x:] += 1 if y_next < y else -1
    return winding


@given(label_maps)
def test_rle_is_byte_for_byte_that_of_pycocotools(label_map: Map):
    for id_, mask in zip(IDS, masks.rle(label_map, IDS), strict=True):
        expected = coco.encode(binary(label_map, id_))
        assert mask == {"size": expected["size"], "counts": expected["counts"].decode()}


@given(label_maps)
def test_rle_decodes_to_the_pixels_it_came_from(label_map: Map):
    for id_, mask in zip(IDS, masks.rle(label_map, IDS), strict=True):
        assert (coco.decode(mask) == (label_map == id_)).all()


@given(label_maps)
def test_areas_and_boxes_of_rle_are_those_of_the_map(label_map: Map):
    for id_, mask in zip(IDS, masks.rle(label_map, IDS), strict=True):
        rows, columns = np.nonzero(label_map == id_)
        assert coco.area(mask) == len(rows)
        box = (
            (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1) if len(rows) else (0, 0, 0, 0)
        )
        assert coco.toBbox(mask).tolist() == list(box)


@given(label_maps)
def test_masks_of_one_map_never_overlap(label_map: Map):
    decoded = [coco.decode(mask) for mask in masks.rle(label_map, IDS)]
    assert sum(mask.astype(int) for mask in decoded).max() <= 1


@given(label_maps)
def test_polygons_fill_to_the_mask_by_either_rule(label_map: Map):
    for id_, mask in zip(IDS, masks.polygons(label_map, IDS), strict=True):
        height, width = mask["size"]
        assert (filled(mask["polygons"], height, width) == (label_map == id_)).all()


def test_a_hole_is_a_ring_of_its_own():
    label_map = np.ones((5, 5), dtype=np.uint16)
    label_map[2, 2] = 0
    (mask,) = masks.polygons(label_map, [1])
    assert sorted(map(sorted, mask["polygons"])) == [[0, 0, 0, 0, 5, 5, 5, 5], [2, 2, 2, 2, 3, 3, 3, 3]]


def test_pixels_that_touch_by_a_corner_are_two_rings():
    (mask,) = masks.polygons(np.eye(2, dtype=np.uint16), [1])
    assert len(mask["polygons"]) == 2


@given(label_maps)
def test_png_masks_show_the_pixels(label_map: Map):
    for id_, mask in zip(IDS, masks.pngs(label_map, IDS), strict=True):
        with Image.open(BytesIO(base64.b64decode(mask["png"]))) as picture:
            assert picture.mode == "1"
            assert (np.asarray(picture) == (label_map == id_)).all()
        assert mask["size"] == list(label_map.shape)


def test_none_sends_no_mask():
    assert masks.encode(np.ones((2, 2), dtype=np.uint16), [1, 2], "none") == [None, None]


@pytest.mark.parametrize("mask_format", masks.FORMATS)
def test_nothing_to_encode_is_no_failure(mask_format: masks.MaskFormat):
    assert masks.encode(np.zeros((2, 2), dtype=np.uint16), [], mask_format) == []


def test_an_unknown_format_is_named():
    with pytest.raises(ValueError, match="'svg'"):
        masks.encode(np.zeros((2, 2), dtype=np.uint16), [1], "svg")  # type: ignore[arg-type]


def test_ids_come_in_the_order_asked():
    label_map = np.array([[1, 2, 2]], dtype=np.uint16)
    assert [coco.area(mask) for mask in masks.rle(label_map, [2, 1])] == [2, 1]
