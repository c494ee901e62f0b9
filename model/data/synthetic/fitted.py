"""Pieces of MakeHuman's meshes as garments: their paint, what they cover, and how they follow a pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from model.data.synthetic.base_mesh import base_mesh
from model.data.synthetic.body import Posed, body
from model.data.synthetic.makehuman import Asset
from model.data.synthetic.meshes import Mesh, normals
from model.data.synthetic.points import Floats, Mask, Points
from model.data.synthetic.rays import Tracer

BENEATH = 0.025
"""Metres below the skin from which cloth is looked for: tight cloth lies partly in the reference body."""
INNER = np.float32(0.2)
"""Metres to the edge of what has none."""
HOLE = 150
"""Vertices of the body: fewer that are bare amid cloth are a gap of the search, not of the garment."""
REMEMBERED = 4
"""Sets of points of which the neighbours are kept: those of a picture, two atlases and the body."""


class _Near:
    """The three nearest vertices of the reference body, asked of the same points by every garment."""

    def __init__(self) -> None:
        self.tree: cKDTree | None = None
        self._last: list[tuple[Floats, NDArray[np.intp], Floats]] = []

    def __call__(self, points: Points) -> tuple[NDArray[np.intp], Floats]:
        """Vertices (N, 3) and their weights (N, 3), which sum to 1."""
        for values, vertices, weights in self._last:
            if values is points.values:
                return vertices, weights
        if self.tree is None:
            self.tree = cKDTree(body().attributes[:, :3])
        far, vertices = self.tree.query(points.values[:, :3], k=3)
        weights = 1 / (far + 1e-6)
        weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
        self._last = [*self._last[1 - REMEMBERED :], (points.values, vertices, weights)]
        return vertices, weights


_NEAR = _Near()


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """A cut given by its distance to the edge (V,) at the vertices of the reference body."""

    edge: Floats

    def inside(self, points: Points) -> Floats:
        """Metres (N,) from each point to the garment's edge, negative where it is not covered."""
        vertices, weights = _NEAR(points)
        return np.einsum("nk,nk->n", weights, self.edge[vertices]).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One garment of an asset.

    kept (N,): its vertices among the asset's; faces (F, 3) of these; weights (N, J) of the bones; attributes
    (N, WIDTH) on the reference body; cover: what is hidden by it, and clear (V,): how far from the skin it is
    there. low: height of its lowest point on the reference body.
    """

    asset: Asset
    kept: NDArray[np.integer]
    faces: NDArray[np.int32]
    weights: csr_matrix
    attributes: Floats
    cover: Covered
    clear: Floats

    @property
    def low(self) -> float:
        return float(self.attributes[:, 2].min())

    def mesh(self, posed: Posed, garment: int, out: float = 0.0) -> Mesh:
        """It on a posed body, `out` metres outside of where it is made to lie.

        It is fitted to the body at rest, then each vertex moves with the bones of those it hangs on.
        """
        if posed.base is None:
            raise ValueError("this body was posed without MakeHuman's base mesh")
        rest = self.asset.fitted(posed.base.rest)[self.kept]
        if out:
            rest = rest + np.float32(out) * normals(rest, self.faces)
        moves = (self.weights @ posed.base.turns.reshape(-1, 12)).reshape(-1, 3, 4)
        vertices = np.einsum("nij,nj->ni", moves[:, :, :3], rest) + moves[:, :, 3]
        return Mesh(vertices.astype(np.float32), self.faces, self.attributes, garment)


def piece_of(asset: Asset, worn: Mask, parts: tuple[str, ...], reach: float) -> Piece:
    """The piece of some faces (F,) of an asset; it covers parts of the body that are within `reach` metres.

    Raises ValueError where there is no such face.
    """
    if not worn.any():
        raise ValueError(f"nothing of {asset.name} is left to be worn")
    base = base_mesh()
    kept, flat = np.unique(asset.faces[worn], return_inverse=True)
    faces = flat.reshape(-1, 3).astype(np.int32)
    corners, shares_of = asset.corners[kept], asset.weights[kept]
    rows = np.repeat(np.arange(len(kept)), 3)
    hung = csr_matrix((shares_of.ravel(), (rows, corners.ravel())), shape=(len(kept), len(base.reference)))
    places = asset.fitted(base.reference)[kept]
    shares = np.maximum(hung @ base.shares, 0)
    shares /= np.maximum(shares.sum(1, keepdims=True), 1e-6)
    attributes = body().described(places, shares)
    attributes[:, 3] = _to_edge(places, faces)
    cover, clear = _covered(places, faces, parts, reach)
    return Piece(asset, kept, faces, hung @ base.weights, attributes, cover, clear)


def _to_edge(places: Floats, faces: NDArray[np.int32]) -> Floats:
    """Metres (N,) from each vertex (N, 3) to the nearest edge that has a face on one side alone."""
    edges = np.sort(np.concatenate([faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), 1)
    pairs, counts = np.unique(edges, axis=0, return_counts=True)
    rim = np.unique(pairs[counts == 1])
    if not len(rim):
        return np.full(len(places), INNER)
    far, _ = cKDTree(places[rim]).query(places)
    return np.minimum(far, INNER).astype(np.float32)


def _covered(
    places: Floats, faces: NDArray[np.int32], parts: tuple[str, ...], reach: float
) -> tuple[Covered, Floats]:
    """Which of the body's vertices have cloth before them, and how far (V,) before them."""
    it = body()
    skin = it.attributes[:, :3]
    outward = normals(skin, it.faces)
    start = skin - np.float32(BENEATH) * outward
    hits = Tracer(places, faces).first(start, outward)
    met = np.einsum("nk,nkc->nc", hits.weights, places[faces[hits.face]])
    far = np.full(len(skin), np.inf, np.float32)
    far[hits.ray] = np.linalg.norm(met - start[hits.ray], axis=1) - BENEATH
    there = Points.of(it.attributes).on(*parts)
    hidden = _filled((far < reach) & there) & there
    clear = np.where(hidden & (far < reach), np.maximum(far, 0), 0).astype(np.float32)
    edge = np.where(hidden, INNER, -INNER).astype(np.float32)
    if hidden.any() and not hidden.all():
        edge[hidden] = cKDTree(skin[~hidden]).query(skin[hidden])[0]
        edge[~hidden] = -cKDTree(skin[hidden]).query(skin[~hidden])[0]
    return Covered(edge), clear


def _filled(hidden: Mask) -> Mask:
    """The vertices (V,) with small holes closed: from between the legs no cloth is met within reach."""
    bare = np.flatnonzero(~hidden)
    _, labels = connected_components(body().spread[bare][:, bare], directed=False)
    small = np.bincount(labels) < HOLE
    out = hidden.copy()
    out[bare[small[labels]]] = True
    return out
