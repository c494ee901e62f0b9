"""Garments of MakeHuman: meshes bound to the vertices of its base mesh, read and fitted to any body.

Format: a `.obj` holds the triangles and quads, and a `.mhclo` beside it says of each vertex where it belongs;
described at http://www.makehumancommunity.org/wiki/Documentation:MHCLO. MakeHuman measures in decimetres, y
up, z towards the viewer; here it is metres, z up, and people face -y.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from model.data.synthetic.points import Floats

BASE_VERTICES = 19158
"""Vertices of MakeHuman's base mesh hm08, helpers included."""

AXES = {"x_scale": 0, "z_scale": 1, "y_scale": 2}
"""Lines of a `.mhclo` that scale offsets, and the axis of ours that each is about."""
LINKED = 9
"""Numbers of a vertex that is bound to three others; one that sits on a vertex has a single number."""
DECIMETRE = 0.1
UNREAD = ("delete_verts", "weights", "vertexboneweights")
"""Sections of numbers that nothing here needs: what each piece of a suit hides is found by casting rays."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Offsets are as given when the base vertices a and b are `length` decimetres apart along the axis."""

    a: int
    b: int
    length: float


@dataclass(frozen=True, slots=True, eq=False)
class Asset:
    """A mesh bound to the base mesh.

    corners (N, 3): base vertices that each vertex hangs on; weights (N, 3) of these; offsets (N, 3) from
    their weighted mean, in decimetres along our axes; scales: one for each of our axes that has one; faces
    (F, 3) triangles; seams (F, 3): the corners of the faces in the texture, which is cut where cloth is sewn
    to other cloth.
    """

    name: str
    corners: NDArray[np.int32]
    weights: Floats
    offsets: Floats
    scales: dict[int, Scale]
    faces: NDArray[np.int32]
    seams: NDArray[np.int32]

    def fitted(self, base: Floats) -> Floats:
        """Its vertices (N, 3) in metres on a body at rest, whose base vertices (B, 3) are in metres."""
        sizes = np.full(3, DECIMETRE, np.float32)
        for axis, scale in self.scales.items():
            sizes[axis] = abs(base[scale.a, axis] - base[scale.b, axis]) / scale.length
        middle = np.einsum("nk,nkc->nc", self.weights, base[self.corners])
        return (middle + self.offsets * sizes).astype(np.float32)

    def components(self) -> NDArray[np.int32]:
        """The number (F,) of the connected piece that each face is of, in the order of their vertices."""
        return _connected(self.faces)

    def islands(self) -> NDArray[np.int32]:
        """The number (F,) of the connected piece of the texture that each face is of, in its order."""
        return _connected(self.seams)


def _connected(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    first, others = np.repeat(faces[:, 0], 2), faces[:, 1:].ravel()
    count = int(faces.max()) + 1
    edges = coo_matrix((np.ones(len(first), np.int8), (first, others)), shape=(count, count))
    _, labels = connected_components(edges, directed=False)
    used, start = np.unique(labels[np.unique(faces)], return_index=True)
    order = np.zeros(labels.max() + 1, np.int32)
    order[used[start.argsort()]] = np.arange(len(used))
    return order[labels[faces[:, 0]]]


def read_asset(file: Path) -> Asset:
    """The asset of a `.mhclo` file and of the `.obj` file beside it.

    Raises ValueError where a file is missing or torn, or an index lies outside of the mesh that it is about.
    """
    lines = list(_lines(file))
    try:
        scales, corners, weights, offsets, mesh = _bindings(lines)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{file} is torn: {error}") from error
    if not len(corners):
        raise ValueError(f"{file} is torn: it binds no vertices")
    named = [corners.ravel(), np.array([v for s in scales.values() for v in (s.a, s.b)], np.int32)]
    outside = [v for part in named for v in part[(part < 0) | (part >= BASE_VERTICES)].tolist()]
    if outside:
        raise ValueError(
            f"{file}: the base mesh has {BASE_VERTICES} vertices and none of number {outside[0]}"
        )
    faces, seams = _faces(file.with_name(mesh) if mesh else file.with_suffix(".obj"), len(corners))
    return Asset(file.stem, corners, weights, offsets, scales, faces, seams)


def _lines(file: Path) -> Iterator[list[str]]:
    """The words of each line that says something."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror}") from error
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


Bindings = tuple[dict[int, Scale], NDArray[np.int32], Floats, Floats, str]


def _bindings(lines: list[list[str]]) -> Bindings:
    """Scales, corners, weights, offsets and the name of the mesh."""
    scales: dict[int, Scale] = {}
    rows: list[list[float]] = []
    mesh, section = "", ""
    for words in lines:
        key = words[0]
        if not _number(key):
            section = key
            if key in AXES:
                scales[AXES[key]] = _scale(words)
            elif key == "obj_file":
                mesh = words[1]
        elif section not in UNREAD:
            # Some files have other lines between `verts` and the vertices.
            rows.append(_row(words))
    table = np.array(rows, np.float64).reshape(-1, LINKED)
    x, y, z = table[:, 6:].T
    offsets = np.stack([x, -z, y], 1).astype(np.float32)
    corners, weights = table[:, :3].astype(np.int32), table[:, 3:6].astype(np.float32)
    return scales, corners, weights, offsets, mesh


def _number(word: str) -> bool:
    return word.lstrip("-").isdigit()


def _scale(words: list[str]) -> Scale:
    scale = Scale(int(words[1]), int(words[2]), float(words[3]))
    if scale.length <= 0:
        raise ValueError(f"{' '.join(words)} divides by nothing")
    return scale


def _row(words: list[str]) -> list[float]:
    """Three base vertices, their weights and the offset, of either way to write them."""
    if len(words) == 1:
        return [float(words[0]), 0, 0, 1, 0, 0, 0, 0, 0]
    if len(words) < LINKED:
        raise ValueError(f"a vertex has 1 or {LINKED} numbers, not {len(words)}: {' '.join(words)}")
    return [float(word) for word in words[:LINKED]]


def _faces(file: Path, count: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Triangles (F, 3) of an `.obj` of so many vertices, and the same corners in its texture.

    Larger faces are cut into fans. A corner without a place in the texture is called by its vertex.
    """
    vertices, corners = 0, []
    for words in _lines(file):
        if words[0] == "v":
            vertices += 1
        elif words[0] == "f":
            try:
                ring = [_corner(word) for word in words[1:]]
            except ValueError as error:
                raise ValueError(f"{file} is torn: {' '.join(words)}") from error
            corners += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
    if vertices != count:
        raise ValueError(f"{file} has {vertices} vertices, but {count} are bound to the base mesh")
    both = np.array(corners, np.int32).reshape(-1, 3, 2)
    if not len(both):
        raise ValueError(f"{file} has no faces")
    if both.min() < 0 or both[..., 0].max() >= count:
        raise ValueError(f"{file} has a face of a vertex that it has not; there are {count}")
    return both[..., 0].copy(), both[..., 1].copy()


def _corner(word: str) -> tuple[int, int]:
    """Vertex and place in the texture of a corner such as `3`, `3/7` or `3/7/1`."""
    vertex, _, rest = word.partition("/")
    place = rest.partition("/")[0]
    return int(vertex) - 1, int(place or vertex) - 1
