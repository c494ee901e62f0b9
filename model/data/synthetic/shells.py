"""Geometry that hangs free of the body: skirts, capes, wide sleeves, hats, hair, scarves and bags.

All is made in the wearer's own frame (facing -y, feet at z = 0) from the posed body.
"""

from __future__ import annotations

import numpy as np

from model.data.synthetic.garment import (
    Bag,
    Brim,
    Cone,
    Crown,
    Fitted,
    Made,
    Mane,
    Shell,
    Shoe,
    Skirt,
    WideSleeves,
    Wrap,
)
from model.data.synthetic.meshes import Mesh, sheet, tube
from model.data.synthetic.points import Floats
from model.data.synthetic.shoes import shoes
from model.data.synthetic.wearer import Wearer

AROUND = 48


def shell_mesh(shell: Shell, wearer: Wearer, garment: int, rng: np.random.Generator) -> list[Mesh]:
    """The meshes of one shell, for the garment at a place in the outfit."""
    if isinstance(shell, Fitted):
        return [shell.piece.mesh(wearer.posed, garment, shell.out)]
    return _made(shell, wearer, garment, rng)


def _made(shell: Made, wearer: Wearer, garment: int, rng: np.random.Generator) -> list[Mesh]:
    match shell:
        case Shoe():
            return shoes(shell, wearer, garment)
        case Skirt():
            return [_skirt(shell, wearer, garment, rng)]
        case Cone():
            return [_cone(shell, wearer, garment, rng)]
        case WideSleeves():
            return [_sleeve(shell, wearer, garment, side) for side in ("L", "R")]
        case Brim():
            return [_brim(shell, wearer, garment)]
        case Crown():
            return [_crown(shell, wearer, garment)]
        case Bag():
            return [_bag(shell, wearer, garment)]
        case Wrap():
            return [_wrap(shell, wearer, garment, rng)]
        case Mane():
            return [_mane(shell, wearer, garment, rng)]


def hull_radius(places: Floats, angles: Floats) -> Floats:
    """Distance (K,) from the origin to the convex hull of places (N, 2) along angles (0 is -y, then +x)."""
    directions = np.stack([np.sin(angles), -np.cos(angles)], 1)
    support = (places @ directions.T).max(0)  # (K,)
    cosine = np.cos(angles[:, None] - angles[None, :])
    reach = np.where(cosine > 0.15, support[None, :] / np.maximum(cosine, 0.15), np.inf)
    return np.maximum(reach.min(1), 0.02).astype(np.float32)


def _angles(open_: float, arc: float) -> Floats:
    if arc > 0:
        return np.linspace(-arc, arc, AROUND, dtype=np.float32)
    if open_ > 0:
        return np.linspace(open_, 2 * np.pi - open_, AROUND, dtype=np.float32)
    return np.linspace(0, 2 * np.pi, AROUND, endpoint=False, dtype=np.float32)


def _skirt(shell: Skirt, wearer: Wearer, garment: int, rng: np.random.Generator) -> Mesh:
    rows = max(6, round((shell.top - shell.hem) / 0.05))
    full = np.linspace(0, 2 * np.pi, AROUND, endpoint=False, dtype=np.float32)
    angles = _angles(shell.open, shell.arc)
    levels = np.linspace(shell.top, max(shell.hem, 0.03), rows, dtype=np.float32)
    ring, places, width = np.zeros(AROUND, np.float32), [], []
    phase = rng.uniform(0, 6.28, 3)
    for level in levels:
        # Feet stick out in front; cloth hangs from the shins.
        above = max(float(level), 0.14)
        inner = wearer.around(above, shell.side)
        middle = (inner.min(0) + inner.max(0)) / 2
        if shell.side == 0:
            inner = np.concatenate([inner, wearer.skirts(float(level))])
        hull = hull_radius(inner[:, :2] - middle[:2], full) + shell.ease
        ring = hull if shell.hug else np.maximum(hull, ring)
        down = shell.top - level
        radius = np.interp(angles % (2 * np.pi), np.r_[full, 2 * np.pi], np.r_[ring, ring[0]])
        radius = radius + shell.flare * down
        share = down / max(shell.top - shell.hem, 0.05)
        waves = np.sin(shell.pleats * angles + phase[0]) + 0.5 * np.sin(3 * angles + phase[1])
        radius = radius * (1 + shell.depth * share * waves)
        height = middle[2] - (above - level) + shell.slant * share * np.sin(angles)
        places.append(_ring(angles, radius, middle, height))
        width.append(radius)
    vertices = np.stack(places)
    radii = np.stack(width)
    return _hung(vertices, angles, radii, levels, garment, closed=shell.open == 0 and shell.arc == 0)


