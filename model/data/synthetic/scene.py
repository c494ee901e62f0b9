"""What the generator hands out: a picture, its truth, and who wears what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import CLASSES
from model.data.held_out import HELD_OUT_GARMENTS

SYNTHETIC_CLASSES: tuple[str, ...] = (*CLASSES, *HELD_OUT_GARMENTS)
"""Names of the classes of a scene; the ids of `CLASSES` come first and stay as they are."""


@dataclass(frozen=True, slots=True)
class Worn:
    """One garment that somebody wears: its class, the name of its colour, the name of its pattern."""

    name: str
    color: str
    pattern: str

    def __post_init__(self) -> None:
        if self.name not in SYNTHETIC_CLASSES:
            raise ValueError(f"no class is called {self.name!r}")


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticPerson:
    """Who somebody is, in words and as a texture.

    caption: 'a woman in a red striped t-shirt, blue jeans and white sneakers'. texture (T, T, 3): the UV map
    of the body as dressed, 128 outside of the atlas. texture_mask (T, T): texels of the atlas, the same for
    everybody.
    """

    garments: tuple[Worn, ...]
    caption: str
    texture: NDArray[np.uint8]
    texture_mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticScene:
    """image (H, W, 3) RGB; classes (H, W) ids of `SYNTHETIC_CLASSES`; persons (H, W), k is people[k - 1].

    loose (H, W): where garments lie that nobody wears; there classes and persons are 0.
    """

    image: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    persons: NDArray[np.uint8]
    people: tuple[SyntheticPerson, ...]
    caption: str
    loose: NDArray[np.bool_]
