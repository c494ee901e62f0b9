"""Which triangle a ray meets first: a thin door to Embree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.points import Floats, Mask


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Rays that met something: ray (N,) its number, face (N,), weights (N, 3) of its corners."""

    ray: NDArray[np.intp]
    face: NDArray[np.int32]
    weights: Floats


class Tracer:
    """Triangles (F, 3) of vertices (V, 3), ready for many rays."""

    def __init__(self, vertices: Floats, faces: NDArray[np.int32]) -> None:
        from embreex.mesh_construction import TriangleMesh  # type: ignore[import-untyped]
        from embreex.rtcore_scene import EmbreeScene  # type: ignore[import-untyped]

        self._scene = EmbreeScene()
        # Embree reads the mesh when the first ray is cast, so it must live as long as the scene.
        self._mesh = TriangleMesh(
            self._scene, np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32)
        )

    def first(self, origins: Floats, directions: Floats) -> Hits:
        """What the rays from origins (R, 3) along directions (R, 3) meet first."""
        found = self._scene.run(
            np.ascontiguousarray(origins, np.float32),
            np.ascontiguousarray(directions, np.float32),
            output=True,
        )
        ray = np.flatnonzero(found["primID"] >= 0)
        u, v = found["u"][ray], found["v"][ray]
        return Hits(ray, found["primID"][ray], np.stack([1 - u - v, u, v], 1))

    def blocked(self, origins: Floats, directions: Floats) -> Mask:
        """Which rays meet anything at all (R,)."""
        found = self._scene.run(
            np.ascontiguousarray(origins, np.float32),
            np.ascontiguousarray(directions, np.float32),
            query="OCCLUDED",
        )
        return np.asarray(found) != -1


def cast(vertices: Floats, faces: NDArray[np.int32], origins: Floats, directions: Floats) -> Hits:
    """What rays meet first, for a mesh that is asked once."""
    return Tracer(vertices, faces).first(origins, directions)
