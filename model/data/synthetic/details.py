"""Sewn things on cloth: buttons, collars, seams, pockets. Each paints over the colours of its cloth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from model.data.synthetic.points import Floats, Points


class Trim(Protocol):
    """What a detail needs of its cloth."""

    @property
    def third(self) -> Floats:
        """The colour (3,) of buttons and borders."""
        ...


def _buttons(fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    front = points.front & points.on("torso")
    colors[front & (np.abs(np.abs(points.x) - 0.016) < 0.003)] *= 0.8
    dot = (np.abs(points.x) < 0.007) & ((points.z % 0.09) < 0.014)
    colors[front & dot] = fabric.third


def _collar(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    """Two flaps beside the neck, and the stand around it."""
    flap = points.front & (points.z > 1.475) & (np.abs(np.abs(points.x) - 0.05) < 0.026)
    rim = points.front & (points.z > 1.463) & (np.abs(np.abs(points.x) - 0.05) < 0.034) & ~flap
    colors[flap] = np.clip(colors[flap] * 1.12 + 0.03, 0, 1)
    colors[rim & points.on("torso")] *= 0.72


def _lapels(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    """Turned-back fronts of a blazer: a darker line from the neck to the button."""
    reach = 0.03 + 0.35 * np.clip(points.z - 1.22, 0, 0.3)
    inside = points.front & points.on("torso") & (points.z > 1.22) & (np.abs(points.x) < reach)
    colors[inside] *= 1.12
    line = points.front & (points.z > 1.22) & (np.abs(np.abs(points.x) - reach) < 0.007)
    colors[line & points.on("torso")] *= 0.55


def _zip(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    line = points.front & points.on("torso") & (np.abs(points.x) < 0.008)
    colors[line] = 0.5 * colors[line] + 0.3


def _pockets(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    """Slanted pockets beside the hips."""
    slant = np.abs(np.abs(points.x) - 0.115 - 0.5 * (1.03 - points.z)) < 0.005
    colors[points.front & slant & (points.z < 1.03) & (points.z > 0.93)] *= 0.6


def _fly(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    line = points.front & (np.abs(points.x - 0.012) < 0.004) & (points.z > 0.9)
    colors[line] *= 0.6
    crease = (points.z < 0.86) & points.front & (np.abs(np.abs(points.x) - 0.135) < 0.006)
    colors[crease] *= 1.1


def _pouch(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    """The front pocket of a hoodie, and its strings."""
    out = np.maximum(np.abs(points.x) - 0.09, np.abs(points.z - 1.1) - 0.06)
    front = points.front & points.on("torso")
    colors[front & (np.abs(out) < 0.005)] *= 0.6
    strings = front & (np.abs(np.abs(points.x) - 0.03) < 0.005) & (points.z > 1.33) & (points.z < 1.5)
    colors[strings] = 0.8


def _ribbing(_fabric: Trim, _points: Points, edge: Floats, colors: Floats) -> None:
    """Tighter knit at hem, cuffs and neck."""
    colors[edge < 0.045] *= 0.84


def _buckle(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    colors[points.front & (np.abs(points.x) < 0.025)] = (0.72, 0.66, 0.45)


def _sole(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    colors[points.z < 0.022] = (0.88, 0.87, 0.84)


def _dark_sole(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    colors[points.z < 0.016] *= 0.4


def _laces(_fabric: Trim, points: Points, _edge: Floats, colors: Floats) -> None:
    top = (points.z > 0.045) & (points.y < -0.06) & (points.y > -0.15) & ((points.y % 0.02) < 0.009)
    colors[top] = 0.85


def _border(fabric: Trim, _points: Points, edge: Floats, colors: Floats) -> None:
    colors[edge < 0.05] = fabric.third


def _frames(_fabric: Trim, _points: Points, edge: Floats, colors: Floats) -> None:
    """Clear lenses: skin and an eye seen through them."""
    colors[edge > 0.005] = np.clip(0.35 + 0.5 * colors[edge > 0.005], 0, 1)


DETAILS: dict[str, Callable[[Trim, Points, Floats, Floats], None]] = {
    "buttons": _buttons,
    "collar": _collar,
    "lapels": _lapels,
    "zip": _zip,
    "pockets": _pockets,
    "fly": _fly,
    "pouch": _pouch,
    "ribbing": _ribbing,
    "buckle": _buckle,
    "sole": _sole,
    "dark sole": _dark_sole,
    "laces": _laces,
    "border": _border,
    "frames": _frames,
}