def _ring(angles: Floats, radius: Floats, middle: Floats, height: Floats) -> Floats:
    x = middle[0] + radius * np.sin(angles)
    y = middle[1] - radius * np.cos(angles)
    return np.stack([x, y, np.broadcast_to(height, x.shape)], -1)


def _hung(
    vertices: Floats, angles: Floats, radii: Floats, levels: Floats, garment: int, closed: bool
) -> Mesh:
    """Attributes for rings of cloth at levels (R,) of the reference body."""
    canonical = np.empty_like(vertices)
    canonical[..., 0] = 0.19 * np.sin(angles)
    canonical[..., 1] = -0.14 * np.cos(angles)
    canonical[..., 2] = levels[:, None]
    edge = np.repeat(levels[:, None] - levels[-1], len(angles), 1)
    # Metres around, measured at the middle height so that stripes run straight down.
    s = np.repeat((angles * radii.mean())[None], len(levels), 0)
    return sheet(vertices, canonical, s, edge, garment, closed)


def _cone(shell: Cone, wearer: Wearer, garment: int, rng: np.random.Generator) -> Mesh:
    """Levels are heights of the posed body here, so that lifted arms lift the cloth."""
    scale = wearer.posed.bones["neck01"][2] / 1.571
    angles = _angles(shell.open, 0)
    full = np.linspace(0, 2 * np.pi, AROUND, endpoint=False, dtype=np.float32)
    near = ~wearer.points.on("head")
    dressed = wearer.dressed[near]
    middle = wearer.posed.bones["neck01"]
    levels = np.linspace(1.56, shell.hem, 16, dtype=np.float32)
    ring, places = np.full(AROUND, 0.075, np.float32), []
    phase = rng.uniform(0, 6.28)
    radii = []
    for level in levels:
        height = level * scale
        there = dressed[np.abs(dressed[:, 2] - height) < 0.03 * scale]
        if len(there) > 10 and level < 1.555:
            hull = hull_radius(there[:, :2] - middle[:2], full) + 0.025
            ring = np.minimum(np.maximum(ring, hull), 0.62)
        radius = np.interp(angles % (2 * np.pi), np.r_[full, 2 * np.pi], np.r_[ring, ring[0]])
        share = (1.56 - level) / (1.56 - shell.hem)
        radius = radius * (1 + 0.06 * share * np.sin(7 * angles + phase))
        drop = shell.point * share * np.maximum(np.cos(angles), 0) ** 2
        places.append(_ring(angles, radius, middle, height - drop))
        radii.append(radius)
    return _hung(np.stack(places), angles, np.stack(radii), levels, garment, closed=shell.open == 0)


