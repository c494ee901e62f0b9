"""What MakeHuman's meshes are called, and outfits drawn of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from model.data.synthetic import feet, heads, lowers, uppers
from model.data.synthetic.fabrics import Fabric
from model.data.synthetic.fitted import Piece, piece_of
from model.data.synthetic.garment import Fitted, Garment
from model.data.synthetic.makehuman import Asset, read_asset
from model.data.synthetic.points import Floats
from model.data.synthetic.tailor import EARTHY, PATTERNED, Tailor


@dataclass(frozen=True, slots=True)
class Part:
    """Connected pieces of an asset that are one garment.

    file: path without its ending. kind: its place in an outfit. words: what it may be called. pieces: numbers
    of connected pieces of the mesh, or of its texture if `sewn`; None for all. women, men: who wears it.
    """

    file: str
    kind: str
    words: tuple[str, ...]
    pieces: tuple[int, ...] | None = None
    sewn: bool = False
    women: bool = True
    men: bool = True


def _suit(name: str, kind: str, words: str, *pieces: int, sewn: bool = False) -> Part:
    woman = name.startswith("female")
    file = f"clothes/{name}/{name}"
    return Part(file, kind, tuple(words.split()), pieces, sewn, women=woman, men=not woman)


def _shoes(number: int, word: str, socks: tuple[int, ...]) -> tuple[Part, Part]:
    file = f"clothes/shoes0{number}/shoes0{number}"
    shoe = tuple(k for k in range(12) if k not in socks)
    return Part(file, "shoes", (word,), shoe), Part(file, "socks", ("socks",), socks)


def _hair(name: str, women: bool = True, men: bool = True) -> Part:
    return Part(f"hair/{name}/{name}", "hair", ("hair",), women=women, men=men)


PARTS: tuple[Part, ...] = (
    _suit("female_casualsuit01", "top", "t-shirt", 0),
    _suit("female_casualsuit01", "bottom", "jeans pants leggings", 1),
    _suit("female_casualsuit02", "bottom", "shorts", 0, 1),
    _suit("female_casualsuit02", "top", "t-shirt", 2),
    _suit("female_elegantsuit01", "bottom", "skirt", 0),
    _suit("female_elegantsuit01", "top", "blouse", 1),
    _suit("female_sportsuit01", "top", "top", 0),
    _suit("female_sportsuit01", "bottom", "leggings", 1),
    _suit("male_casualsuit01", "top", "shirt", 0, 1, 4, 5, sewn=True),
    _suit("male_casualsuit01", "bottom", "pants jeans", 2, 3, sewn=True),
    _suit("male_casualsuit02", "bottom", "jeans pants", 0),
    _suit("male_casualsuit02", "top", "sweater sweatshirt jumper", 1),
    _suit("male_casualsuit03", "top", "shirt", 0),
    _suit("male_casualsuit03", "bottom", "jeans pants", 1),
    _suit("male_casualsuit04", "top", "t-shirt", 0),
    _suit("male_casualsuit04", "bottom", "jeans pants", 1),
    _suit("male_casualsuit05", "layer", "jacket", 0, 1),
    _suit("male_casualsuit05", "under", "shirt", 2),
    _suit("male_casualsuit05", "bottom", "jeans pants", 3),
    _suit("male_casualsuit06", "top", "t-shirt", 0),
    _suit("male_casualsuit06", "bottom", "jeans pants", 1),
    _suit("male_elegantsuit01", "trousers", "suit", 0),
    # The tie is one with the shirt.
    _suit("male_elegantsuit01", "suit shirt", "shirt", 3, 6, 17, 18, 19, 20, sewn=True),
    _suit("male_elegantsuit01", "jacket", "suit", 2, 4, 5, *range(7, 17), 21, 22, sewn=True),
    _suit("male_worksuit01", "beneath overalls", "t-shirt", 0),
    _suit("male_worksuit01", "overalls", "overalls", 1, 2, 3, 4, 5),
    *_shoes(1, "shoes", (2, 3)),
    *_shoes(2, "loafers", (2, 3)),
    *_shoes(3, "sneakers", (0, 6)),
    *_shoes(4, "shoes", (2, 3)),
    *_shoes(5, "shoes", (2, 3)),
    *_shoes(6, "loafers", (2, 3)),
    Part("clothes/fedora01/fedora", "hat", ("hat",)),
    Part("clothes/fedora01/fedora_cocked", "hat", ("hat",)),
    # afro01 is left out: it needs a picture with holes to look like hair.
    *(_hair(name, men=False) for name in ("bob01", "bob02", "braid01", "long01", "ponytail01", "short03")),
    *(_hair(name, women=False) for name in ("short01", "short02", "short04")),
)

COVERS = {
    "shoes": ("foot", "leg"),
    "socks": ("foot", "leg"),
    "hat": ("head",),
    "hair": ("head",),
}
"""Parts of the body that a kind can cover; the others cover all but head and hands."""
REACH = {"skirt": 0.3, "hair": 0.04}
"""Metres off the skin within which a garment is worn on it; a skirt hangs far from the legs."""
OVER = {"top": 0.008, "layer": 0.008, "under": 0.004, "shoes": 0.002}
"""Metres by which a kind is pushed out, so that trousers of another suit stay below it."""


@dataclass(frozen=True, slots=True)
class Cloth:
    """What a word is made of: colours (all, if none), the share and choice of patterns, weave, details."""

    colors: tuple[str, ...] = ()
    patterned: float = 0.3
    patterns: tuple[str, ...] = PATTERNED[:4]
    weave: str = "smooth"
    details: tuple[str, ...] = ()


CLOTHS = {
    "t-shirt": Cloth((), 0.5, ("striped", "printed", "two-tone", "camouflage")),
    "shirt": Cloth((), 0.5, ("checked", "pinstriped", "striped", "dotted"), details=("buttons",)),
    "sweater": Cloth((), 0.3, ("striped", "two-tone"), "knit", ("ribbing",)),
    "jumper": Cloth((), 0.3, ("striped", "two-tone"), "knit", ("ribbing",)),
    "sweatshirt": Cloth((), 0.5, ("printed", "two-tone"), details=("ribbing",)),
    "jeans": Cloth(("blue", "blue", "navy", "black", "grey"), 0, (), "denim", ("fly", "pockets")),
    "pants": Cloth((*EARTHY, "green", "red"), 0.15, ("pinstriped", "checked"), details=("fly", "pockets")),
    "leggings": Cloth(("black", "black", "grey", "navy", "purple"), 0.2, ("floral", "striped")),
    "suit": Cloth(("black", "navy", "grey", "brown", "beige"), 0.2, ("pinstriped", "checked")),
    "jacket": Cloth((*EARTHY, "green", "blue"), 0.2, ("camouflage", "checked"), details=("zip",)),
    "overalls": Cloth(("blue", "navy", "black", "beige", "green"), 0, (), "denim"),
    "shoes": Cloth(("black", "brown", "white", "grey", "red", "navy"), 0, (), "leather", ("dark sole",)),
    "loafers": Cloth(("black", "brown", "beige", "red"), 0, (), "leather", ("dark sole",)),
    "sneakers": Cloth(("white", "black", "grey", "blue", "red"), 0.1, ("two-tone",), details=("sole",)),
    "socks": Cloth(("white", "black", "grey", "navy", "red"), 0.2, ("striped",), details=("ribbing",)),
    "hat": Cloth(("black", "brown", "beige", "grey", "navy"), 0),
}
"""Words that are not here are plain or patterned cloth of any colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Closet:
    """The assets of a folder by their path in it, and the pieces of them that were worn so far."""

    assets: dict[str, Asset]
    _pieces: dict[Part, Piece] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Closet:
        """All known assets in a folder; ValueError where it is missing, has none, or a file is torn."""
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder")
        files = {part.file: folder / f"{part.file}.mhclo" for part in PARTS}
        found = {name: file for name, file in files.items() if file.exists()}
        if not found:
            raise ValueError(f"{folder} has none of MakeHuman's assets, such as {PARTS[0].file}.mhclo")
        return cls({name: read_asset(file) for name, file in found.items()})

    def outfit(
        self, rng: np.random.Generator, woman: bool, hair: Floats, held_out: bool
    ) -> tuple[Garment, ...]:
        """Hair and garments from the skin outwards; kinds that the folder lacks are cut on the body."""
        tailor = Tailor(rng, woman)
        hat = self._some(tailor, "hat") if tailor.chance(0.2) else []
        worn = [*self._hair(tailor, hair, bool(hat)), *self._clothes(tailor, held_out), *hat]
        return (*worn, *heads.accessories(tailor, False, plain=bool(hat)))

    def piece(self, part: Part) -> Piece:
        """The piece of a part, made when it is first worn."""
        if part not in self._pieces:
            asset = self.assets[part.file]
            self._pieces[part] = _cut(asset, part)
        return self._pieces[part]

    def _parts(self, tailor: Tailor, kind: str) -> list[Part]:
        """Parts of a kind that this person may wear."""
        ours = (part for part in PARTS if part.kind == kind and part.file in self.assets)
        return [part for part in ours if (part.women if tailor.woman else part.men)]

    def _some(self, tailor: Tailor, kind: str) -> list[Garment]:
        """A garment of a kind, if there is one."""
        parts = self._parts(tailor, kind)
        return [self._sewn(tailor, parts[int(tailor.rng.integers(len(parts)))])] if parts else []

    def _all(self, tailor: Tailor, *kinds: str) -> list[Garment]:
        """A garment of each of the kinds, or nothing where one is missing."""
        worn = [garment for kind in kinds for garment in self._some(tailor, kind)]
        return worn if len(worn) == len(kinds) else []

    def _sewn(self, tailor: Tailor, part: Part) -> Garment:
        word = tailor.one(*part.words)
        cloth = CLOTHS.get(word, Cloth())
        color = tailor.color(*cloth.colors)
        fabric = tailor.cloth(
            color,
            patterned=cloth.patterned,
            patterns=cloth.patterns,
            weave=cloth.weave,
            details=cloth.details,
        )
        return self._garment(part, word, color, fabric)

    def _garment(self, part: Part, word: str, color: str, fabric: Fabric) -> Garment:
        piece = self.piece(part)
        shell = Fitted(piece, OVER.get(part.kind, 0.0))
        return Garment(word, color, fabric, piece.cover, 0.0, 0.0, (shell,))

    def _hair(self, tailor: Tailor, color: Floats, hat: bool) -> list[Garment]:
        """Hair of a mesh, over a scalp of its colour; a hat fits over flat hair alone."""
        flat = heads.hair(tailor, color, hat)
        parts = [] if hat else self._parts(tailor, "hair")
        if not parts:
            return [flat]
        part = parts[int(tailor.rng.integers(len(parts)))]
        mesh = self._garment(part, "hair", "", replace(flat.fabric, weave="strands"))
        scalp = replace(flat, thick=0.002, shells=())
        return [scalp, replace(mesh, cut=None)]

    def _clothes(self, tailor: Tailor, held_out: bool) -> Iterable[Garment]:
        if held_out and tailor.chance(0.3) and (pair := self._all(tailor, "beneath overalls", "overalls")):
            return [*self._feet(tailor), *pair]
        if tailor.chance(0.2) and (suit := self._all(tailor, "trousers", "suit shirt", "jacket")):
            trousers, shirt, jacket = suit
            jacket = replace(jacket, color=trousers.color, fabric=trousers.fabric)
            return [*self._feet(tailor), trousers, shirt, jacket]
        bottom = self._some(tailor, "bottom") or lowers.bottom(tailor)
        above = self._all(tailor, "under", "layer") if tailor.chance(0.2) else []
        above = above or self._some(tailor, "top") or uppers.base(tailor)
        short = bottom[-1].name in ("skirt", "shorts")
        legs = feet.legwear(tailor, bare=True) if short else []
        return [*legs, *self._feet(tailor, socks=0.0 if legs else 0.3 if short else 0.7), *bottom, *above]

    def _feet(self, tailor: Tailor, socks: float = 0.7) -> list[Garment]:
        """Shoes, and in a share of the draws the socks that belong to them."""
        parts = self._parts(tailor, "shoes")
        if not parts or tailor.chance(0.25):
            return feet.shoes(tailor)
        shoe = parts[int(tailor.rng.integers(len(parts)))]
        theirs = [p for p in self._parts(tailor, "socks") if p.file == shoe.file]
        below = theirs if tailor.chance(socks) else []
        return [self._sewn(tailor, part) for part in (*below, shoe)]


def _cut(asset: Asset, part: Part) -> Piece:
    numbers = asset.islands() if part.sewn else asset.components()
    kept = np.ones(len(numbers), bool) if part.pieces is None else np.isin(numbers, part.pieces)
    parts = COVERS.get(part.kind, ("torso", "upper", "leg", "foot"))
    return piece_of(asset, kept, parts, REACH.get(part.words[0], 0.08))
