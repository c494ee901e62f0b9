"""Garments of the trunk: tops, layers, dresses, suits, coats, one-piece things."""

from __future__ import annotations

from dataclasses import replace

from model.data.synthetic.cuts import Cut, Lower, Union, Upper
from model.data.synthetic.cuts_small import Tie
from model.data.synthetic.garment import Cone, Garment, Skirt
from model.data.synthetic.lowers import hanging
from model.data.synthetic.tailor import EARTHY, Tailor

LONG = 0.53
"""A sleeve to the wrist."""


def base(tailor: Tailor) -> list[Garment]:
    """The one thing worn above the waist, next to the skin."""
    kinds = (t_shirt, shirt, blouse, top, sweater, hoodie, sweatshirt, jumper)
    woman, man = (0.18, 0.1, 0.24, 0.18, 0.15, 0.05, 0.05, 0.05), (0.32, 0.27, 0, 0.04, 0.15, 0.1, 0.08, 0.04)
    return [kinds[int(tailor.rng.choice(len(kinds), p=woman if tailor.woman else man))](tailor)]


def _hem(tailor: Tailor) -> float:
    return tailor.between(0.93, 1.05)


HANGING = frozenset(
    ("t-shirt", "blouse", "sweater", "jumper", "sweatshirt", "hoodie", "shirt", "top", "cardigan", "jacket")
)


def loosened(tailor: Tailor, garment: Garment) -> Garment:
    """The garment as it is worn over the trousers: its lower part hangs free, in half of the draws."""
    if garment.name not in HANGING or not isinstance(garment.cut, Upper) or tailor.chance(0.45):
        return garment
    top = tailor.between(1.16, 1.32)
    cut = garment.cut
    angle = (cut.open + 0.4 * cut.spread) / 0.17 if cut.open else 0.0
    flare, depth = tailor.between(0.0, 0.15), tailor.between(0.01, 0.04)
    shell = Skirt(top, cut.hem, 0.004, flare, 4, depth, open=min(angle, 0.9))
    return replace(garment, shells=(shell,))


def t_shirt(tailor: Tailor) -> Garment:
    color = tailor.color()
    fabric = tailor.cloth(
        color, patterned=0.5, patterns=("striped", "printed", "printed", "two-tone", "camouflage")
    )
    neck = tailor.one("crew", "v", "scoop", p=(0.6, 0.25, 0.15))
    cut = Upper(_hem(tailor), tailor.between(0.1, 0.21), neck, tailor.between(0.05, 0.11))
    return Garment("t-shirt", color, fabric, cut, tailor.between(0.006, 0.02), 0.5)


def shirt(tailor: Tailor, formal: bool = False) -> Garment:
    color = tailor.color("white", "white", "blue", "pink", "grey") if formal else tailor.color()
    patterns = (
        ("pinstriped", "checked")
        if formal
        else ("checked", "checked", "pinstriped", "striped", "dotted", "floral")
    )
    fabric = tailor.cloth(
        color, patterned=0.2 if formal else 0.5, patterns=patterns, details=("buttons", "collar")
    )
    sleeve = LONG if formal or tailor.chance(0.7) else tailor.between(0.12, 0.33)
    cut = Upper(_hem(tailor), sleeve, "shirt", tailor.between(0.03, 0.1))
    return Garment("shirt", color, fabric, cut, tailor.between(0.008, 0.022), 0.5)


def blouse(tailor: Tailor) -> Garment:
    color = tailor.color("white", "pink", "beige", "red", "blue", "black", "purple", "yellow", "white")
    details = ("buttons", "collar") if tailor.chance(0.35) else ()
    fabric = tailor.cloth(
        color, patterned=0.35, patterns=("floral", "dotted", "striped"), details=details, folds=0.2
    )
    sleeve = tailor.one("none", "short", "long", p=(0.2, 0.35, 0.45))
    length = {"none": 0.0, "short": tailor.between(0.08, 0.25), "long": tailor.between(0.4, LONG)}[sleeve]
    cut = Upper(
        _hem(tailor), length, tailor.one("v", "scoop", "boat", "high", "shirt"), tailor.between(0.05, 0.13)
    )
    return Garment("blouse", color, fabric, cut, tailor.between(0.012, 0.03), 0.6)