def _sleeve(shell: WideSleeves, wearer: Wearer, garment: int, side: str) -> Mesh:
    bones = wearer.posed.bones
    shoulder, elbow, wrist = (bones[f"{n}.{side}"] for n in ("upperarm01", "lowerarm01", "wrist"))
    share = np.linspace(0, 1, 9)[:, None]
    upper = shoulder + (elbow - shoulder) * (0.35 + 0.65 * np.minimum(2 * share, 1))
    line = upper + (wrist - elbow) * np.maximum(2 * share - 1, 0)
    along = (wrist - shoulder) / np.linalg.norm(wrist - shoulder)
    down = np.array([0, 0, -1.0]) - along * -along[2]
    down = np.array([0.0, 0.25, 0.0]) + down if np.linalg.norm(down) < 0.5 else down
    down /= np.linalg.norm(down)
    across = np.cross(along, down)
    depth = 0.06 + (shell.drop / 2) * share
    line = line + down * (depth - 0.06)
    canonical = np.c_[np.zeros(9), np.full(9, -0.1), np.linspace(1.4, 1.1, 9)]
    radii = np.c_[np.full(9, 0.065), depth[:, 0]]
    return tube(line, radii, across[None], down[None], canonical, garment)


def _head_ring(z: float, grow: float) -> tuple[float, float, float]:
    """Middle y and radii (x, y) of the reference head around height z, grown by metres."""
    height = np.clip((z - 1.72) / 0.115, -0.4, 0.97)
    shrink = float(np.sqrt(1 - max(height, 0) ** 2 * 0.8))
    return -0.05, 0.078 * shrink + grow, 0.1 * shrink + grow


def _brim(shell: Brim, wearer: Wearer, garment: int) -> Mesh:
    middle, rx, ry = _head_ring(shell.z, 0.004)
    angles = np.linspace(-1.25, 1.25, 24) if shell.front else np.linspace(0, 2 * np.pi, 40, endpoint=False)
    out = np.array([0.0, 0.5, 1.0])[:, None] * shell.width
    reach = np.maximum(np.cos(angles * 1.2), 0) ** 0.5 if shell.front else np.ones_like(angles)
    x = (rx + out * reach) * np.sin(angles)
    y = middle - (ry + out * reach) * np.cos(angles)
    droop = 0.25 if shell.front else 0.12
    z = np.broadcast_to(shell.z - droop * out * reach, x.shape)
    canonical = np.stack([x, y, z], -1).astype(np.float32)
    vertices = wearer.carried("head", canonical)
    s = np.repeat((angles * 0.15)[None], 3, 0)
    return sheet(vertices, canonical, s, np.full(x.shape, 0.2), garment, closed=not shell.front)


def _crown(shell: Crown, wearer: Wearer, garment: int) -> Mesh:
    middle, rx, ry = _head_ring(shell.z, 0.008)
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    profile = np.array([[1.0, 0.0], [1.0, 0.35], [0.97, 0.8], [0.88, 0.97], [0.5, 1.0], [0.02, 0.98]])
    x = profile[:, :1] * rx * np.sin(angles)
    y = middle - profile[:, :1] * ry * np.cos(angles)
    z = np.broadcast_to(shell.z + profile[:, 1:] * shell.height, x.shape)
    canonical = np.stack([x, y, z], -1).astype(np.float32)
    vertices = wearer.carried("head", canonical)
    s = np.repeat((angles * 0.1)[None], len(profile), 0)
    return sheet(vertices, canonical, s, np.full(x.shape, 0.2), garment, closed=True)


def _bag(shell: Bag, wearer: Wearer, garment: int) -> Mesh:
    """A box with round edges."""
    side = "L" if shell.side > 0 else "R"
    if shell.hand:
        hand = wearer.posed.bones[f"finger3-1.{side}"]
        middle = hand + np.array([0, 0, -0.04 - shell.height / 2])
    else:
        at = np.array([[shell.side * (0.21 + shell.depth / 2), -0.02, 0.98 - shell.height / 4]], np.float32)
        middle = wearer.carried("torso", at, high=1.3)[0]
    down, around = np.linspace(0, np.pi, 10), np.linspace(0, 2 * np.pi, 24, endpoint=False)
    x = np.outer(np.sin(down), np.sin(around))
    y = np.outer(np.sin(down), np.cos(around))
    z = np.repeat(np.cos(down)[:, None], 24, 1)
    box = np.stack([np.sign(a) * np.abs(a) ** 0.35 for a in (x, y, z)], -1)
    size = np.array([shell.depth, shell.width, shell.height]) / 2
    # A bag narrows a little towards its opening.
    taper = 1 - 0.12 * (box[..., 2:] > 0)
    vertices = middle + box * size * np.concatenate([taper, taper, np.ones_like(taper)], -1)
    canonical = box * size + np.array([0.0, -0.2, 0.9])
    return sheet(vertices, canonical, box[..., 1] * size[1], np.full(x.shape, 0.2), garment, closed=True)


