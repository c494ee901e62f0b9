"""What the generative stages take from a folder of prepared synthetic scenes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.training.generative.pictures import psnr


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


ALIKE = 20.0  # dB: a body drawn again is the one of the picture
HOW: tuple[dict[str, Any], ...] = (
    {"people": None, "portrait": True},
    {"people": 1, "portrait": True},
    {"people": 1, "portrait": False},
    {"people": None, "portrait": False},
)


class Redrawn:
    """Draws the body of a prepared portrait once more, with another texture map, into its own picture.

    ValueError where the generator's libraries are missing, or it does not draw this folder's first scene.
    """

    def __init__(self, folder: Path, place: int) -> None:
        try:
            from model.data.synthetic.cli import STRIDE
            from model.data.synthetic.maker import SyntheticMaker
        except ImportError as error:
            raise ValueError(f"no body can be drawn without {error.name}") from error
        made = json.loads((folder / "index.json").read_text(encoding="utf-8"))["made"]
        self._maker = SyntheticMaker(held_out=made["held_out"])
        self._scenes: Any = read_scenes(folder)
        self._seed, self._size = made["seed"] * STRIDE, tuple(made["size"])
        self._how: dict[str, Any] = {}
        self._how = next((how for how in HOW if self._is_drawn_by(how, place)), {})
        if not self._how:
            raise ValueError(f"the scenes of {folder} are not those that the generator draws now")

    def _is_drawn_by(self, how: dict[str, Any], place: int) -> bool:
        scene = self._scenes[place]
        again = self._drawn(place, scene.people[0].texture, how)
        return psnr(again, scene.image, scene.persons == 1) > ALIKE

    def _drawn(self, place: int, texture: NDArray[np.uint8], how: dict[str, Any]) -> NDArray[np.uint8]:
        seed = self._seed + int(self._scenes.entries[place]["id"])
        return self._maker.rerender(seed, self._size, texture, **how)

    def __call__(self, place: int, texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (H, W, 3) at a place of the folder with its person in this map (T, T, 3)."""
        scene = self._scenes[place]
        body = (scene.persons == 1)[..., None]
        return np.where(body, self._drawn(place, texture, self._how), scene.image)
