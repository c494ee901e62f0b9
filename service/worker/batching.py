"""Which pictures share one call of the model. Pure: numbers in, positions out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call of the model may hold: `pixels` on the device, padding counted, and `count` pictures."""

    pixels: int
    count: int

    def __post_init__(self) -> None:
        if self.pixels < 1 or self.count < 1:
            raise ValueError(
                f"a budget needs at least 1 pixel and 1 picture, not {self.pixels}, {self.count}"
            )


def fair(budget: Budget, ready: int, lanes: int) -> Budget:
    """The budget of a call that leaves the other lanes their part of the pictures that are `ready`."""
    return replace(budget, count=max(1, min(budget.count, -(-ready // lanes))))


def choose(costs: Sequence[int], budget: Budget) -> list[int]:
    """Positions, in order, of the pictures that go next; `costs` are their pixels, oldest first.

    A batch is padded to its largest picture, so n of them cost n times the largest. The oldest always
    goes, alone where it is over the budget by itself: nobody waits for ever. Behind it goes whoever fits.
    """
    chosen: list[int] = []
    largest = 0
    for position, cost in enumerate(costs):
        if len(chosen) == budget.count:
            break
        padded = max(largest, cost)
        if not chosen or padded * (len(chosen) + 1) <= budget.pixels:
            chosen.append(position)
            largest = padded
    return chosen
