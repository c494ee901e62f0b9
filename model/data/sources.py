"""Where training scenes come from beside CCP: sequences of scenes, read when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from model.data.formats.item import Photos
from model.data.scenes import Scene, presence_in


class Scenes(Sequence[Scene]):
    """A sequence of scenes by `scene` and `__len__`."""

    def scene(self, index: int) -> Scene:
        """The scene at a place from 0."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Scene: ...
    @overload
    def __getitem__(self, index: slice) -> list[Scene]: ...
    def __getitem__(self, index: int | slice) -> Scene | list[Scene]:
        places = range(len(self))[index]
        return self.scene(places) if isinstance(places, int) else [self.scene(i) for i in places]


class PhotoScenes(Scenes):
    """The photos of a dataset in its release's layout (`model.data.formats`) as scenes."""

    def __init__(self, photos: Photos) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def scene(self, index: int) -> Scene:
        return self.photos[index].to_scene()


class Chained(Scenes):
    """Several sources, one after the other."""

    def __init__(self, *sources: Sequence[Scene]) -> None:
        self.sources = sources
        self.places = [(source, i) for source in sources for i in range(len(source))]

    def __len__(self) -> int:
        return len(self.places)

    def scene(self, index: int) -> Scene:
        source, place = self.places[index]
        return source[place]

    @property
    def presence(self) -> NDArray[np.bool_]:
        """(N, 256) which scene has which class; of a source that does not know, every scene is read."""
        none = np.zeros((0, 256), bool)
        return np.concatenate([none, *(presence_in(source) for source in self.sources)])
