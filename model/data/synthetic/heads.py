"""What is worn on head, neck, hands and at the side: hair, hats, glasses, scarves, bags, small things."""

from __future__ import annotations

import numpy as np

from model.data.synthetic.cuts import Eyewear, Sash, Scalp, Wrist
from model.data.synthetic.cuts_small import Ends, Ring, Strap
from model.data.synthetic.fabrics import Fabric
from model.data.synthetic.garment import Bag, Brim, Crown, Garment, Mane, Shell, Wrap
from model.data.synthetic.points import Floats
from model.data.synthetic.tailor import EARTHY, Tailor


def hair(tailor: Tailor, color: Floats, hat: bool) -> Garment:
    """Hair of a colour (3,): cropped, short, bob, long, tied; flat under a hat."""
    kinds = ("short", "bob", "long", "tail", "bun") if tailor.woman else ("cropped", "short", "bob")
    chances = (0.1, 0.22, 0.42, 0.16, 0.1) if tailor.woman else (0.3, 0.6, 0.1)
    kind = tailor.one(*kinds, p=chances)
    volume = 0.003 if hat else tailor.between(0.005, 0.02)
    shells: tuple[Shell, ...] = ()
    if kind == "bob":
        shells = (Mane(tailor.between(1.56, 1.63), volume),)
    elif kind == "long":
        shells = (Mane(tailor.between(1.28, 1.5), volume),)
    elif kind == "tail":
        shells = (Mane(tailor.between(1.35, 1.55), 0.0, tail=True),)
    elif kind == "bun" and not hat:
        shells = (Mane(1.7, 0.0, bun=True),)
    line = tailor.between(1.775, 1.795)
    cut = Scalp(line, tailor.between(1.62, 1.65), sides=0.0 if kind != "short" else 0.01)
    fabric = Fabric(
        color,
        color * np.float32(0.8),
        color,
        "plain",
        0.05,
        tailor.between(0, 1000),
        "strands" if kind != "cropped" else "smooth",
        folds=0.3,
    )
    thick = 0.004 if kind == "cropped" else 0.008 + volume
    return Garment("hair", "", fabric, cut, thick, 0.5, shells)


def accessories(tailor: Tailor, hat: bool, plain: bool) -> list[Garment]:
    """Glasses, scarf, hat, gloves, jewellery, a bag: each now and then."""
    worn: list[Garment] = []
    if tailor.chance(0.07):
        worn.append(_necklace(tailor))
    if tailor.chance(0.16) and not plain:
        worn.append(scarf(tailor))
    if tailor.chance(0.26):
        worn.append(eyewear(tailor))
    if hat:
        worn.append(head_wear(tailor))
    if tailor.chance(0.08):
        worn.append(
            Garment(
                "watch",
                (c := tailor.color("black", "brown", "grey")),
                tailor.cloth(c, patterned=0),
                Wrist(0.505, 0.535, 1),
                0.006,
            )
        )
    elif tailor.woman and tailor.chance(0.08):
        c = tailor.color("yellow", "grey", "red")
        worn.append(Garment("bracelet", c, tailor.cloth(c, patterned=0), Wrist(0.51, 0.53, -1), 0.005))
    if tailor.chance(0.05):
        c = tailor.color("black", "brown", "red", "grey")
        worn.append(
            Garment("gloves", c, tailor.cloth(c, patterned=0, weave="leather"), Wrist(0.49, 2.0), 0.004)
        )
    if tailor.chance(0.5 if tailor.woman else 0.2):
        worn.append(bag(tailor))
    return worn


def _necklace(tailor: Tailor) -> Garment:
    color = tailor.color("yellow", "grey", "black")
    depth = tailor.between(0.02, 0.12)
    cut = Ring(depth)
    return Garment("necklace", color, tailor.cloth(color, patterned=0), cut, 0.006)


def scarf(tailor: Tailor) -> Garment:
    """A roll around the neck, with an end or two hanging in front."""
    color = tailor.color()
    weave = tailor.one("knit", "smooth")
    fabric = tailor.cloth(
        color, patterned=0.5, patterns=("striped", "checked", "floral", "dotted"), weave=weave, folds=0.2
    )
    hem = tailor.between(0.95, 1.45)
    ends = Ends(tailor.between(0.035, 0.06), hem, 1 if tailor.chance(0.5) else -1, tailor.chance(0.5))
    thick = tailor.between(0.025, 0.045)
    return Garment("scarf", color, fabric, ends, 0.018, 0.5, (Wrap(thick, hem),))


def eyewear(tailor: Tailor) -> Garment:
    """Dark sunglasses, or glasses."""
    if tailor.chance(0.65):
        color = tailor.color("black", "brown", "navy")
        return Garment(
            "sunglasses",
            color,
            tailor.cloth(color, patterned=0),
            Eyewear(tailor.between(0.023, 0.031)),
            0.008,
            0.0,
        )
    color = tailor.color("black", "brown", "grey", "red")
    fabric = tailor.cloth(color, patterned=0, details=("frames",))
    return Garment("glasses", color, fabric, Eyewear(tailor.between(0.02, 0.027)), 0.006, 0.0)


def head_wear(tailor: Tailor) -> Garment:
    """A brimmed hat, a cap or a beanie."""
    color = tailor.color()
    line = tailor.between(1.765, 1.785)
    kind = tailor.one("brim", "cap", "beanie")
    if kind == "brim":
        shells: tuple[Shell, ...] = (
            Brim(line, tailor.between(0.045, 0.13)),
            Crown(line, tailor.between(0.09, 0.13)),
        )
        return Garment(
            "hat", color, tailor.cloth(color, patterned=0.1), Scalp(line, line), 0.012, 0.0, shells
        )
    if kind == "cap":
        return Garment(
            "hat",
            color,
            tailor.cloth(color, patterned=0.15),
            Scalp(line, line - 0.02),
            0.014,
            0.1,
            (Brim(line, tailor.between(0.06, 0.09), front=True),),
        )
    fabric = tailor.cloth(color, patterned=0.3, patterns=("striped",), weave="knit", details=("ribbing",))
    return Garment(
        "hat",
        color,
        fabric,
        Scalp(line - 0.005, tailor.between(1.67, 1.72)),
        tailor.between(0.015, 0.03),
        0.3,
    )


def bag(tailor: Tailor) -> Garment:
    """A bag on a strap, or a purse in the hand."""
    color = tailor.color(*EARTHY, "red", "yellow", "pink", "green")
    weave = tailor.one("leather", "smooth")
    fabric = tailor.cloth(color, patterned=0.12, patterns=("checked", "striped", "two-tone"), weave=weave)
    side = 1 if tailor.chance(0.5) else -1
    if tailor.woman and tailor.chance(0.4):
        shell = Bag(
            tailor.between(0.2, 0.32), tailor.between(0.12, 0.22), tailor.between(0.06, 0.1), side, hand=True
        )
        return Garment("purse", color, fabric, None, shells=(shell,))
    shell = Bag(
        tailor.between(0.22, 0.4), tailor.between(0.2, 0.34), tailor.between(0.09, 0.16), side, hand=False
    )
    strap = Sash(0.016, -side, low=0.98) if tailor.chance(0.5) else Strap(side)
    return Garment("bag", color, fabric, strap, 0.008, 0.0, (shell,))
