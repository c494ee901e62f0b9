"""Garments that the shipped network never learned by name, and the learned ones that are nearest to them.

A text encoder puts 'saree' near no garment that it looks like, and learned garments always outbid what was
never learned. A caller who asks for a saree and not for a dress has said which of the two to expect. So the
learned terms nearest in the taxonomy answer under the asked, unlearned one.
"""

from __future__ import annotations

from functools import lru_cache

from model.vocabulary.taxonomy import DEFAULT, exact
from model.vocabulary.term import Term
from model.vocabulary.words import listed

TAUGHT: tuple[str, ...] = listed(
    "bodysuit,bra,clogs,earrings,flats,heels,intimate,jumper,loafers,panties,pumps,sneakers,tights,wallet,"
    "wedges,purse,accessories"
)
"""Labels of the training data that the default vocabulary leaves out."""

_LEARNED = frozenset(term.name for name in (*DEFAULT, *TAUGHT) if (term := exact(name)) is not None)


def learned(term: Term) -> bool:
    """Whether training named the term."""
    return term.name in _LEARNED


def stands_for(default: Term, asked: Term) -> bool:
    """Whether a learned default term answers under an asked one that was never learned.

    It does when both share the longest beginning of a path that the asked term shares with any default term
    of its kind: for 'trench coat' the coats, for 'saree' what covers the whole body.
    """
    return default in kin(asked)


@lru_cache(maxsize=1024)
def kin(asked: Term) -> frozenset[Term]:
    """The default terms that stand for an asked one: none for what was learned, or is no garment."""
    if learned(asked) or asked.kind not in ("clothing", "accessory"):
        return frozenset()
    peers = [term for name in DEFAULT if (term := exact(name)) is not None and term.kind == asked.kind]
    nearest = max(_shared(asked, term) for term in peers)
    # Without a common first step, the region of the body, there is no kin.
    return frozenset(term for term in peers if _shared(asked, term) == nearest) if nearest else frozenset()


def _shared(asked: Term, other: Term) -> int:
    """How many steps the paths have in common from the start."""
    steps = 0
    for mine, theirs in zip(asked.path, other.path, strict=False):
        if mine != theirs:
            break
        steps += 1
    return steps