def _wrap(shell: Wrap, wearer: Wearer, garment: int, rng: np.random.Generator) -> Mesh:
    around = np.linspace(0, 2 * np.pi, 28)
    wave = 1 + 0.12 * np.sin(3 * around + rng.uniform(0, 6))
    out = np.stack([np.sin(around), -np.cos(around), np.zeros_like(around)], 1)
    line = (
        np.array([0, -0.02, 1.555])
        + out * np.array([0.085, 0.09, 0])
        + [0, 0, 0.012] * np.cos(around)[:, None] * -1
    )
    radii = np.c_[shell.thick * wave, shell.thick * 1.35 * wave]
    mesh = tube(line, radii, out, np.array([[0, 0, 1.0]]), line, garment, 14)
    vertices = wearer.carried("torso", mesh.vertices, low=1.4)
    return Mesh(vertices, mesh.faces, mesh.attributes, garment)


def _mane(shell: Mane, wearer: Wearer, garment: int, rng: np.random.Generator) -> Mesh:
    if shell.bun or shell.tail:
        return _tail(shell, wearer, garment, rng)
    levels = np.linspace(1.815, shell.hem, 16)
    angles = np.linspace(-1.0, 1.0, 30)
    phase = rng.uniform(0, 6.28)
    places = []
    for z in levels:
        # From the crown it widens to the ears, then falls along neck and back.
        reach = 1.55 + 0.4 * np.clip((1.76 - z) / 0.06, 0, 1)
        turn = angles * min(reach, 1.95)
        _, rx, ry = _head_ring(max(z, 1.60), 0.012 + shell.volume)
        back = np.clip((1.62 - z) / 0.12, 0, 1)
        strands = 1 + 0.02 * np.sin(turn * 14 + phase) + 0.02 * np.sin(9 * z + phase)
        x = (rx + 0.03 * back) * np.sin(turn) * strands
        y = -0.05 + (ry + 0.045 * back) * np.cos(turn) * strands
        places.append(np.stack([x, y, np.full_like(x, z)], -1))
    canonical = np.stack(places).astype(np.float32)
    vertices = wearer.carried("head", canonical)
    s = np.repeat((angles * 0.2)[None], len(levels), 0)
    return sheet(vertices, canonical, s, np.full(s.shape, 0.2), garment, closed=False)


def _tail(shell: Mane, wearer: Wearer, garment: int, rng: np.random.Generator) -> Mesh:
    share = np.linspace(0, 1, 12)
    if shell.bun:
        line = np.c_[0 * share, 0.035 + 0.075 * share, 1.775 + 0.02 * share]
        girth = 0.045 * np.sqrt(np.clip(1 - (2 * share - 1) ** 2, 0.02, 1))
    else:
        out = 0.085 * np.sin(np.pi * np.minimum(share * 1.2, 1)) + 0.03
        line = np.c_[rng.uniform(-0.06, 0.06) * share, 0.03 + out, 1.78 + (shell.hem - 1.78) * share**1.3]
        girth = 0.03 + 0.02 * np.sin(np.pi * share) - 0.02 * share
    radii = np.c_[girth, girth]
    across, up = np.array([[1.0, 0, 0]]), np.array([[0, 0.35, 0.94]])
    mesh = tube(line, radii, across, up, line, garment, 12)
    return Mesh(wearer.carried("head", mesh.vertices), mesh.faces, mesh.attributes, garment)
