"""A posed and dressed body, as what hangs free of it needs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.data.synthetic.body import Posed
from model.data.synthetic.meshes import Mesh
from model.data.synthetic.points import Floats, Points


@dataclass(frozen=True, slots=True, eq=False)
class Wearer:
    """A posed body, its vertices with the cloth's thickness (V, 3), and their reference points.

    hung: skirts of garments beneath, in the order in which they were put on.
    """

    posed: Posed
    dressed: Floats
    points: Points
    hung: tuple[Mesh, ...] = ()

    def carried(
        self, part: str, places: Floats, low: float = 0.0, high: float = 9.0, side: int = 0
    ) -> Floats:
        """Where places (..., 3) near a stiff part of the reference body are on this one (affine fit).

        Only vertices of the part between two heights count, and of one side (1 left, -1 right).
        """
        points = self.points
        there = points.on(part) & (points.z > low) & (points.z < high) & (points.x * side >= 0)
        reference = np.c_[points.values[there, :3], np.ones(there.sum(), np.float32)]
        fit, *_ = np.linalg.lstsq(reference, self.posed.vertices[there], rcond=None)
        flat = places.reshape(-1, 3)
        return (np.c_[flat, np.ones(len(flat))] @ fit).reshape(places.shape).astype(np.float32)

    def around(self, level: float, side: int) -> Floats:
        """Places (N, 3) of trunk and legs at a height of the reference body, of one side or (0) of both."""
        points = self.points
        there = points.on("leg", "torso") & (np.abs(points.z - level) < 0.03) & (points.x * side >= 0)
        return self.dressed[there]

    def skirts(self, level: float) -> Floats:
        """Places (N, 3) of the skirts beneath at a height of the reference body."""
        near = [m.vertices[np.abs(m.attributes[:, 2] - level) < 0.035] for m in self.hung]
        return np.concatenate(near) if near else np.empty((0, 3), np.float32)
