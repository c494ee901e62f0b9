"""Reading photos, label pictures, id lists and masks; errors name the photo and what was expected."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps


def read_photo(source: Path | bytes, id_: str, *, transpose: bool = False) -> NDArray[np.uint8]:
    """(H, W, 3) RGB as stored, or as a viewer shows it (`transpose`: EXIF orientation applied)."""
    image = load_picture(source, id_)
    upright = ImageOps.exif_transpose(image) if transpose else image
    return np.asarray(upright.convert("RGB"), dtype=np.uint8)


def read_ids(source: Path | bytes, id_: str) -> NDArray[np.uint16]:
    """(H, W) numbers of a label picture: a palette picture's indices, never its colours.

    ValueError for a coloured picture: there the numbers are gone.
    """
    image = load_picture(source, id_)
    if image.mode not in ("P", "L", "1", "I", "I;16"):
        raise ValueError(
            f"the labels of {id_!r} are of mode {image.mode}, expected one of P, L, 1, I{_where(source)}"
        )
    ids = np.asarray(image).astype(np.int64)
    if ids.min() < 0 or ids.max() >= 1 << 16:
        raise ValueError(
            f"the labels of {id_!r} lie in {ids.min()}..{ids.max()}, expected 16 bits{_where(source)}"
        )
    return ids.astype(np.uint16)


def read_labels(source: Path | bytes, id_: str) -> NDArray[np.uint8]:
    """(H, W) numbers 0..255; ValueError for larger ones."""
    ids = read_ids(source, id_)
    if ids.max() > 255:
        raise ValueError(
            f"the labels of {id_!r} reach {int(ids.max())}, expected at most 255{_where(source)}"
        )
    return ids.astype(np.uint8)


def load_picture(source: Path | bytes, id_: str) -> Image.Image:
    """A picture, from its file or from the file's bytes, decoded as it is."""
    if isinstance(source, Path) and not source.is_file():
        raise ValueError(f"a file of {id_!r} is missing: {source}")
    try:
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
            image.load()
            return image
    except (OSError, SyntaxError) as error:  # Pillow says the latter of some torn files
        raise ValueError(f"a file of {id_!r} is no picture{_where(source)}") from error


def _where(source: Path | bytes) -> str:
    return f": {source}" if isinstance(source, Path) else ""


def first_existing(root: Path, candidates: Sequence[str], what: str) -> Path:
    """The first of the paths below root that exists; ValueError names them all."""
    for candidate in candidates:
        if (root / candidate).exists():
            return root / candidate
    raise ValueError(f"no {what} in {root}: expected {' or '.join(candidates)}")


def read_list(path: Path) -> tuple[str, ...]:
    """Ids of a list: the first word of every line, without folder and suffix."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Path(line.split()[0]).stem for line in lines if line.strip())


def photo_file(folder: Path, id_: str, suffixes: Sequence[str] = (".jpg", ".jpeg", ".png", ".webp")) -> Path:
    """The picture `id_` of a folder: the first suffix that exists, or the first one where none does."""
    return next(
        (p for s in suffixes if (p := folder / f"{id_}{s}").is_file()), folder / f"{id_}{suffixes[0]}"
    )


def decode_mask(segmentation: Any, size: tuple[int, int], id_: str) -> NDArray[np.bool_]:
    """A COCO segmentation, RLE (compressed or not) or list of polygons, -> (H, W).

    ValueError where it is neither, or an RLE of another size than the photo's (height, width).
    """
    from pycocotools import mask as coco

    if isinstance(segmentation, dict) and {"size", "counts"} <= segmentation.keys():
        if tuple(segmentation["size"]) != size:
            raise ValueError(f"a mask of {id_!r} is {segmentation['size']}, the photo {list(size)}")
        packed = isinstance(segmentation["counts"], (str, bytes))
        rle = segmentation if packed else coco.frPyObjects(segmentation, *size)
        return _decoded(rle)
    # A ring of four numbers would be taken for a box.
    if isinstance(segmentation, list) and segmentation and all(_is_ring(ring) for ring in segmentation):
        rings = [[float(v) for v in ring] for ring in segmentation]
        return _decoded(coco.merge(coco.frPyObjects(rings, *size)))
    raise ValueError(f"a mask of {id_!r} is neither COCO RLE nor polygons: {str(segmentation)[:80]}")


def _decoded(rle: Any) -> NDArray[np.bool_]:
    from pycocotools import mask as coco

    with warnings.catch_warnings():  # its own array class is behind NumPy's protocol
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.asarray(coco.decode(rle), dtype=bool)


def _is_ring(ring: Any) -> bool:
    numbers = isinstance(ring, list) and all(isinstance(v, (int, float)) for v in ring)
    return numbers and len(ring) >= 6 and len(ring) % 2 == 0
