"""A garment: a cut, a cloth, how far it stands off, and what hangs free of the body."""

from __future__ import annotations

from dataclasses import dataclass

from model.data.synthetic.cuts import Cut
from model.data.synthetic.fabrics import Fabric
from model.data.synthetic.fitted import Piece
from model.data.synthetic.scene import SYNTHETIC_CLASSES, Worn


@dataclass(frozen=True, slots=True)
class Skirt:
    """Cloth hung around hips and legs from `top` down to `hem` (heights of the reference body).

    ease: metres off the hips; flare: metres of radius gained per metre; pleats: number of folds around,
    depth: how deep they are, as a share of the radius. open: half the angle (radians) left open in front;
    slant: the hem rises by so many metres towards the left. hug: follows the legs instead of falling
    straight. arc: half the angle (radians) that it covers in front; 0 goes all around. side: one leg alone
    (1 left, -1 right), as of wide trousers.
    """

    top: float
    hem: float
    ease: float = 0.015
    flare: float = 0.0
    pleats: int = 0
    depth: float = 0.0
    open: float = 0.0
    slant: float = 0.0
    hug: bool = False
    arc: float = 0.0
    side: int = 0


@dataclass(frozen=True, slots=True)
class Cone:
    """Cloth hung from the neck over shoulders and arms down to `hem`: ponchos, capes (open in front)."""

    hem: float
    open: float = 0.0
    point: float = 0.0


@dataclass(frozen=True, slots=True)
class WideSleeves:
    """Cloth that hangs from both forearms, `drop` metres deep."""

    drop: float
    start: float = 0.3


@dataclass(frozen=True, slots=True)
class Brim:
    """A disc around the head at height `z`, `width` metres wide; `front` alone is a cap's visor."""

    z: float
    width: float
    front: bool = False


@dataclass(frozen=True, slots=True)
class Crown:
    """The upper part of a stiff hat: a drum from `z` up, `height` metres tall."""

    z: float
    height: float


@dataclass(frozen=True, slots=True)
class Bag:
    """A bag (sizes in metres) at a side (1 left, -1 right), carried in `hand` or on a strap."""

    width: float
    height: float
    depth: float
    side: int
    hand: bool
    across: bool = False


@dataclass(frozen=True, slots=True)
class Wrap:
    """A scarf: a roll around the neck, and ends that hang down in front to `hem`."""

    thick: float
    hem: float
    side: int = 1


@dataclass(frozen=True, slots=True)
class Mane:
    """Hair that falls behind and beside the face down to `hem`; `tail` is tied at the back."""

    hem: float
    volume: float
    tail: bool = False
    bun: bool = False


@dataclass(frozen=True, slots=True)
class Shoe:
    """A shoe around the toes up to `top`, `thick` off the foot; `toe` is the toe box alone; heel: metres."""

    top: float
    thick: float
    toe: bool = False
    heel: float = 0.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """A garment mesh of MakeHuman, `out` metres outside of where it is made to lie."""

    piece: Piece
    out: float = 0.0


Made = Shoe | Skirt | Cone | WideSleeves | Brim | Crown | Bag | Wrap | Mane
Shell = Fitted | Made


@dataclass(frozen=True, slots=True, eq=False)
class Garment:
    """One thing worn, or the hair.

    color, pattern: words for the caption. cut: what it covers of the body (None: nothing). thick: metres that
    it stands off the body; rough: how uneven that is, 0..1. shells: its parts that hang free.
    """

    name: str
    color: str
    fabric: Fabric
    cut: Cut | None
    thick: float = 0.004
    rough: float = 0.3
    shells: tuple[Shell, ...] = ()

    @property
    def id(self) -> int:
        """Its class."""
        return SYNTHETIC_CLASSES.index(self.name)

    @property
    def piece(self) -> Piece | None:
        """The mesh that it is made of, if it is one of MakeHuman's."""
        return next((shell.piece for shell in self.shells if isinstance(shell, Fitted)), None)

    @property
    def worn(self) -> Worn:
        """It in words."""
        return Worn(self.name, self.color, self.word)

    @property
    def word(self) -> str:
        """The word for its pattern, or for its weave where the pattern is plain."""
        if self.fabric.pattern != "plain":
            return self.fabric.pattern
        return {"knit": "knitted", "leather": "leather"}.get(self.fabric.weave, "plain")
