"""Shapes and poses: joint angles drawn at random, as turns of the bones in the body's own axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from model.data.synthetic.body import body

Turns = dict[str, NDArray[np.float64]]
X, Y, Z = np.eye(3)


def drawn_shape(rng: np.random.Generator, woman: bool) -> dict[str, float]:
    """A body's phenotypes: mostly grown up, of any build."""
    return {
        "gender": float(rng.uniform(0.8, 1.0) if woman else rng.uniform(0.0, 0.2)),
        "age": float(np.clip(rng.normal(0.69, 0.06), 0.5, 0.95)),
        "muscle": float(np.clip(rng.normal(0.5, 0.15), 0.1, 0.95)),
        "weight": float(np.clip(rng.normal(0.45, 0.17), 0.1, 0.95)),
        "height": float(np.clip(rng.normal(0.5, 0.15), 0.1, 0.9)),
        "proportions": float(rng.uniform(0.4, 1.0)),
    }


def drawn_pose(rng: np.random.Generator, heel: float = 0.0, stride: float = 0.5) -> Turns:
    """Turns of the bones: standing or walking, arms by the side, bent, on a hip or lifted.

    heel: how high the shoes lift the heels, in metres. stride: the widest swing of a leg, in radians.
    """
    turns: Turns = {}
    walk = stride * float(rng.uniform(0.3, 1.0)) if rng.random() < 0.45 else float(rng.uniform(0, 0.08))
    lead = 1.0 if rng.random() < 0.5 else -1.0
    close = rng.uniform(0.0, 0.11)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        swing = walk * lead * sign
        _leg(turns, rng, side, sign, swing, close)
        if heel > 0:
            tip = float(np.arcsin(heel / 0.2))
            turns[f"foot.{side}"] = turns[f"foot.{side}"] @ _turn(X, tip).as_matrix()
            for toe in range(1, 6):
                turns[f"toe{toe}-1.{side}"] = _turn(X, -tip).as_matrix()
        _arm(turns, rng, side, sign, -0.8 * swing, walk > 0.1)
    lean = Rotation.from_rotvec(rng.normal(0, 0.035, 3))
    for name in ("spine04", "spine03", "spine02"):
        turns[name] = lean.as_matrix()
    nod = _turn(Z, rng.normal(0, 0.22)) * _turn(X, rng.normal(0, 0.12)) * _turn(Y, rng.normal(0, 0.07))
    turns["neck01"] = turns["head"] = Rotation.from_rotvec(nod.as_rotvec() / 2).as_matrix()
    return turns


def _turn(axis: NDArray[np.float64], angle: float) -> Rotation:
    return Rotation.from_rotvec(axis * angle)


def _leg(turns: Turns, rng: np.random.Generator, side: str, sign: float, swing: float, close: float) -> None:
    # A positive turn about x moves the leg backwards.
    turns[f"upperleg01.{side}"] = (_turn(X, -swing) * _turn(Y, sign * close)).as_matrix()
    bend = max(0.0, -swing) * rng.uniform(0.6, 1.6) + rng.uniform(0, 0.12)
    turns[f"lowerleg01.{side}"] = _turn(X, bend).as_matrix()
    turns[f"foot.{side}"] = _turn(X, min(0.0, swing) * 0.2).as_matrix()


def _arm(turns: Turns, rng: np.random.Generator, side: str, sign: float, swing: float, walking: bool) -> None:
    # At rest the arm hangs 41 degrees off the vertical, its elbow bent by 50: see the reference body.
    kind = rng.choice(
        ["hang", "bent", "hip", "lifted"], p=[0.75, 0.15, 0, 0.1] if walking else [0.55, 0.2, 0.17, 0.08]
    )
    off, bend, twist = {
        "hang": (rng.uniform(0.10, 0.35), rng.uniform(0.05, 0.6), 0.0),
        "bent": (rng.uniform(0.12, 0.35), rng.uniform(0.9, 1.9), rng.uniform(-0.3, 0.5)),
        "hip": (rng.uniform(0.6, 0.9), rng.uniform(1.5, 1.9), rng.uniform(0.9, 1.3)),
        "lifted": (rng.uniform(0.6, 1.6), rng.uniform(0.1, 1.6), rng.uniform(-0.8, 0.5)),
    }[str(kind)]
    it = body()
    shoulder, elbow, wrist = (it.bone(f"{n}.{side}") for n in ("upperarm01", "lowerarm01", "wrist"))
    upper = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
    lower = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    hinge = np.cross(upper, lower)
    rest_bend = float(np.arctan2(np.linalg.norm(hinge), upper @ lower))
    hinge /= np.linalg.norm(hinge)
    rest_off = float(np.arctan2(abs(upper[0]), -upper[2]))
    lowered = _turn(X, -swing + rng.normal(0, 0.06)) * _turn(Y, sign * (rest_off - off))
    turns[f"upperarm01.{side}"] = (lowered * _turn(upper, sign * twist)).as_matrix()
    turns[f"lowerarm01.{side}"] = _turn(hinge, bend - rest_bend).as_matrix()
    curl = rng.uniform(0, 0.5)
    for finger in range(2, 6):
        for joint in (1, 2):
            # Fingers close towards the palm, which faces the body.
            turns[f"finger{finger}-{joint}.{side}"] = _turn(Y, sign * curl).as_matrix()
