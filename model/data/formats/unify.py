"""What the labels of each dataset mean: in the paper's base classes, in words to ask with, in our classes.

Each dataset keeps its own labels, left and right apart; this is the one place where they are brought
together. Source of the base classes and of 'arms -> hand', 'pants -> bottoms': the paper's label unification.
Where the paper does not say, the row is ours: a label that no base class holds (socks, gloves) has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model.data.ccp import CLASSES
from model.data.held_out import HELD_OUT_GARMENTS
from model.vocabulary import find

COSMICMAN_BASE: tuple[str, ...] = (
    *("face", "left hand", "right hand", "hair", "bags", "special clothings", "tops", "eyewear"),
    *("left leg", "right leg", "hats", "belts", "left shoe", "right shoe", "one-piece outfits", "scarf"),
    "bottoms",
)
"""The seventeen base classes of CosmicMan-HQ, in the order in which the paper lists them."""

BASE: tuple[str, ...] = tuple(
    dict.fromkeys(name.removeprefix("left ").removeprefix("right ") for name in COSMICMAN_BASE)
)
"""The same with left and right merged: fourteen."""


@dataclass(frozen=True, slots=True)
class Row:
    """The meaning of one label.

    base: of `BASE`, None where no base class holds it. word: what to ask for it with, '' where nobody knows;
    `model.vocabulary.find` knows every other. class_: of `model.data.ccp.CLASSES`, None where none is the
    same or nearest. wide: the label also covers what is not that class (upper clothes are not only tops).
    """

    base: str | None
    word: str
    class_: str | None = None
    wide: bool = False


UNKNOWN = Row(None, "")
"""A label of which nothing is known: it says neither yes nor no to any class."""


def _same(base: str | None, *names: str) -> dict[str, Row]:
    """Labels that are classes of ours by their own name."""
    return {name: Row(base, name, name) for name in names}


def _sides(base: str | None, label: str, word: str, *, wide: bool = False) -> dict[str, Row]:
    """'Left-arm' and 'Right-arm' for the label 'arm'."""
    return {f"{side}-{label}": Row(base, word, word, wide) for side in ("Left", "Right")}


_CCP: dict[str, Row] = {
    **_same("hair", "hair"),
    **_same("face", "face"),
    **_same("hand", "arm", "hand"),
    **_same("leg", "leg"),
    **_same(None, "torso", "foot"),
    **_same("tops", "blazer", "blouse", "cape", "cardigan", "coat", "hoodie", "jacket", "jumper", "shirt"),
    **_same("tops", "suit", "sweater", "sweatshirt", "t-shirt", "top", "vest"),
    **_same("bottoms", "jeans", "leggings", "pants", "shorts", "skirt"),
    **_same("one-piece outfits", "bodysuit", "dress", "romper"),
    **_same("shoe", "boots", "clogs", "flats", "heels", "loafers", "pumps", "sandals", "shoes", "sneakers"),
    **_same("shoe", "wedges"),
    **_same("bags", "bag", "purse", "wallet"),
    **_same("hats", "hat"),
    **_same("belts", "belt"),
    **_same("scarf", "scarf"),
    **_same("eyewear", "glasses", "sunglasses"),
    **_same(None, "accessories", "bra", "bracelet", "earrings", "gloves", "intimate", "necklace", "panties"),
    **_same(None, "ring", "socks", "stockings", "swimwear", "tie", "tights", "watch"),
}

# What LIP, CIHP and ATR share. Their arms are bare arms with hands, their legs bare legs with feet.
_LIP_FAMILY: dict[str, Row] = {
    "Hat": Row("hats", "hat", "hat"),
    "Hair": Row("hair", "hair", "hair"),
    "Sunglasses": Row("eyewear", "eyewear", "sunglasses", wide=True),
    "Pants": Row("bottoms", "pants", "pants", wide=True),
    "Skirt": Row("bottoms", "skirt", "skirt"),
    "Dress": Row("one-piece outfits", "dress", "dress"),
    "Scarf": Row("scarf", "scarf", "scarf"),
    "Face": Row("face", "face", "face"),
    **_sides("hand", "arm", "arm", wide=True),
    **_sides("leg", "leg", "leg", wide=True),
    **_sides("shoe", "shoe", "shoes"),
}

_LIP: dict[str, Row] = {
    **_LIP_FAMILY,
    "Glove": Row(None, "gloves", "gloves"),
    "UpperClothes": Row("tops", "upper clothes", "top", wide=True),
    "Coat": Row("tops", "coat", "coat", wide=True),
    "Socks": Row(None, "socks", "socks"),
    "Jumpsuits": Row("one-piece outfits", "jumpsuit"),
}

_CIHP: dict[str, Row] = {
    **{label: row for label, row in _LIP.items() if label != "Jumpsuits"},
    "Torso-skin": Row(None, "torso", "torso"),
}

_ATR: dict[str, Row] = {
    **_LIP_FAMILY,
    "Upper-clothes": Row("tops", "upper clothes", "top", wide=True),
    "Belt": Row("belts", "belt", "belt"),
    "Bag": Row("bags", "bag", "bag"),
}

# These parts are the body under its clothes: a torso is a shirt too, so that none is a class of ours.
_PASCAL: dict[str, Row] = {
    "Head": Row(None, "head"),
    "Torso": Row(None, "torso"),
    "Upper Arms": Row("hand", "upper arm"),
    "Lower Arms": Row("hand", "lower arm"),
    "Upper Legs": Row("leg", "upper leg"),
    "Lower Legs": Row("leg", "lower leg"),
}

_COSMICMAN: dict[str, Row] = {
    "face": Row("face", "face", "face"),
    "hair": Row("hair", "hair", "hair"),
    **{f"{side} hand": Row("hand", "arm", "arm", wide=True) for side in ("left", "right")},
    **{f"{side} leg": Row("leg", "leg", "leg", wide=True) for side in ("left", "right")},
    **{f"{side} shoe": Row("shoe", "shoes", "shoes") for side in ("left", "right")},
    "bags": Row("bags", "bag", "bag"),
    "special clothings": Row("special clothings", "clothing"),
    "tops": Row("tops", "upper clothes", "top", wide=True),
    "eyewear": Row("eyewear", "eyewear", "sunglasses", wide=True),
    "hats": Row("hats", "hat", "hat"),
    "belts": Row("belts", "belt", "belt"),
    "one-piece outfits": Row("one-piece outfits", "one-piece outfit", "dress", wide=True),
    "scarf": Row("scarf", "scarf", "scarf"),
    "bottoms": Row("bottoms", "bottoms"),
}

TABLES: dict[str, dict[str, Row]] = {
    "ccp": _CCP,
    "lip": _LIP,
    "cihp": _CIHP,
    "atr": _ATR,
    "pascal-person-part": _PASCAL,
    "cosmicman-hq": _COSMICMAN,
}
"""Dataset -> label -> meaning; the background is no label. Datasets of free words go by `row_of_word`."""

_BASE_OF_PATH: dict[tuple[str, ...], str] = {
    ("upper body",): "tops",
    ("lower body",): "bottoms",
    ("whole body",): "one-piece outfits",
    ("footwear",): "shoe",
    ("body", "hair"): "hair",
    ("body", "skin", "face"): "face",
    ("body", "skin", "arm"): "hand",
    ("body", "skin", "hand"): "hand",
    ("body", "skin", "leg"): "leg",
    ("accessories", "bag"): "bags",
    ("accessories", "belt"): "belts",
    ("accessories", "eyewear"): "eyewear",
    ("accessories", "headwear"): "hats",
    ("accessories", "neckwear", "scarf"): "scarf",
}


def row_of_word(word: str) -> Row:
    """The meaning of a free word or phrase ('a red silk saree'), by its place in the vocabulary.

    Its class is that of the nearest term above it that is one ('polo shirt' -> shirt). A garment that
    training must never see, and all that is below it, has none. `UNKNOWN` for a word that the vocabulary
    lacks.
    """
    term = find(word)
    if term is None:
        return UNKNOWN
    path = term.path
    base = next((_BASE_OF_PATH[path[:n]] for n in range(len(path), 0, -1) if path[:n] in _BASE_OF_PATH), None)
    steps = (term.name, *reversed(path))
    held_out = not set(HELD_OUT_GARMENTS).isdisjoint(steps)
    class_ = None if held_out else next((step for step in steps if step in CLASSES), None)
    return Row(base, word, class_)


def rows_of(dataset: str, labels: Iterable[str]) -> tuple[Row, ...]:
    """The rows of labels, without the background, of a dataset of `TABLES`. ValueError for others."""
    table = TABLES[dataset]
    labels = tuple(labels)
    if missing := [label for label in labels if label not in table]:
        raise ValueError(f"{dataset} has no label {missing[0]!r}; there are {', '.join(table)}")
    return tuple(table[label] for label in labels)
