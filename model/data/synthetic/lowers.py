"""Garments of hips and legs, and belts."""

from __future__ import annotations

from model.data.synthetic.cuts import Band, Lower
from model.data.synthetic.garment import Garment, Skirt
from model.data.synthetic.tailor import EARTHY, Tailor

WAIST = (1.04, 1.14)


def bottom(tailor: Tailor) -> list[Garment]:
    """Pants, jeans, leggings, shorts or a skirt."""
    kinds = (pants, jeans, leggings, shorts, skirt)
    chances = (0.25, 0.24, 0.09, 0.14, 0.28) if tailor.woman else (0.42, 0.4, 0.0, 0.18, 0.0)
    return [kinds[int(tailor.rng.choice(len(kinds), p=chances))](tailor)]


def pants(tailor: Tailor) -> Garment:
    """Trousers, narrow or wide, sometimes short of the ankle."""
    color = tailor.color(*EARTHY, "red", "green", "blue", "black", "purple")
    hem = tailor.between(0.07, 0.1) if tailor.chance(0.75) else tailor.between(0.12, 0.4)
    details = ("fly", "pockets") if tailor.chance(0.7) else ()
    fabric = tailor.cloth(
        color, patterned=0.16, patterns=("pinstriped", "checked", "camouflage", "floral"), details=details
    )
    cut = Lower(tailor.between(*WAIST), hem)
    return Garment("pants", color, fabric, cut, tailor.between(0.006, 0.028), 0.5, _wide(tailor, hem, 0.4))


def jeans(tailor: Tailor) -> Garment:
    """Denim, mostly blue."""
    color = tailor.color("blue", "blue", "navy", "navy", "blue", "black", "grey")
    hem = tailor.between(0.07, 0.1) if tailor.chance(0.8) else tailor.between(0.12, 0.3)
    fabric = tailor.cloth(color, patterned=0, weave="denim", details=("fly", "pockets"), folds=0.15)
    cut = Lower(tailor.between(*WAIST), hem)
    return Garment("jeans", color, fabric, cut, tailor.between(0.004, 0.016), 0.5, _wide(tailor, hem, 0.2))


def _wide(tailor: Tailor, hem: float, share: float) -> tuple[Skirt, ...]:
    """Legs that hang free from thigh or knee down, in a share of the draws."""
    if not tailor.chance(share):
        return ()
    top, ease, flare = tailor.between(0.45, 0.78), tailor.between(0.008, 0.02), tailor.between(0.0, 0.1)
    return tuple(Skirt(top, max(hem - 0.03, 0.03), ease, flare, 3, 0.02, side=side) for side in (1, -1))


def leggings(tailor: Tailor) -> Garment:
    """Thin and tight, to ankle or calf."""
    color = tailor.color("black", "black", "grey", "navy", "white", "purple", "red")
    fabric = tailor.cloth(color, patterned=0.2, patterns=("floral", "camouflage", "striped"), folds=0.05)
    return Garment(
        "leggings", color, fabric, Lower(tailor.between(*WAIST), tailor.between(0.09, 0.25)), 0.002, 0.1
    )


def shorts(tailor: Tailor) -> Garment:
    """Ending above the knee."""
    denim = tailor.chance(0.4)
    color = tailor.color("blue", "navy") if denim else tailor.color()
    hem = tailor.between(0.72, 0.84) if tailor.woman else tailor.between(0.52, 0.72)
    weave = "denim" if denim else "smooth"
    fabric = tailor.cloth(color, patterned=0 if denim else 0.3, weave=weave, details=("fly", "pockets"))
    return Garment(
        "shorts", color, fabric, Lower(tailor.between(*WAIST), hem), tailor.between(0.008, 0.028), 0.5
    )


def skirt(tailor: Tailor) -> Garment:
    """Tight, flared or pleated, short or long."""
    color = tailor.color()
    top = tailor.between(1.04, 1.15)
    hem = tailor.between(0.56, 0.78) if tailor.chance(0.6) else tailor.between(0.12, 0.55)
    kind = tailor.one("tight", "flared", "pleated", p=(0.35, 0.45, 0.2))
    weave = tailor.one("smooth", "denim", "leather", p=(0.8, 0.1, 0.1))
    fabric = tailor.cloth(
        color,
        patterned=0.35 if weave == "smooth" else 0,
        patterns=("striped", "checked", "dotted", "floral"),
        weave=weave,
    )
    return Garment(
        "skirt", color, fabric, Lower(top, hem), 0.004, 0.2, (hanging(tailor, kind, top - 0.06, hem),)
    )


def hanging(tailor: Tailor, kind: str, top: float, hem: float) -> Skirt:
    """The free-hanging cloth of a skirt of a kind: tight, flared, pleated."""
    if kind == "tight":
        return Skirt(top, hem, ease=0.012, hug=True, pleats=5, depth=0.01)
    if kind == "flared":
        return Skirt(
            top,
            hem,
            0.012,
            tailor.between(0.05, 0.35),
            int(tailor.rng.integers(4, 9)),
            tailor.between(0.03, 0.1),
        )
    return Skirt(
        top,
        hem,
        0.015,
        tailor.between(0.05, 0.3),
        int(tailor.rng.integers(14, 19)),
        tailor.between(0.05, 0.09),
    )


def belt(tailor: Tailor) -> list[Garment]:
    """A thin band with a buckle."""
    color = tailor.color("black", "brown", "brown", "white", "red", "grey", "beige")
    middle = tailor.between(1.06, 1.16)
    half = tailor.between(0.014, 0.032)
    details = ("buckle",) if tailor.chance(0.75) else ()
    fabric = tailor.cloth(
        color, patterned=0, weave=tailor.one("leather", "smooth"), details=details, folds=0.03
    )
    return [Garment("belt", color, fabric, Band(middle - half, middle + half), 0.006, 0.0)]
