"""Outfits drawn at random, as lists of garments from the skin outwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from model.data.synthetic import feet, heads, lowers, uppers, world
from model.data.synthetic.garment import Garment
from model.data.synthetic.tailor import Tailor


@dataclass
class Outfit:
    """What somebody wears, from the skin outwards; hair is the first."""

    garments: list[Garment] = field(default_factory=list)

    def add(self, *garments: Garment | None) -> None:
        """Put these on, in this order."""
        self.garments.extend(g for g in garments if g is not None)


def drawn_outfit(
    rng: np.random.Generator, woman: bool, hair: np.ndarray, held_out: bool
) -> tuple[Garment, ...]:
    """An outfit with hair, for a woman or a man; held-out garments only if asked, and then often."""
    tailor = Tailor(rng, woman)
    outfit = Outfit()
    hat = rng.random() < 0.2
    outfit.add(heads.hair(tailor, hair, hat))
    special = held_out and rng.random() < 0.75
    style = world.drawn(tailor) if special else _style(tailor)
    style_garments = style(tailor) if callable(style) else style
    outfit.add(*style_garments)
    if not special or rng.random() < 0.5:
        outfit.add(*heads.accessories(tailor, hat, plain=special))
    return tuple(outfit.garments)


Style = Callable[[Tailor], list[Garment]]


def _style(tailor: Tailor) -> Style:
    woman: list[tuple[Style, float]] = [
        (two_pieces, 0.52),
        (dressed, 0.24),
        (suited, 0.07),
        (small_piece, 0.09),
        (long_coat, 0.08),
    ]
    man: list[tuple[Style, float]] = [
        (two_pieces, 0.68),
        (suited, 0.18),
        (small_piece, 0.04),
        (long_coat, 0.1),
    ]
    styles = woman if tailor.woman else man
    chances = np.array([chance for _, chance in styles])
    return styles[int(tailor.rng.choice(len(styles), p=chances / chances.sum()))][0]


def two_pieces(tailor: Tailor) -> list[Garment]:
    """Something on the legs, something above, often a layer over it."""
    bottom = lowers.bottom(tailor)
    short = bottom[-1].name in ("skirt", "shorts")
    legs = feet.legwear(tailor, bare=short)
    top = uppers.base(tailor)
    shoes = feet.shoes(tailor)
    belt = lowers.belt(tailor) if tailor.chance(0.3) else []
    layers = uppers.layer(tailor, top[-1].name) if tailor.chance(0.5) else []
    layers = [uppers.loosened(tailor, garment) for garment in layers]
    below = [*bottom, *shoes] if short or tailor.chance(0.5) else [*shoes, *bottom]
    if tailor.chance(0.35):  # tucked in
        return [*legs, *top, *below, *belt, *layers]
    if layers or tailor.chance(0.15):
        return [*legs, *below, *top, *(belt if tailor.chance(0.4) else []), *layers]
    return [*legs, *below, *(uppers.loosened(tailor, garment) for garment in top)]


def dressed(tailor: Tailor) -> list[Garment]:
    """A dress, often with stockings, a belt, an open layer."""
    dress = uppers.dress(tailor)
    legs = feet.legwear(tailor, bare=True)
    belt = lowers.belt(tailor) if tailor.chance(0.35) else []
    layers = uppers.layer(tailor, "dress") if tailor.chance(0.35) else []
    return [*legs, *feet.shoes(tailor), *dress, *belt, *layers]


def suited(tailor: Tailor) -> list[Garment]:
    """A suit: jacket and trousers of one cloth, a shirt, perhaps a tie."""
    shirt = uppers.shirt(tailor, formal=True)
    belt = lowers.belt(tailor) if tailor.chance(0.3) else []
    trousers, jacket = uppers.suit(tailor)
    tie = uppers.tie(tailor) if tailor.chance(0.6) and not tailor.woman else []
    return [shirt, trousers, *belt, *feet.shoes(tailor), *tie, jacket]


def small_piece(tailor: Tailor) -> list[Garment]:
    """A romper, a bodysuit, swimwear or underwear."""
    return [*feet.legwear(tailor, bare=False), *uppers.small(tailor), *feet.shoes(tailor)]


def long_coat(tailor: Tailor) -> list[Garment]:
    """A coat or a cape over two pieces."""
    under = two_pieces(tailor)
    kept = [g for g in under if g.name not in ("coat", "cape", "jacket", "blazer", "cardigan", "vest")]
    return [*kept, uppers.coat(tailor) if tailor.chance(0.9) else uppers.cape(tailor)]
