"""The body: one reference shape that garments are cut for, and posed, shaped copies of it.

The body comes from the package anny (code Apache-2.0, data CC0), loaded once per process.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity

from model.data.synthetic.points import WIDTH, Floats

ADULT = {"age": 0.7, "gender": 0.5}
"""The reference body: halfway between woman and man."""

GROUPS = {
    "head": ("head", "eye", "neck03"),
    "torso": ("root", "pelvis", "spine", "clavicle", "shoulder", "neck01", "neck02"),
    "upper": ("upperarm", "lowerarm"),
    "hand": ("wrist", "finger", "metacarpal"),
    "leg": ("upperleg", "lowerleg"),
    "foot": ("foot", "toe"),
}
"""Starts of the names of the bones that carry each part."""


@dataclass(frozen=True, slots=True, eq=False)
class PosedBase:
    """MakeHuman's whole base mesh on somebody.

    rest (B, 3): its vertices before the pose; turns (J, 3, 4): how the pose moves what each bone carries.
    """

    rest: Floats
    turns: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """A body in its pose, feet on the ground (z = 0), facing -y.

    vertices (V, 3); bones: name -> where it starts (3,); base: what garments of MakeHuman need beside these.
    """

    vertices: Floats
    bones: dict[str, Floats]
    base: PosedBase | None = None


class Body:
    """Triangles, UVs and reference attributes that all people share, and the way to pose a person.

    faces (F, 3); corners (F, 3, 2) UVs in 0..1, v upwards; attributes (V, WIDTH) of `Points`.
    """

    def __init__(self) -> None:
        import anny
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model: Any = anny.Anny().to(torch.float32)
            rest = forward(self._model, {}, ADULT)
        self.names: list[str] = list(self._model.bone_labels)
        self.faces: NDArray[np.int32] = self._model.faces.numpy().astype(np.int32)
        uv = self._model.texture_coordinates.numpy().astype(np.float32)
        self.corners: Floats = uv[self._model.face_texture_coordinate_indices.numpy()]
        self.kept: NDArray[np.intp] = self._model.base_mesh_vertex_indices.numpy().astype(np.intp)
        self.weights: Floats = self._model.dense_vertex_bone_weights.numpy().astype(np.float32)
        vertices = rest["rest_vertices"][0].numpy().copy()
        self.heads: Floats = rest["rest_bone_poses"][0, :, :3, 3].numpy().copy()
        self.heads[:, 2] -= vertices[:, 2].min()
        vertices[:, 2] -= vertices[:, 2].min()
        self.attributes = self.described(vertices, self.shares(self.weights))
        self.spread = _neighbours(self.faces, len(vertices))

    def bone(self, name: str) -> Floats:
        """Where a bone starts (3,) in the reference body."""
        return self.heads[self.names.index(name)]

    def posed(self, shape: dict[str, float], turns: dict[str, NDArray[np.float64]]) -> Posed:
        """A person of a shape (anny's phenotypes, 0..1), bones turned by matrices (3, 3) in world axes."""
        result = forward(self._model, turns, shape)
        vertices = result["vertices"][0].numpy().astype(np.float32)
        heads = result["bone_poses"][0, :, :3, 3].numpy().astype(np.float32)
        low = vertices[:, 2].min()
        vertices[:, 2] -= low
        heads[:, 2] -= low
        return Posed(vertices, dict(zip(self.names, heads, strict=True)))

    def shares(self, weights: Floats) -> Floats:
        """How much (V, 6) vertices belong to each part of the body, from their bones' weights (V, J)."""
        return np.stack(
            [weights[:, [n.startswith(starts) for n in self.names]].sum(1) for starts in GROUPS.values()], 1
        )

    def described(self, vertices: Floats, shares: Floats) -> Floats:
        """Attributes (V, WIDTH) of vertices (V, 3) on or near the reference body, by their shares (V, 6)."""
        arm = self._along_arm(vertices)
        out = np.empty((len(vertices), WIDTH), np.float32)
        on_arm = (shares[:, 2] + shares[:, 3]) > 0.5
        out[:, :3] = vertices
        out[:, 3] = arm
        out[:, 4] = np.where(on_arm, vertices[:, 1], vertices[:, 0])
        out[:, 5] = np.where(on_arm, 1.5 - arm, vertices[:, 2])
        out[:, 6:] = shares
        return out

    def _along_arm(self, vertices: Floats) -> Floats:
        """Metres from the shoulder along upper arm and forearm, by the nearer of the two bones."""
        right = np.abs(vertices * np.array([1, 1, 1], np.float32))
        mirrored = np.stack([right[:, 0], vertices[:, 1], vertices[:, 2]], 1)
        shoulder, elbow, wrist = (self.bone(f"{n}.L") for n in ("upperarm01", "lowerarm01", "wrist"))
        upper, lower = elbow - shoulder, wrist - elbow
        long_upper, long_lower = np.linalg.norm(upper), np.linalg.norm(lower)
        a = (mirrored - shoulder) @ upper / long_upper
        b = (mirrored - elbow) @ lower / long_lower
        off_a = np.linalg.norm(mirrored - shoulder - np.clip(a / long_upper, 0, 1)[:, None] * upper, axis=1)
        off_b = np.linalg.norm(mirrored - elbow - np.clip(b / long_lower, 0, 2)[:, None] * lower, axis=1)
        return np.where(off_a < off_b, np.minimum(a, long_upper), long_upper + np.maximum(b, 0))


def forward(model: Any, turns: dict[str, NDArray[np.float64]], shape: dict[str, float]) -> Any:
    """What a model of anny makes of a shape and of turns (3, 3) of its bones."""
    import torch

    names = model.bone_labels
    pose = np.tile(np.eye(4, dtype=np.float32), (1, len(names), 1, 1))
    for name, turn in turns.items():
        pose[0, names.index(name), :3, :3] = turn
    # On one thread: some processors add up in another order on two, and a seed would draw another picture.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            return model(pose_parameters=torch.from_numpy(pose), phenotype_kwargs=shape)
    finally:
        torch.set_num_threads(threads)


def _neighbours(faces: NDArray[np.int32], count: int) -> csr_matrix:
    """A matrix (V, V) that takes the mean of each vertex and its neighbours."""
    edges = np.concatenate([faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    near = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(count, count))
    near.data[:] = 1
    near = near + identity(count, np.float32, format="csr")
    return csr_matrix(near.multiply(1 / near.sum(1)))


@cache
def body() -> Body:
    """The one body of this process."""
    return Body()
