"""Triangle meshes with the attributes that cloth is painted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.points import PARTS, WIDTH, Floats

TORSO = 6 + PARTS.index("torso")


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """vertices (V, 3); faces (F, 3); attributes (V, WIDTH) of `Points`; garment: its place in the outfit.

    garment -1 is the dressed body itself. On free-hanging cloth the column 'arm' is the distance to the edge.
    """

    vertices: Floats
    faces: NDArray[np.int32]
    attributes: Floats
    garment: int = -1

    def moved(self, turn: Floats, shift: Floats) -> Mesh:
        """The mesh turned by a matrix (3, 3) and then shifted (3,)."""
        return Mesh(
            (self.vertices @ turn.T + shift).astype(np.float32), self.faces, self.attributes, self.garment
        )


def grid(rows: int, columns: int, closed: bool) -> NDArray[np.int32]:
    """Triangles of a grid of rows x columns vertices; `closed` joins the last column to the first."""
    row, column = np.mgrid[: rows - 1, : columns if closed else columns - 1]
    right = (column + 1) % columns
    a, b = row * columns + column, row * columns + right
    c, d = a + columns, b + columns
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], -2).reshape(-1, 3).astype(np.int32)


def sheet(
    vertices: Any, canonical: Any, s: NDArray[Any], edge: NDArray[Any], garment: int, closed: bool
) -> Mesh:
    """A mesh of a grid: vertices, places (R, C, 3) on the reference body, s and edge (R, C) in metres."""
    rows, columns = s.shape
    attributes = np.zeros((rows * columns, WIDTH), np.float32)
    attributes[:, :3] = canonical.reshape(-1, 3)
    attributes[:, 3] = edge.ravel()
    attributes[:, 4] = s.ravel()
    attributes[:, 5] = canonical[..., 2].ravel()
    attributes[:, TORSO] = 1
    return Mesh(vertices.reshape(-1, 3).astype(np.float32), grid(rows, columns, closed), attributes, garment)


def tube(
    line: Floats,
    radii: Floats,
    across: Floats,
    up: Floats,
    canonical: Floats,
    garment: int,
    columns: int = 20,
) -> Mesh:
    """A tube around a line (R, 3); radii (R, 2) along the unit vectors across and up (3,) or (R, 3)."""
    angles = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = (
        np.cos(angles)[None, :, None] * (radii[:, :1] * across)[:, None]
        + np.sin(angles)[None, :, None] * (radii[:, 1:] * up)[:, None]
    )
    vertices = line[:, None] + ring
    places = canonical[:, None] + ring
    s = np.repeat((angles * radii.mean())[None], len(line), 0)
    edge = np.repeat(np.linspace(0.3, 0.0, len(line))[:, None], columns, 1)
    return sheet(vertices, places, s, edge, garment, closed=True)


def normals(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    """Unit normals (V, 3) of vertices, the mean over their triangles weighted by area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(flat[:, k], 3), minlength=len(vertices)) for k in range(3)],
        1,
    )
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)
