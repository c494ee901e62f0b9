"""Draw `empty/garment.jpg`: a folded striped shirt on a wooden table, from above, with nobody in it.

python tests/data/draw_garment.py tests/data/empty/garment.jpg
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIZE = (640, 480)  # width, height of the result
SCALE = 2  # drawn this much larger, so that edges come out smooth
WIDTH, HEIGHT = SIZE[0] * SCALE, SIZE[1] * SCALE
Plane = NDArray[np.float64]
Kind = Literal["polygon", "ellipse", "box"]
RNG = np.random.default_rng(7)


def noise(cell_x: int, cell_y: int) -> Plane:
    """Smooth noise (HEIGHT, WIDTH) in -1..1 whose features are some cell_x by cell_y pixels."""
    coarse = RNG.uniform(-1, 1, (HEIGHT // cell_y + 2, WIDTH // cell_x + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float64)


def mask(kind: Kind, *shapes: Sequence[float], radius: int = 0) -> Plane:
    """Shapes (x, y, x, y, ...) as (HEIGHT, WIDTH) in 0..1 with soft edges; radius rounds a box's corners."""
    canvas = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(canvas)
    for shape in shapes:
        if kind == "polygon":
            draw.polygon(shape, fill=255)
        elif kind == "ellipse":
            draw.ellipse(shape, fill=255)
        else:
            draw.rounded_rectangle(shape, radius, fill=255)
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(1.5)), np.float64) / 255


def soft(plane: Plane, radius: float) -> Plane:
    """The plane, blurred."""
    image = Image.fromarray((plane.clip(0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float64) / 255


def table() -> Plane:
    """Wooden planks (HEIGHT, WIDTH, 3) in 0..1."""
    plank = np.arange(HEIGHT) // 190
    tone = RNG.uniform(0.85, 1.05, plank.max() + 1)[plank][:, None]
    grain = 0.07 * noise(260, 5) + 0.05 * noise(420, 11) + 0.03 * noise(60, 3)
    seam = np.where(np.arange(HEIGHT) % 190 < 4, 0.55, 1.0)[:, None]
    light = 1.08 - 0.25 * np.linspace(0, 1, WIDTH)[None, :]
    shade = (tone + grain) * seam * light
    return shade[..., None] * np.array([0.62, 0.44, 0.30])


def lay(under: Plane, shape: Plane, color: Plane, height: float) -> Plane:
    """Lay a piece of cloth on the picture: shadow below it, light from the upper left on its edges."""
    shadow = np.roll(soft(shape, 14), (10, 10), (0, 1)) * 0.55
    under = under * (1 - shadow * (1 - shape))[..., None]
    slope_y, slope_x = np.gradient(soft(shape, 6) * height + 1.3 * noise(170, 120) + 0.5 * noise(60, 70))
    lit = np.clip(1 + 0.9 * (slope_x + slope_y) / 2, 0.55, 1.2) * (0.95 + 0.05 * soft(shape, 25))
    return under * (1 - shape[..., None]) + (color * lit[..., None]) * shape[..., None]


def stripes(across: Plane) -> Plane:
    """Blue stripes on off-white, every 26 pixels of `across`, woven."""
    weave = 0.02 * RNG.standard_normal((HEIGHT, WIDTH))
    blue = 1 / (1 + np.exp(-(np.cos(across * 2 * np.pi / 26) - 0.35) * 9))
    base, stripe = np.array([0.90, 0.90, 0.88]), np.array([0.27, 0.38, 0.60])
    return base + blue[..., None] * (stripe - base) + weave[..., None]


def plain(red: float, green: float, blue: float) -> Plane:
    """One colour (HEIGHT, WIDTH, 3)."""
    return np.full((HEIGHT, WIDTH, 3), (red, green, blue))


def shirt(picture: Plane) -> Plane:
    """The folded shirt, piece by piece from the lowest up."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    front = stripes(x + 5 * noise(300, 300))
    cx, top, bottom = 640, 200, 850
    picture = lay(picture, mask("box", (398, top + 14, 902, bottom + 14), radius=34), stripes(y), 9)
    picture = lay(picture, mask("box", (392, top, 888, bottom), radius=30), front, 12)
    picture = lay(picture, mask("ellipse", (cx - 108, top - 62, cx + 108, top + 92)), stripes(y) * 0.72, 6)
    picture = lay(picture, mask("box", (cx - 34, top - 22, cx + 34, top + 16)), plain(0.80, 0.76, 0.66), 3)
    picture = lay(picture, mask("box", (cx - 25, top + 90, cx + 25, bottom - 2)), front, 4)
    for side in (-1, 1):
        corners = ((0, 100), (-118, 205), (-172, 60), (-118, -58), (-96, -20))
        flap = [length for dx, dy in corners for length in (cx + side * dx, top + dy)]
        picture = lay(picture, mask("polygon", flap), stripes(x * 0.75 - side * y * 0.65), 8)
    picture = lay(picture, mask("polygon", (700, 420, 832, 420, 832, 548, 766, 585, 700, 548)), front, 4)
    for row in range(top + 130, bottom - 20, 118):
        button = mask("ellipse", (cx - 11, row - 11, cx + 11, row + 11))
        picture = lay(picture, button, plain(0.93, 0.92, 0.90), 10)
        spots = [(cx + a, row + b) for a in (-4, 4) for b in (-4, 4)]
        holes = mask("ellipse", *[(px - 2, py - 2, px + 2, py + 2) for px, py in spots])
        picture = picture * (1 - 0.7 * holes[..., None])
    return picture


def main(path: str) -> None:
    """Draw and save."""
    picture = shirt(table()) + 0.008 * RNG.standard_normal((HEIGHT, WIDTH, 1))
    image = Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8))
    image.resize(SIZE, Image.Resampling.LANCZOS).save(path, quality=88)


if __name__ == "__main__":
    main(sys.argv[1])
