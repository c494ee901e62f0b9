"""Every dataset by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model.data.formats.coco import CocoPhotos
from model.data.formats.cosmicman import CosmicManPhotos
from model.data.formats.grandf import GrandfPhotos
from model.data.formats.item import Photos
from model.data.formats.pascal import open_pascal
from model.data.formats.pixels import CcpPhotos, open_atr, open_cihp, open_lip

DATASETS: dict[str, Callable[[Path, str], Photos]] = {
    "ccp": CcpPhotos,
    "lip": open_lip,
    "cihp": open_cihp,
    "atr": open_atr,
    "pascal-person-part": open_pascal,
    "cosmicman-hq": CosmicManPhotos,
    "grand-f": GrandfPhotos,
    "coco": CocoPhotos,
}
"""Name -> what opens a split of it below a root; each docstring gives the layout."""


def open_dataset(name: str, root: str | Path, split: str) -> Photos:
    """The photos of a split. ValueError for a name, split or file that is not there, with what is."""
    if name not in DATASETS:
        raise ValueError(f"no dataset {name!r}; there are {', '.join(DATASETS)}")
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"no folder {root} for the dataset {name!r}")
    return DATASETS[name](root, split)
