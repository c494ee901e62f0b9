"""Legwear and shoes."""

from __future__ import annotations

from model.data.synthetic.cuts import Foot, Lower
from model.data.synthetic.garment import Garment, Shoe
from model.data.synthetic.tailor import Tailor


def legwear(tailor: Tailor, bare: bool) -> list[Garment]:
    """Socks; where the legs are bare also stockings or tights."""
    if bare and tailor.woman and tailor.chance(0.45):
        name = tailor.one("stockings", "tights", p=(0.65, 0.35))
        color = tailor.color("black", "black", "navy", "grey", "brown", "beige", "red", "white", "purple")
        sheer = tailor.between(0.1, 0.5) if tailor.chance(0.4) else 0.0
        fabric = tailor.cloth(color, patterned=0.1, patterns=("dotted", "striped"), folds=0.04, sheer=sheer)
        waist = 1.05 if name == "tights" or tailor.chance(0.5) else tailor.between(0.55, 0.8)
        return [Garment(name, color, fabric, Lower(waist, -1, feet=True), 0.001, 0.0)]
    if tailor.chance(0.5):
        color = tailor.color("white", "black", "grey", "navy", "red", "yellow", "green", "pink")
        top = tailor.between(0.12, 0.3) if tailor.chance(0.75) else tailor.between(0.35, 0.6)
        fabric = tailor.cloth(color, patterned=0.25, patterns=("striped", "dotted"), details=("ribbing",))
        return [Garment("socks", color, fabric, Foot(top), 0.003, 0.2)]
    return []


def shoes(tailor: Tailor) -> list[Garment]:
    """A pair of shoes, or bare feet."""
    if tailor.chance(0.03):
        return []
    woman = ("shoes", "boots", "sandals", "sneakers", "pumps", "heels", "flats", "wedges")
    man = ("shoes", "boots", "sandals", "sneakers", "loafers")
    name = (
        tailor.one(*woman, p=(0.34, 0.18, 0.1, 0.12, 0.08, 0.07, 0.07, 0.04))
        if tailor.woman
        else tailor.one(*man, p=(0.44, 0.14, 0.06, 0.26, 0.1))
    )
    color = tailor.color(
        "black", "brown", "white", "grey", "red", "navy", "beige", "blue", "pink", "black", "brown"
    )
    cut, details, thick, weave = Foot(tailor.between(0.085, 0.11)), ["dark sole"], 0.009, "smooth"
    if name == "boots":
        cut, weave, thick = Foot(tailor.between(0.16, 0.5)), "leather", 0.012
    elif name in ("pumps", "heels", "flats", "loafers", "wedges"):
        cut, weave, thick = Foot(0.085, low=True), "leather", 0.005
    elif name == "sandals":
        cut, thick = Foot(0.1, straps=True), 0.006
    elif name == "sneakers":
        details, thick = ["sole", "laces"], 0.013
    elif tailor.chance(0.4):
        weave = "leather"
    fabric = tailor.cloth(
        color, patterned=0.08, patterns=("two-tone", "checked"), weave=weave, details=details, folds=0.05
    )
    heel = {"pumps": 0.07, "heels": 0.09, "wedges": 0.07}.get(name, 0.0)
    low = name in ("pumps", "heels", "flats", "loafers", "wedges")
    shells = () if name == "sandals" else (Shoe(0.07, thick + 0.003, toe=low, heel=heel),)
    return [Garment(name, color, fabric, cut, 0.6 * thick, 0.1, shells)]
