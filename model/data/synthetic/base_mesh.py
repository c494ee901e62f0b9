"""MakeHuman's whole base mesh: the body and the helpers around it that garments are bound to."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from model.data.synthetic.body import ADULT, Posed, PosedBase, body, forward
from model.data.synthetic.makehuman import BASE_VERTICES
from model.data.synthetic.points import Floats


class BaseMesh:
    """The same body as `Body`, with the vertices that are part of no face of it.

    reference (B, 3): the base mesh of the reference body, feet on the ground; weights (B, J) of the bones.
    """

    def __init__(self) -> None:
        import anny
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model: Any = anny.Anny(topology="anny-full").to(torch.float32)
            rest = forward(self._model, {}, ADULT)["rest_vertices"][0].numpy()
        if len(rest) != BASE_VERTICES:
            raise ValueError(f"this anny has a base mesh of {len(rest)} vertices, not {BASE_VERTICES}")
        self._ground = np.array([0, 0, rest[body().kept, 2].min()], np.float32)
        self.reference: Floats = (rest - self._ground).astype(np.float32)
        dense = self._model.dense_vertex_bone_weights.numpy().astype(np.float32)
        self.weights = csr_matrix(dense)
        self.shares: Floats = body().shares(dense)

    def posed(self, shape: dict[str, float], turns: dict[str, NDArray[np.float64]]) -> Posed:
        """What `Body.posed` gives, with what garments need."""
        result = forward(self._model, turns, shape)
        vertices = result["vertices"][0].numpy()[body().kept].astype(np.float32)
        low = vertices[:, 2].min()
        poses, rests = (
            result[key][0].numpy().astype(np.float64) for key in ("bone_poses", "rest_bone_poses")
        )
        moves = (poses @ np.linalg.inv(rests))[:, :3].astype(np.float32)
        moves[:, 2, 3] -= low
        vertices[:, 2] -= low
        heads = poses[:, :3, 3].astype(np.float32)
        heads[:, 2] -= low
        rest = result["rest_vertices"][0].numpy().astype(np.float32)
        return Posed(vertices, dict(zip(body().names, heads, strict=True)), PosedBase(rest, moves))


@cache
def base_mesh() -> BaseMesh:
    """The one base mesh of this process."""
    return BaseMesh()
