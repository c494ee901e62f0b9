"""Parts of pictures at another size."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from model.data.pictures import fitted

SIDES = st.integers(1, 400)


@given(SIDES, SIDES, st.tuples(st.integers(1, 90), st.integers(1, 90)))
@example(300, 57, (600, 900))  # 57 / 900 * 900 is more than 57
def test_a_picture_of_any_shape_fits_any_size(height, width, size):
    picture = np.full((height, width, 3), 90, np.uint8)
    assert (fitted(picture, size) == np.full((*size, 3), 90)).all()


def test_what_is_left_is_the_middle():
    picture = np.zeros((4, 12, 3), np.uint8)
    picture[:, 4:8] = 255
    assert (fitted(picture, (4, 4)) == 255).all()
