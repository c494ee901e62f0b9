"""Garments that no training may see; asked for by evaluations alone."""

from __future__ import annotations

from collections.abc import Callable

from model.data.synthetic import feet, lowers, uppers
from model.data.synthetic.cuts import Band, Lower, Panel, Sash, Union, Upper
from model.data.synthetic.garment import Cone, Garment, Skirt, WideSleeves
from model.data.synthetic.tailor import EARTHY, Tailor


def drawn(tailor: Tailor) -> Callable[[Tailor], list[Garment]]:
    """One of the held-out outfits: each word as often as another."""
    kinds: list[Callable[[Tailor], list[Garment]]] = [poncho, overalls, jumpsuit, kimono, tunic, apron]
    if tailor.woman:
        kinds += [saree, sarong]
    return kinds[int(tailor.rng.integers(len(kinds)))]


def saree(tailor: Tailor) -> list[Garment]:
    """A wrapped skirt to the ground, its end drawn over the left shoulder; a short blouse."""
    under = tailor.color("red", "yellow", "green", "black", "pink")
    short = Upper(1.22, tailor.between(0.1, 0.2), "scoop", 0.08)
    blouse = Garment("blouse", under, tailor.cloth(under, patterned=0), short, 0.003)
    color = tailor.color("red", "pink", "purple", "green", "yellow", "blue", "navy", "white")
    fabric = tailor.cloth(
        color, patterned=0.8, patterns=("bordered", "bordered", "floral"), details=("border",), folds=0.25
    )
    cut = Union((Lower(1.12, 0.06), Sash(tailor.between(0.08, 0.13))))
    skirt = Skirt(1.06, 0.04, 0.014, 0.08, 9, 0.05)
    return [
        blouse,
        Garment("saree", color, fabric, cut, 0.014, 0.6, (skirt,)),
        *feet.shoes(tailor),
    ]


def poncho(tailor: Tailor) -> list[Garment]:
    """A blanket with a hole for the head, over trousers."""
    color = tailor.color()
    fabric = tailor.cloth(
        color,
        patterned=0.75,
        patterns=("striped", "checked", "two-tone"),
        weave=tailor.one("knit", "smooth"),
        folds=0.2,
    )
    hem = tailor.between(0.85, 1.1)
    cone = Cone(hem, point=tailor.between(0.0, 0.2))
    cut = Upper(hem, 0.3, "crew")
    return [
        *feet.legwear(tailor, bare=False),
        *lowers.bottom(tailor),
        *feet.shoes(tailor),
        *uppers.base(tailor),
        Garment("poncho", color, fabric, cut, 0.008, 0.2, (cone,)),
    ]


def overalls(tailor: Tailor) -> list[Garment]:
    """Trousers with a bib and straps over a t-shirt."""
    color = tailor.color("blue", "navy", "blue", "black", "beige", "green")
    weave = tailor.one("denim", "smooth", p=(0.7, 0.3))
    fabric = tailor.cloth(color, patterned=0, weave=weave, details=("pockets", "fly"))
    hem = tailor.between(0.08, 0.12) if tailor.chance(0.7) else tailor.between(0.6, 0.75)
    cut = Union(
        (
            Lower(1.14, hem),
            Panel(1.08, 1.36, 0.2, tailor.between(0.09, 0.12)),
            Panel(1.08, 1.24, 0.2, 0.1, back=True),
        )
    )
    top = uppers.t_shirt(tailor) if tailor.chance(0.6) else uppers.shirt(tailor)
    shoes = feet.shoes(tailor)
    return [
        *feet.legwear(tailor, bare=False),
        top,
        Garment("overalls", color, fabric, cut, tailor.between(0.014, 0.026), 0.5),
        *shoes,
    ]


def jumpsuit(tailor: Tailor) -> list[Garment]:
    """One piece from the neck to the ankles, zipped or buttoned."""
    color = tailor.color()
    details = (tailor.one("zip", "buttons"), "collar", "pockets")
    fabric = tailor.cloth(
        color, patterned=0.25, patterns=("floral", "pinstriped", "camouflage"), details=details, folds=0.2
    )
    sleeve = tailor.one("none", "short", "long", p=(0.3, 0.25, 0.45))
    length = {"none": 0.0, "short": tailor.between(0.1, 0.2), "long": uppers.LONG}[sleeve]
    neck = tailor.one("v", "shirt", "crew")
    cut = Union((Lower(1.2, 0.085), Upper(1.1, length, neck, tailor.between(0.05, 0.14), shoulder=0.17)))
    belt = lowers.belt(tailor) if tailor.chance(0.6) else []
    piece = Garment("jumpsuit", color, fabric, cut, tailor.between(0.014, 0.03), 0.5)
    return [piece, *belt, *feet.shoes(tailor)]


