"""Shoes: smooth shapes around feet that have toes, and heels."""

from __future__ import annotations

import numpy as np

from model.data.synthetic.garment import Shoe
from model.data.synthetic.meshes import Mesh, sheet, tube
from model.data.synthetic.points import Floats
from model.data.synthetic.wearer import Wearer

SECTIONS = 16
COLUMNS = 20


def shoes(shell: Shoe, wearer: Wearer, garment: int) -> list[Mesh]:
    """Both shoes, with their heels."""
    meshes = []
    for side in (1, -1):
        places = _outline(shell, wearer, side)
        vertices = wearer.carried("foot", places, side=side)
        flat = places[..., 0] - places[..., 0].mean()
        meshes.append(
            sheet(vertices, places, flat, np.full(flat.shape, 0.2, np.float32), garment, closed=True)
        )
        if shell.heel:
            meshes.append(_heel(shell, wearer, garment, side))
    return meshes


def _outline(shell: Shoe, wearer: Wearer, side: int) -> Floats:
    """Cross-sections (SECTIONS, COLUMNS, 3) of the reference foot, from the heel to beyond the toes."""
    points = wearer.points
    foot = points.values[points.on("foot") & (points.x * side > 0), :3]
    back = -0.115 if shell.toe else float(foot[:, 1].max()) + shell.thick
    share = np.linspace(0, 1, SECTIONS)
    along = back + (float(foot[:, 1].min()) - 1.5 * shell.thick - back) * share
    # Full width between the ends, closed at both.
    end = np.sqrt(np.clip(1 - np.abs(2 * share - 1) ** 7, 0.0005, 1))
    angles = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    cos, sin = (np.sign(f) * np.abs(f) ** 0.7 for f in (np.cos(angles), np.sin(angles)))
    out = np.empty((SECTIONS, COLUMNS, 3), np.float32)
    for k, y in enumerate(along):
        near = foot[np.abs(foot[:, 1] - np.clip(y, foot[:, 1].min() + 0.03, foot[:, 1].max() - 0.03)) < 0.03]
        middle = (near[:, 0].min() + near[:, 0].max()) / 2
        half = ((near[:, 0].max() - near[:, 0].min()) / 2 + shell.thick) * end[k]
        tall = (min(float(near[:, 2].max()), shell.top) + shell.thick) / 2
        out[k, :, 0] = middle + half * cos
        out[k, :, 1] = y
        out[k, :, 2] = tall * (1 + sin * (0.4 + 0.6 * end[k])) - 0.004
    return out


def _heel(shell: Shoe, wearer: Wearer, garment: int, side: int) -> Mesh:
    """A heel below the back of the foot, along the shin."""
    points = wearer.points
    foot = points.on("foot") & (points.x * side > 0)
    back = foot & (points.y > 0.0) & (points.z < 0.04)
    start = wearer.posed.vertices[back].mean(0)
    name = "L" if side > 0 else "R"
    shin = wearer.posed.bones[f"foot.{name}"] - wearer.posed.bones[f"lowerleg01.{name}"]
    shin = shin / np.linalg.norm(shin)
    share = np.linspace(-0.15, 1, 5)[:, None]
    line = start + shin * share * shell.heel
    girth = 0.024 - 0.012 * np.clip(share, 0, 1)
    canonical = np.c_[np.full(5, 0.1), np.full(5, 0.03), 0.03 - 0.02 * share[:, 0]]
    across, up = np.array([[1.0, 0, 0]]), np.array([[0, 1.0, 0]])
    return tube(line, np.c_[girth, girth], across, up, canonical, garment, 10)
