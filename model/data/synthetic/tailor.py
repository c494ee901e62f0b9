"""Draws cloth: colours that have names, patterns that suit a garment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.data.synthetic.fabrics import Fabric
from model.data.synthetic.palette import CLOTH, near

PATTERNED = ("striped", "checked", "dotted", "floral", "camouflage", "printed", "two-tone", "pinstriped")
SIZES = {
    "striped": (0.025, 0.09),
    "pinstriped": (0.015, 0.04),
    "checked": (0.03, 0.11),
    "dotted": (0.025, 0.07),
    "floral": (0.03, 0.08),
    "camouflage": (0.05, 0.1),
    "printed": (0.0, 0.06),
    "two-tone": (0.0, 0.15),
    "bordered": (0.05, 0.09),
}
EARTHY = ("black", "white", "grey", "navy", "brown", "beige")


@dataclass(frozen=True, slots=True)
class Tailor:
    """The dice of one outfit, and whether it is a woman's."""

    rng: np.random.Generator
    woman: bool

    def chance(self, share: float) -> bool:
        """True in this share of the draws."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """A number of a range."""
        return float(self.rng.uniform(low, high))

    def one(self, *names: str, p: Sequence[float] | None = None) -> str:
        """One of some words."""
        return names[int(self.rng.choice(len(names), p=p))]

    def color(self, *names: str) -> str:
        """The name of a colour, of these or of all."""
        return self.one(*(names or tuple(CLOTH)))

    def cloth(
        self,
        color: str,
        *,
        patterned: float = 0.3,
        patterns: Sequence[str] = PATTERNED[:4],
        weave: str = "smooth",
        details: Sequence[str] = (),
        folds: float | None = None,
        sheer: float = 0.0,
    ) -> Fabric:
        """Cloth of a named colour, with one of the patterns in a share `patterned` of the draws."""
        pattern = self.one(*patterns) if patterned > 0 and self.chance(patterned) else "plain"
        others = [name for name in CLOTH if name != color]
        second, third = self.rng.choice(len(others), 2, replace=False)
        if self.chance(0.4):
            second = others.index("white" if color != "white" else "navy")
        low, high = SIZES.get(pattern, (0.05, 0.05))
        return Fabric(
            first=near(CLOTH[color], self.rng),
            second=near(CLOTH[others[int(second)]], self.rng),
            third=near(CLOTH[others[int(third)]], self.rng),
            pattern=pattern,
            size=self.between(low, high) if high > low else low,
            seed=self.between(0, 1000),
            weave=weave,
            details=frozenset(details),
            folds=self.between(0.06, 0.2) if folds is None else folds,
            sheer=sheer,
        )