def kimono(tailor: Tailor) -> list[Garment]:
    """A robe to the ankles, its fronts crossed, wide sleeves, a broad sash."""
    color = tailor.color()
    fabric = tailor.cloth(
        color,
        patterned=0.8,
        patterns=("floral", "floral", "bordered", "striped"),
        details=("lapels",),
        folds=0.15,
    )
    hem = tailor.between(0.08, 0.3)
    cut = Upper(hem, 0.5, "v", tailor.between(0.1, 0.16))
    shells = (Skirt(1.0, hem, 0.012, 0.02, 4, 0.015), WideSleeves(tailor.between(0.25, 0.45)))
    robe = Garment("kimono", color, fabric, cut, 0.012, 0.3, shells)
    sash = tailor.color()
    return [
        robe,
        Garment(
            "belt",
            sash,
            tailor.cloth(sash, patterned=0.4, patterns=("floral", "striped")),
            Band(1.08, 1.26),
            0.012,
            0.1,
        ),
        *feet.shoes(tailor),
    ]


def tunic(tailor: Tailor) -> list[Garment]:
    """A long loose upper garment over leggings or trousers."""
    color = tailor.color()
    fabric = tailor.cloth(
        color,
        patterned=0.5,
        patterns=("floral", "bordered", "striped", "dotted"),
        details=("border",),
        folds=0.2,
    )
    hem = tailor.between(0.6, 0.78)
    cut = Upper(
        hem, tailor.between(0.2, uppers.LONG), tailor.one("v", "crew", "scoop"), tailor.between(0.06, 0.15)
    )
    shell = Skirt(1.08, hem, 0.016, tailor.between(0.1, 0.3), 5, 0.04)
    below = lowers.leggings(tailor) if tailor.woman else lowers.pants(tailor)
    return [
        below,
        *feet.shoes(tailor),
        Garment("tunic", color, fabric, cut, tailor.between(0.016, 0.028), 0.5, (shell,)),
    ]


def apron(tailor: Tailor) -> list[Garment]:
    """A piece over chest and thighs, tied behind, over two pieces."""
    color = tailor.color(*EARTHY, "red", "blue", "green", "pink", "yellow")
    fabric = tailor.cloth(
        color, patterned=0.4, patterns=("striped", "checked", "dotted", "printed"), folds=0.12
    )
    hem = tailor.between(0.5, 0.75)
    bib = tailor.between(1.32, 1.42)
    tape = Band(1.12, 1.14)
    cut = Union((Panel(hem, bib, 0.17, tailor.between(0.1, 0.13)), tape))
    shell = Skirt(1.06, hem, 0.02, 0.08, 4, 0.02, arc=tailor.between(1.1, 1.5))
    base = [*lowers.bottom(tailor), *feet.shoes(tailor), *uppers.base(tailor)]
    return [*base, Garment("apron", color, fabric, cut, 0.008, 0.2, (shell,))]


def sarong(tailor: Tailor) -> list[Garment]:
    """A cloth wrapped around the hips, its hem slanting, with a bikini or a short top."""
    color = tailor.color()
    fabric = tailor.cloth(
        color, patterned=0.85, patterns=("floral", "floral", "bordered", "striped"), folds=0.2
    )
    hem, slant = tailor.between(0.2, 0.6), tailor.between(0.1, 0.35)
    shell = Skirt(
        1.0, hem, 0.012, tailor.between(0.0, 0.12), 4, 0.03, open=tailor.between(0.05, 0.35), slant=slant
    )
    above = uppers.small(tailor) if tailor.chance(0.5) else [uppers.top(tailor)]
    above = [g for g in above if g.name in ("swimwear", "top", "bra", "bodysuit")]
    above = above or [uppers.top(tailor)]
    piece = Garment(
        "sarong", color, fabric, Lower(1.05, hem + slant * 0.5, slant=slant / 0.2 * 0.5), 0.006, 0.3, (shell,)
    )
    return [*above, piece, *feet.shoes(tailor)]
