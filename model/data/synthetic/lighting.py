"""Light: one lamp or sun, a sky, and shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.data.synthetic.points import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """direction (3,) towards the lamp; color (3,) of it; sky, ground (3,): light from above and below."""

    direction: Floats
    color: Floats
    sky: Floats
    ground: Floats

    def shade(self, normals: Floats, lit: Floats) -> Floats:
        """Factor (N, 3) on the colour of a matt surface with these normals (N, 3), `lit` (N,) by the lamp."""
        lambert = np.maximum(normals @ self.direction, 0) * lit
        up = (0.5 + 0.5 * normals[:, 2])[:, None]
        return self.ground + (self.sky - self.ground) * up + lambert[:, None] * self.color


def drawn_light(rng: np.random.Generator) -> Light:
    """From in front and above, mostly soft; warm or cold."""
    around, above = rng.uniform(-1.7, 1.7), rng.uniform(0.25, 1.2)
    direction = np.array([np.sin(around) * np.cos(above), -np.cos(around) * np.cos(above), np.sin(above)])
    hard = rng.uniform(0.15, 0.65)
    warmth = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.05) * np.array([1.0, 0.2, -1.0])
    level = rng.uniform(0.85, 1.05)
    sky = (1.0 - 0.75 * hard) * level * (2 - warmth)
    return Light(
        direction.astype(np.float32),
        (hard * level * warmth).astype(np.float32),
        sky.astype(np.float32),
        (sky * rng.uniform(0.5, 0.8)).astype(np.float32),
    )
