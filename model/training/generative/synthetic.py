"""What the generative stages take from a folder of prepared synthetic scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Person(Protocol):
    """One person of a scene: caption, texture (T, T, 3) and the texels (T, T) that its body has."""

    @property
    def caption(self) -> str: ...
    @property
    def texture(self) -> NDArray[np.uint8]: ...
    @property
    def texture_mask(self) -> NDArray[np.bool_]: ...


class Portrait(Protocol):
    """A scene: image (H, W, 3) with its people."""

    @property
    def image(self) -> NDArray[np.uint8]: ...
    @property
    def caption(self) -> str: ...
    @property
    def people(self) -> Sequence[Person]: ...


def read_scenes(folder: Path) -> Sequence[Portrait]:
    """The scenes that `spectrum synthesize` wrote. ValueError when there are none."""
    from model.data.synthetic.folder import SyntheticFolder

    scenes: Any = SyntheticFolder(folder)
    if not len(scenes):
        raise ValueError(f"no scene in {folder}")
    return scenes