def top(tailor: Tailor) -> Garment:
    color = tailor.color()
    fabric = tailor.cloth(color, patterned=0.3, patterns=("striped", "floral", "dotted", "printed"))
    hem = tailor.between(0.96, 1.22)
    neck = tailor.one("scoop", "square", "v", "strapless", p=(0.4, 0.25, 0.2, 0.15))
    cut = Upper(hem, 0, neck, tailor.between(0.08, 0.15), shoulder=tailor.between(0.11, 0.16))
    return Garment("top", color, fabric, cut, tailor.between(0.003, 0.012), 0.4)


def _knitted(tailor: Tailor, name: str, neck: str) -> Garment:
    color = tailor.color()
    fabric = tailor.cloth(
        color,
        patterned=0.3,
        patterns=("striped", "two-tone", "checked"),
        weave="knit",
        details=("ribbing",),
        folds=0.2,
    )
    cut = Upper(tailor.between(0.9, 1.0), tailor.between(0.46, 0.545), neck, tailor.between(0.06, 0.12))
    return Garment(name, color, fabric, cut, tailor.between(0.018, 0.04), 0.5)


def sweater(tailor: Tailor) -> Garment:
    return _knitted(tailor, "sweater", tailor.one("crew", "v", "high", "scoop", p=(0.45, 0.2, 0.2, 0.15)))


def jumper(tailor: Tailor) -> Garment:
    return _knitted(tailor, "jumper", tailor.one("crew", "v"))


def sweatshirt(tailor: Tailor) -> Garment:
    color = tailor.color()
    fabric = tailor.cloth(
        color, patterned=0.5, patterns=("printed", "two-tone"), details=("ribbing",), folds=0.2
    )
    return Garment(
        "sweatshirt",
        color,
        fabric,
        Upper(tailor.between(0.93, 1.02), LONG, "crew"),
        tailor.between(0.018, 0.03),
        0.5,
    )


def hoodie(tailor: Tailor) -> Garment:
    color = tailor.color("grey", "grey", "black", "navy", "red", "green", "blue", "pink")
    details = ("ribbing", "pouch", "zip") if tailor.chance(0.4) else ("ribbing", "pouch")
    fabric = tailor.cloth(color, patterned=0.2, patterns=("printed",), details=details, folds=0.25)
    return Garment(
        "hoodie",
        color,
        fabric,
        Upper(tailor.between(0.9, 1.0), LONG, "high"),
        tailor.between(0.022, 0.038),
        0.5,
    )


def layer(tailor: Tailor, under: str) -> list[Garment]:
    """Something over the base: open or closed."""
    kinds = (jacket, blazer, cardigan, vest)
    if under in ("hoodie", "sweater", "sweatshirt", "jumper"):
        kinds = (jacket, jacket, blazer, vest)
    return [kinds[int(tailor.rng.integers(len(kinds)))](tailor)]


def _front(tailor: Tailor, share: float) -> tuple[float, float]:
    """Half the width of an open front, and how it spreads; closed in the other draws."""
    return (tailor.between(0.015, 0.09), tailor.between(0.0, 0.12)) if tailor.chance(share) else (0.0, 0.0)


def jacket(tailor: Tailor) -> Garment:
    weave = tailor.one("leather", "denim", "smooth", p=(0.4, 0.25, 0.35))
    color = {
        "leather": tailor.color("black", "black", "brown", "red"),
        "denim": tailor.color("blue", "navy", "blue"),
        "smooth": tailor.color(),
    }[weave]
    open_, spread = _front(tailor, 0.6)
    fabric = tailor.cloth(
        color,
        patterned=0.2 if weave == "smooth" else 0,
        patterns=("camouflage", "two-tone", "checked"),
        weave=weave,
        details=("zip", "collar"),
        folds=0.2,
    )
    cut = Upper(tailor.between(0.98, 1.1), LONG + 0.01, "shirt", 0.06, open_, spread)
    return Garment("jacket", color, fabric, cut, tailor.between(0.014, 0.03), 0.5)


