"""Ray casting: figures before a camera become colours, classes and persons of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.atlas import sampled
from model.data.synthetic.body import body
from model.data.synthetic.camera import Camera, Place
from model.data.synthetic.figure import Figure
from model.data.synthetic.lighting import Light
from model.data.synthetic.meshes import Mesh, normals
from model.data.synthetic.points import Floats
from model.data.synthetic.rays import Hits, Tracer

SAMPLES = 2
"""Rays along each side of a pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """A figure at a place. person: its number, 0 for clothes that nobody wears. texture: painted instead."""

    figure: Figure
    place: Place
    person: int
    meshes: list[Mesh]
    texture: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Render:
    """color (H, W, 3) times cover, cover (H, W) in 0..1; classes, persons (H, W); loose (H, W)."""

    color: Floats
    cover: Floats
    classes: NDArray[np.uint8]
    persons: NDArray[np.uint8]
    loose: NDArray[np.bool_]


def rendered(actors: Sequence[Actor], camera: Camera, light: Light, size: tuple[int, int]) -> Render:
    """What the camera sees of the actors, at a size (height, width)."""
    owners = [(actor, mesh) for actor in actors for mesh in actor.meshes]
    vertices, faces, owner = _joined([mesh for _, mesh in owners])
    tracer = Tracer(vertices, faces)
    eye = np.array([0, 0, camera.height], np.float32)
    rays = camera.directions(size, SAMPLES).reshape(-1, 3)
    hits = tracer.first(np.broadcast_to(eye, rays.shape), rays)
    color, classes = _colors(owners, owner, faces, hits)
    color *= _shade(tracer, vertices, faces, hits, rays, light)
    persons = np.array([actor.person for actor, _ in owners], np.uint8)[owner[hits.face]]
    loose = persons == 0
    classes[loose] = 0
    return _gathered(hits, color, classes, persons, loose, size)


def _joined(meshes: Sequence[Mesh]) -> tuple[Floats, NDArray[np.int32], NDArray[np.intp]]:
    """One mesh of all: vertices, faces, and which mesh each face is of."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    faces = np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)])
    owner = np.repeat(np.arange(len(meshes)), [len(mesh.faces) for mesh in meshes])
    return vertices, faces.astype(np.int32), owner


def _colors(
    owners: Sequence[tuple[Actor, Mesh]], owner: NDArray[np.intp], faces: NDArray[np.int32], hits: Hits
) -> tuple[Floats, NDArray[np.uint8]]:
    """Unlit colours (N, 3) and classes (N,) of what was met."""
    attributes = np.concatenate([mesh.attributes for _, mesh in owners])
    color = np.zeros((len(hits.ray), 3), np.float32)
    classes = np.zeros(len(hits.ray), np.uint8)
    first_face = np.searchsorted(owner, np.arange(len(owners)))
    met = owner[hits.face]
    for k, (actor, mesh) in enumerate(owners):
        there = np.flatnonzero(met == k)
        if not len(there):
            continue
        corners = faces[hits.face[there]]
        weights = hits.weights[there]
        values = np.einsum("nk,nkc->nc", weights, attributes[corners], optimize=True)
        color[there], classes[there] = actor.figure.colored(mesh, values)
        if actor.texture is not None:
            face = hits.face[there] - first_face[k]
            color[there] = _textured(actor, mesh, face, weights)
    return color, classes


def _textured(actor: Actor, mesh: Mesh, face: NDArray[np.int32], weights: Floats) -> Floats:
    """Colours (N, 3) from the actor's texture map; free-hanging cloth takes those of the body beneath."""
    assert actor.texture is not None
    it = body()
    if mesh.garment < 0:
        return sampled(actor.texture, np.einsum("nk,nkc->nc", weights, it.corners[face]))
    from scipy.spatial import cKDTree

    base = actor.meshes[0]
    _, beneath = cKDTree(base.vertices).query(mesh.vertices)
    uv = np.zeros((len(base.vertices), 2), np.float32)
    uv[it.faces.ravel()] = it.corners.reshape(-1, 2)
    colors = sampled(actor.texture, uv[beneath])
    return np.einsum("nk,nkc->nc", weights, colors[mesh.faces[face]]).astype(np.float32)


def _shade(
    tracer: Tracer, vertices: Floats, faces: NDArray[np.int32], hits: Hits, rays: Floats, light: Light
) -> Floats:
    corners = faces[hits.face]
    normal = np.einsum("nk,nkc->nc", hits.weights, normals(vertices, faces)[corners])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    away = np.einsum("nc,nc->n", normal, rays[hits.ray]) > 0
    normal[away] *= -1
    where = np.einsum("nk,nkc->nc", hits.weights, vertices[corners]) + 0.012 * normal
    toward = np.broadcast_to(light.direction, where.shape)
    lit = np.where(tracer.blocked(where, toward), 0.25, 1.0).astype(np.float32)
    return light.shade(normal.astype(np.float32), lit)


def _gathered(
    hits: Hits,
    color: Floats,
    classes: NDArray[np.uint8],
    persons: NDArray[np.uint8],
    loose: NDArray[np.bool_],
    size: tuple[int, int],
) -> Render:
    """Samples to pixels: colours are averaged, truth goes to what fills most of the pixel."""
    count = size[0] * size[1] * SAMPLES * SAMPLES
    full = np.zeros((count, 4), np.float32)
    full[hits.ray, :3], full[hits.ray, 3] = color, 1
    mean = _blocks(full, size).mean(2)
    key = np.zeros(count, np.int32)
    key[hits.ray] = persons.astype(np.int32) * 512 + loose * 256 + classes
    keys = _blocks(key[:, None], size)[..., 0]  # (H, W, S)
    votes = (keys[..., :, None] == keys[..., None, :]).sum(-1)
    won = np.take_along_axis(keys, votes.argmax(-1)[..., None], -1)[..., 0]
    return Render(
        mean[..., :3],
        mean[..., 3],
        (won % 256).astype(np.uint8),
        (won // 512).astype(np.uint8),
        (won // 256 % 2).astype(bool),
    )


def _blocks(samples: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    """Samples (H * S * W * S, C) as (H, W, S * S, C)."""
    height, width = size
    split = samples.reshape(height, SAMPLES, width, SAMPLES, -1).transpose(0, 2, 1, 3, 4)
    return split.reshape(height, width, SAMPLES * SAMPLES, -1)
