"""A person ready to be looked at: body, clothes and hair as meshes in the place where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.synthetic.atlas import atlas
from model.data.synthetic.base_mesh import base_mesh
from model.data.synthetic.body import Posed, body
from model.data.synthetic.captions import caption_of
from model.data.synthetic.closet import Closet
from model.data.synthetic.garment import Garment, Shoe, Skirt
from model.data.synthetic.meshes import Mesh, normals
from model.data.synthetic.paint import Skin, painted, stand_off
from model.data.synthetic.palette import HAIR, SKIN, near
from model.data.synthetic.points import Floats, Points
from model.data.synthetic.pose import drawn_pose, drawn_shape
from model.data.synthetic.scene import SyntheticPerson
from model.data.synthetic.shells import shell_mesh
from model.data.synthetic.wardrobe import drawn_outfit
from model.data.synthetic.wearer import Wearer

VISIBLE = 128
"""Side of the atlas in which a garment must have a texel to be called visible."""

SHARE = 0.4
"""Share of the people who wear meshes, where there are some."""
SUNK = 0.012
"""Metres by which skin is pushed in beneath a mesh: tight ones touch it, and joints bend."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """Meshes in the wearer's own frame, and how their surface is painted."""

    meshes: list[Mesh]
    skin: Skin
    garments: tuple[Garment, ...]
    woman: bool

    def colored(self, mesh: Mesh, attributes: Floats) -> tuple[Floats, NDArray[np.uint8]]:
        """Colours (N, 3) and classes (N,) at points of one of the meshes, by their attributes (N, WIDTH)."""
        points = Points.of(attributes)
        if mesh.garment < 0:
            return painted(points, self.skin, self.garments)
        garment = self.garments[mesh.garment]
        colors = garment.fabric.color(points, points.arm)
        return colors, np.full(len(points), garment.id, np.uint8)

    def visible(self) -> list[Garment]:
        """The garments, without hair and without what others hide altogether."""
        _, classes = painted(atlas(VISIBLE).points, self.skin, self.garments)
        seen = set(np.unique(classes).tolist())
        return [g for g in self.garments if g.name != "hair" and (g.shells or g.id in seen)]

    def person(self, texture_size: int) -> SyntheticPerson:
        """The truth about this person."""
        texels = atlas(texture_size)
        colors, _ = painted(texels.points, self.skin, self.garments)
        worn = tuple(g.worn for g in self.visible())
        return SyntheticPerson(worn, caption_of(self.woman, worn), texels.image(colors), texels.mask)


def drawn_figure(rng: np.random.Generator, held_out: bool, closet: Closet | None = None) -> Figure:
    """Somebody: shape, pose, skin, hair and clothes, of a closet in a share of the draws."""
    # The closet has dice of its own: who does not wear it looks as if there were none.
    dice = rng.spawn(1)[0] if closet else rng
    woman = bool(rng.random() < 0.58)
    skin = drawn_skin(rng, woman)
    if closet and dice.random() < SHARE:
        garments = closet.outfit(dice, woman, skin.hair, held_out)
    else:
        garments = drawn_outfit(rng, woman, skin.hair, held_out)
    meshes = any(garment.piece for garment in garments)
    heel = max((s.heel for g in garments for s in g.shells if isinstance(s, Shoe)), default=0.0)
    hems = [s.hem for g in garments for s in g.shells if isinstance(s, Skirt)]
    low = min([*hems, *(g.piece.low for g in garments if g.piece and g.name == "skirt")], default=1.0)
    stride = float(np.clip(0.1 + 0.55 * low, 0.15, 0.5))
    whole = base_mesh() if meshes else body()
    posed = whole.posed(drawn_shape(rng, woman), drawn_pose(rng, heel, stride))
    return dressed(posed.vertices, posed, skin, garments, woman, rng)


def drawn_skin(rng: np.random.Generator, woman: bool) -> Skin:
    """Tones of skin, hair, lips and eyes that go together."""
    tone = int(rng.integers(len(SKIN)))
    skin = near(SKIN[tone], rng, 0.015)
    names = list(HAIR) if tone < 3 else ["black", "brown", "black"]
    hair = near(HAIR[names[int(rng.integers(len(names)))]], rng, 0.015)
    pink = (
        np.array([0.72, 0.32, 0.33], np.float32) if woman and rng.random() < 0.5 else skin * np.float32(0.8)
    )
    lips = (0.6 * pink + 0.4 * skin * np.array([0.95, 0.75, 0.75], np.float32)).astype(np.float32)
    eyes = near(((60, 40, 25), (70, 95, 120), (80, 95, 60))[int(rng.integers(3))], rng, 0.01)
    beard = float(rng.uniform(0.3, 0.9)) if not woman and rng.random() < 0.4 else 0.0
    return Skin(skin, hair, lips, eyes, beard, float(rng.uniform(0, 1000)))


def dressed(
    vertices: Floats,
    posed: Posed,
    skin: Skin,
    garments: tuple[Garment, ...],
    woman: bool,
    rng: np.random.Generator,
) -> Figure:
    """The figure of a posed body in these garments."""
    it = body()
    points = Points.of(it.attributes)
    outward = normals(vertices, it.faces)
    total = np.zeros(len(vertices), np.float32)
    under = total
    free: list[Mesh] = []
    hung: list[Mesh] = []
    for place, garment in enumerate(garments):
        total, under = _layered(points, garment, total, under)
        # What hangs free of a garment lies over those beneath it, not over those above.
        wearer = Wearer(posed, _grown(vertices, outward, total), points, tuple(hung))
        for shell in garment.shells:
            meshes = shell_mesh(shell, wearer, place, rng)
            free.extend(meshes)
            if isinstance(shell, Skirt) and shell.side == 0:
                hung.extend(meshes)
    base = Mesh(_grown(vertices, outward, under), it.faces, it.attributes)
    return Figure([base, *free], skin, garments, woman)


def _layered(points: Points, garment: Garment, total: Floats, under: Floats) -> tuple[Floats, Floats]:
    """How far off the skin (V,) the clothes end, and where the drawn body does: not where a mesh hides it."""
    if garment.piece is None:
        step = stand_off(points, garment)
        total = total + step
        return total, np.where(step != 0, total, under)
    inside = garment.piece.cover.inside(points)
    sunk = -np.clip(inside, 0, SUNK)
    return np.maximum(total, garment.piece.clear), np.where(inside > 0, sunk, under)


def _grown(vertices: Floats, outward: Floats, thick: Floats) -> Floats:
    """Vertices moved outwards; cloth bridges small steps, as between a sleeve and the trunk."""
    return (vertices + outward * (body().spread @ thick)[:, None]).astype(np.float32)
