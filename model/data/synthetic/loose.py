"""Garments that nobody wears: hung up in the air or laid flat."""

from __future__ import annotations

import numpy as np

from model.data.synthetic.body import body
from model.data.synthetic.camera import Camera, Place
from model.data.synthetic.figure import Figure, drawn_skin, dressed
from model.data.synthetic.garment import Garment
from model.data.synthetic.meshes import Mesh
from model.data.synthetic.points import Points
from model.data.synthetic.pose import drawn_shape
from model.data.synthetic.render import Actor
from model.data.synthetic.wardrobe import drawn_outfit

SMALL = frozenset(
    ("hair", "necklace", "bracelet", "watch", "glasses", "sunglasses", "belt", "tie", "sandals")
)
"""What would be a few pixels, or is no garment."""


def loose_actors(
    rng: np.random.Generator, person: Place, camera: Camera, size: tuple[int, int], held_out: bool
) -> list[Actor]:
    """1 to 4 garments around a person, in the picture."""
    span = person.y / camera.focal * size[1] / size[0]
    actors = []
    for _ in range(int(rng.integers(1, 5))):
        meshes, figure = _some_garment(rng, held_out)
        depth = person.y * rng.uniform(1.15, 1.4)
        middle = camera.height - np.tan(camera.pitch) * depth
        x = _beside(rng, person.x, span) * depth / person.y
        z = float(middle + rng.uniform(-0.35, 0.35) * depth / camera.focal)
        place = Place(x, depth, float(rng.normal(0, 0.3)))
        flat = rng.random() < 0.5
        turn = _roll(rng.uniform(-np.pi, np.pi)) if flat else place.turn
        squeeze = np.diag([1, 0.15 if flat else 1, 1]).astype(np.float32)
        moved = [m.moved(turn @ squeeze, np.array([x, depth, z], np.float32)) for m in meshes]
        actors.append(Actor(figure, place, 0, moved))
    return actors


def _beside(rng: np.random.Generator, taken: float, span: float) -> float:
    """A place across the picture, rather not where the person stands."""
    places = rng.uniform(-0.45, 0.45, 8) * span
    free = places[np.abs(places - taken) > 0.25 * span]
    return float(free[0] if len(free) else places[0])


def _roll(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)


def _some_garment(rng: np.random.Generator, held_out: bool) -> tuple[list[Mesh], Figure]:
    """A garment that has a surface of its own: small things may cover no whole triangle."""
    while True:
        meshes, figure = _garment(rng, held_out)
        if meshes:
            return meshes, figure


def _garment(rng: np.random.Generator, held_out: bool) -> tuple[list[Mesh], Figure]:
    """One garment's meshes about their own middle, cut out of a figure that wears nothing else."""
    woman = bool(rng.random() < 0.6)
    skin = drawn_skin(rng, woman)
    outfit = drawn_outfit(rng, woman, skin.hair, held_out)
    large = [g for g in outfit if g.name not in SMALL] or list(outfit)
    chosen: Garment = large[int(rng.integers(len(large)))]
    posed = body().posed(drawn_shape(rng, woman), {})
    figure = dressed(posed.vertices, posed, skin, (chosen,), woman, rng)
    meshes = figure.meshes[1:]
    if chosen.cut is not None:
        inside = chosen.cut.inside(Points.of(body().attributes)) > 0
        base = figure.meshes[0]
        kept = base.faces[inside[base.faces].all(1)]
        if len(kept):
            meshes = [Mesh(base.vertices, kept, base.attributes), *meshes]
    if not meshes:
        return [], figure
    used = np.concatenate([m.vertices[np.unique(m.faces)] for m in meshes])
    middle = (used.min(0) + used.max(0)) / 2
    return [m.moved(np.eye(3, dtype=np.float32), -middle) for m in meshes], figure