def blazer(tailor: Tailor) -> Garment:
    color = tailor.color(*EARTHY, "black", "navy", "red", "pink", "blue")
    open_, spread = _front(tailor, 0.6)
    fabric = tailor.cloth(
        color, patterned=0.2, patterns=("checked", "pinstriped"), details=("lapels", "pockets"), folds=0.12
    )
    cut = Upper(tailor.between(0.86, 0.97), LONG, "v", tailor.between(0.15, 0.3), open_, spread)
    return Garment("blazer", color, fabric, cut, tailor.between(0.012, 0.022), 0.3)


def cardigan(tailor: Tailor) -> Garment:
    color = tailor.color()
    open_, spread = _front(tailor, 0.8)
    fabric = tailor.cloth(
        color, patterned=0.25, patterns=("striped", "two-tone"), weave="knit", details=("ribbing",), folds=0.2
    )
    cut = Upper(
        tailor.between(0.75, 1.0), tailor.between(0.4, 0.545), "v", tailor.between(0.12, 0.3), open_, spread
    )
    return Garment("cardigan", color, fabric, cut, tailor.between(0.014, 0.026), 0.5)


def vest(tailor: Tailor) -> Garment:
    """Without sleeves, over something that has them."""
    color = tailor.color(*EARTHY, "red", "green", "blue")
    weave = tailor.one("smooth", "knit", "denim", "leather", p=(0.5, 0.2, 0.15, 0.15))
    details = ("buttons",) if tailor.chance(0.5) else ("zip",)
    open_, spread = _front(tailor, 0.5)
    fabric = tailor.cloth(
        color, patterned=0.2, patterns=("checked", "pinstriped"), weave=weave, details=details
    )
    cut = Upper(
        tailor.between(0.95, 1.08),
        0,
        "v",
        tailor.between(0.1, 0.26),
        open_,
        spread,
        shoulder=tailor.between(0.14, 0.19),
    )
    return Garment("vest", color, fabric, cut, tailor.between(0.012, 0.03), 0.3)


def suit(tailor: Tailor) -> tuple[Garment, Garment]:
    """Trousers and jacket of one cloth."""
    color = tailor.color("black", "navy", "grey", "grey", "brown", "beige", "white", "blue")
    fabric = tailor.cloth(
        color,
        patterned=0.2,
        patterns=("pinstriped", "checked"),
        details=("lapels", "fly", "pockets"),
        folds=0.1,
    )
    open_, spread = _front(tailor, 0.4)
    jacket_ = Upper(tailor.between(0.84, 0.92), LONG - 0.01, "v", tailor.between(0.2, 0.32), open_, spread)
    trousers = Garment("suit", color, fabric, Lower(1.1, 0.085), tailor.between(0.012, 0.024), 0.4)
    return trousers, Garment("suit", color, fabric, jacket_, tailor.between(0.014, 0.022), 0.3)


def tie(tailor: Tailor) -> list[Garment]:
    color = tailor.color("red", "navy", "black", "blue", "purple", "green", "yellow")
    fabric = tailor.cloth(color, patterned=0.4, patterns=("striped", "dotted"), folds=0.03)
    return [Garment("tie", color, fabric, Tie(tailor.between(1.05, 1.15)), 0.006, 0.0)]


