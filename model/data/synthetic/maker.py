"""Draws scenes with people from a seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.data.synthetic.backgrounds import drawn_background
from model.data.synthetic.camera import Camera, Place, drawn_view
from model.data.synthetic.closet import Closet
from model.data.synthetic.figure import Figure, drawn_figure
from model.data.synthetic.lighting import Light, drawn_light
from model.data.synthetic.loose import loose_actors
from model.data.synthetic.points import Floats
from model.data.synthetic.render import Actor, Render, rendered
from model.data.synthetic.scene import SyntheticScene

MOST = 6
"""People in one scene."""
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """All that a scene is made of, before it is looked at."""

    actors: list[Actor]
    camera: Camera
    light: Light
    background: Floats
    rng: np.random.Generator


class SyntheticMaker:
    """Draws scenes.

    backgrounds: RGB pictures without people; made-up places where there are none. makehuman: folder of
    MakeHuman's `clothes` and `hair`, which a share of the people then wear; ValueError where there is nothing
    to wear or a file is torn. held_out: people may (and often do) wear `HELD_OUT_GARMENTS`; for evaluation
    alone. texture_size: side of the texture maps.
    """

    def __init__(
        self,
        *,
        backgrounds: Sequence[NDArray[np.uint8]] = (),
        makehuman: Path | None = None,
        held_out: bool = False,
        texture_size: int = 128,
    ) -> None:
        if texture_size < 8:
            raise ValueError(f"a texture map of {texture_size} texels shows nothing; at least 8")
        self.backgrounds = backgrounds
        self.closet = None if makehuman is None else Closet.read(makehuman)
        self.held_out = held_out
        self.texture_size = texture_size

    def make(
        self, seed: int, size: Size, *, people: int | None = None, portrait: bool = False
    ) -> SyntheticScene:
        """A scene of a size (height, width) with 1 to 6 people (None: at random); the same for a seed.

        portrait: one person who fills most of the frame. People who are hidden altogether are left out.
        """
        stage = self._stage(seed, size, people, portrait)
        return self._shown(stage, size)

    def make_standalone(self, seed: int, size: Size) -> SyntheticScene:
        """One person beside 1 to 4 garments that nobody wears: without a class, `loose` says where."""
        stage = self._stage(seed, size, 1, False)
        rng = np.random.default_rng([seed, 2])
        loose = loose_actors(rng, stage.actors[0].place, stage.camera, size, self.held_out)
        return self._shown(replace(stage, actors=[*stage.actors, *loose]), size)

    def rerender(
        self,
        seed: int,
        size: Size,
        texture: NDArray[np.uint8],
        *,
        people: int | None = None,
        portrait: bool = False,
    ) -> NDArray[np.uint8]:
        """The picture of `make` with the same arguments, the first person painted with texture (T, T, 3)."""
        stage = self._stage(seed, size, people, portrait)
        first = replace(stage.actors[0], texture=texture)
        stage = replace(stage, actors=[first, *stage.actors[1:]])
        return _composed(stage, rendered(stage.actors, stage.camera, stage.light, size))

    def _stage(self, seed: int, size: Size, people: int | None, portrait: bool) -> Stage:
        if people is not None and not 1 <= people <= MOST:
            raise ValueError(f"a scene has 1 to {MOST} people, not {people}")
        rng = np.random.default_rng([seed, 1])
        count = people if people is not None else int(rng.integers(1, MOST + 1))
        count = 1 if portrait else count
        camera, places = drawn_view(rng, size, count, portrait)
        light = drawn_light(rng)
        background = drawn_background(rng, size, self.backgrounds)
        figures = [drawn_figure(child, self.held_out, self.closet) for child in rng.spawn(count)]
        actors = [acting(f, p, k) for k, (f, p) in enumerate(zip(figures, places, strict=True), start=1)]
        return Stage(actors, camera, light, background, rng)

    def _shown(self, stage: Stage, size: Size) -> SyntheticScene:
        render = rendered(stage.actors, stage.camera, stage.light, size)
        image = _composed(stage, render)
        seen = [a for a in stage.actors if a.person and (render.persons == a.person).any()]
        number = np.zeros(256, np.uint8)
        number[[a.person for a in seen]] = np.arange(1, len(seen) + 1)
        people = tuple(actor.figure.person(self.texture_size) for actor in seen)
        caption = " and ".join(person.caption for person in people)
        return SyntheticScene(image, render.classes, number[render.persons], people, caption, render.loose)


def acting(figure: Figure, place: Place, person: int) -> Actor:
    """A figure put in its place."""
    return Actor(figure, place, person, [mesh.moved(place.turn, place.shift) for mesh in figure.meshes])


def _composed(stage: Stage, render: Render) -> NDArray[np.uint8]:
    """The picture: people before the background, shadows at their feet, a lens and a sensor."""
    rng = np.random.default_rng(stage.rng.bit_generator.seed_seq.spawn(1)[0])  # type: ignore[attr-defined]
    ground = stage.background * _contact(stage)[..., None]
    # People are exposed as the place is: a dark place has darker people.
    exposure = np.float32(np.clip(0.72 + 0.5 * stage.background.mean(), 0.8, 1.05))
    color = exposure * render.color
    picture = ground * (1 - render.cover[..., None]) + np.where(color > 0.8, 0.8 + 0.5 * (color - 0.8), color)
    blur = float(rng.uniform(0.0, 0.7))
    if blur > 0.25:
        picture = ndimage.gaussian_filter(picture, (blur, blur, 0))
    picture = picture ** np.float32(rng.uniform(0.85, 1.15)) * rng.uniform(0.92, 1.08)
    picture = picture + rng.normal(0, rng.uniform(0.002, 0.025), picture.shape)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)


def _contact(stage: Stage) -> Floats:
    """Darkness (H, W) of the ground where people stand, 1 for none."""
    height, width = stage.background.shape[:2]
    rays = stage.camera.directions((height, width))
    down = rays[..., 2] < -0.02
    reach = np.where(down, -stage.camera.height / np.where(down, rays[..., 2], -1), 0)
    x, y = rays[..., 0] * reach, rays[..., 1] * reach
    dark = np.zeros((height, width), np.float32)
    for actor in stage.actors:
        if actor.person:
            far = ((x - actor.place.x) ** 2 + (y - actor.place.y) ** 2) / 0.28**2
            dark = np.maximum(dark, 0.55 * np.exp(-far))
    return np.where(down, 1 - dark, 1).astype(np.float32)
