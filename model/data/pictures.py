"""Parts of pictures at another size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]


def fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """The largest middle part of a picture that has the shape of `size` (height, width), at that size."""
    height, width = picture.shape[:2]
    scale = min(height / size[0], width / size[1])
    # No larger than the picture: a product may be so by its last digit.
    tall, wide = min(height, size[0] * scale), min(width, size[1] * scale)
    left, top = (width - wide) / 2, (height - tall) / 2
    box = (left, top, left + wide, top + tall)
    image = Image.fromarray(picture).resize(
        (size[1], size[0]), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0
    )
    return np.array(image)