def dress(tailor: Tailor) -> list[Garment]:
    """One garment from the chest to somewhere on the legs."""
    color = tailor.color()
    fabric = tailor.cloth(
        color,
        patterned=0.45,
        patterns=("floral", "floral", "dotted", "striped", "checked", "two-tone"),
        weave=tailor.one("smooth", "knit", "denim", p=(0.85, 0.1, 0.05)),
    )
    hem = tailor.between(0.55, 0.76) if tailor.chance(0.65) else tailor.between(0.1, 0.5)
    sleeve = 0.0 if tailor.chance(0.55) else tailor.between(0.06, LONG)
    neck = tailor.one("crew", "v", "scoop", "square", "boat", "strapless" if sleeve == 0 else "shirt")
    upper = Upper(hem, sleeve, neck, tailor.between(0.06, 0.14), shoulder=tailor.between(0.11, 0.18))
    kind = tailor.one("tight", "flared", "pleated", p=(0.3, 0.5, 0.2))
    shell = hanging(tailor, kind, 1.06 if kind != "tight" else 0.98, hem)
    return [Garment("dress", color, fabric, upper, tailor.between(0.004, 0.014), 0.4, (shell,))]


def coat(tailor: Tailor) -> Garment:
    """Over everything, to thigh or calf; its skirts hang free."""
    color = tailor.color(*EARTHY, "red", "green", "black", "pink", "yellow")
    open_, spread = _front(tailor, 0.55)
    details = ("lapels", "buttons", "pockets") if tailor.chance(0.6) else ("collar", "zip")
    fabric = tailor.cloth(color, patterned=0.15, patterns=("checked", "two-tone"), details=details, folds=0.2)
    hem = tailor.between(0.35, 0.85)
    neck = tailor.one("v", "shirt", "high")
    depth = tailor.between(0.1, 0.3) if neck == "v" else 0.05
    cut = Upper(hem, LONG + 0.01, neck, depth, open_, spread)
    angle = (open_ + spread * 0.45) / 0.19 if open_ else 0.0
    shell = Skirt(1.06, hem, 0.014, tailor.between(0.05, 0.3), 5, 0.03, open=min(angle, 0.9))
    return Garment("coat", color, fabric, cut, tailor.between(0.02, 0.036), 0.4, (shell,))


def cape(tailor: Tailor) -> Garment:
    """Hung from the shoulders, open in front."""
    color = tailor.color()
    hem = tailor.between(0.8, 1.15)
    fabric = tailor.cloth(color, patterned=0.15, patterns=("checked",), folds=0.2)
    cut = Upper(hem, 0.3, "crew", 0.0, 0.05, 0.1)
    return Garment("cape", color, fabric, cut, 0.01, 0.2, (Cone(hem, open=tailor.between(0.25, 0.6)),))


def small(tailor: Tailor) -> list[Garment]:
    """Romper, bodysuit, swimwear, underwear."""
    kind = tailor.one("romper", "bodysuit", "swimwear", "bra", p=(0.35, 0.2, 0.35, 0.1))
    color = tailor.color()
    fabric = tailor.cloth(color, patterned=0.4, patterns=("floral", "striped", "dotted"))
    if not tailor.woman:
        return [Garment("swimwear", color, fabric, Lower(1.05, tailor.between(0.6, 0.82)), 0.012, 0.4)]
    if kind == "romper":
        legs = Lower(1.16, tailor.between(0.7, 0.8))
        cut: Cut = Union((legs, Upper(1.1, tailor.between(-0.1, 0.2), "v", 0.1, shoulder=0.15)))
        return [Garment("romper", color, fabric, cut, 0.014, 0.5)]
    if kind == "bra":
        return [
            Garment("bra", color, fabric, Upper(1.27, 0, "square", 0.11, shoulder=0.13), 0.004),
            Garment("panties", color, fabric, Lower(1.02, 0.86), 0.003),
        ]
    neck = tailor.one("scoop", "v", "square")
    if kind == "bodysuit" or tailor.chance(0.5):
        sleeve = 0.0 if kind == "swimwear" or tailor.chance(0.5) else LONG
        return [
            Garment(
                kind,
                color,
                fabric,
                Union((Lower(1.16, 0.87), Upper(1.1, sleeve, neck, 0.12, shoulder=0.14))),
                0.003,
                0.2,
            )
        ]
    bikini = Union((Lower(1.02, 0.87), Upper(1.27, 0, "v", 0.13, shoulder=0.13)))
    return [Garment("swimwear", color, fabric, bikini, 0.003, 0.2)]
