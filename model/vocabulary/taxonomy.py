"""The whole taxonomy and how a phrase finds its place in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from model.parsing import Kind
from model.vocabulary.accessories import ACCESSORIES
from model.vocabulary.body import BODY_TERMS, PERSON
from model.vocabulary.garments import GARMENTS
from model.vocabulary.term import Term
from model.vocabulary.words import fold, listed, plural, singular
from model.vocabulary.world import WORLD

TERMS: tuple[Term, ...] = (*BODY_TERMS, *GARMENTS, *WORLD, *ACCESSORIES, PERSON)

# What the embedded preset learns to tell apart; asked when a caller names nothing.
DEFAULT: tuple[str, ...] = listed(
    "hair,face,arm,hand,torso,leg,foot,top,blouse,shirt,t-shirt,sweater,cardigan,hoodie,sweatshirt,vest,"
    "jacket,blazer,suit,coat,cape,dress,romper,pants,jeans,leggings,skirt,shorts,stockings,socks,shoes,"
    "boots,sandals,swimwear,bag,hat,scarf,belt,sunglasses,glasses,tie,watch,gloves,necklace,bracelet,"
    "ring"
)
# The body parts of the paper's inference prompts; plurals fold into their singulars.
BODY_PARTS: tuple[str, ...] = listed(
    "face, hand, hair, wavy, ponytail, bob, bald, curly, afro-hair, leg, back, chest, belly, stomach, feet"
)

_AFTER_HEAD = re.compile(
    r"\s(?:with|without|in|on|over|under|made|from|for|worn|that|which|featuring|at|around)\s(.*)$"
)
_JOINTS = re.compile(r"\s*(?:[,/&+;]|\band\b|\bor\b)\s*")


@dataclass(frozen=True, slots=True)
class Part:
    """One noun of a phrase: its term and the words that describe it ('red', 'silk' of a saree)."""

    term: Term
    modifiers: tuple[str, ...] = ()


def _number_forms(phrase: str) -> set[str]:
    """The folded phrase with its last word in singular and in plural."""
    start, space, head = phrase.rpartition(" ")
    return {f"{start}{space}{form}" for form in (head, singular(head), plural(head))}


def _index() -> dict[str, Term]:
    """Every name and synonym, in singular and plural; where two terms share one, the first keeps it."""
    index: dict[str, Term] = {}
    for term in TERMS:
        for phrase in (term.name, *term.synonyms):
            for form in _number_forms(fold(phrase)):
                index.setdefault(form, term)
    return index


_INDEX = _index()


def named(folded: str) -> Term | None:
    """The term of a phrase that is folded already; a plural finds what the singular finds."""
    term = _INDEX.get(folded)
    if term is None:
        start, space, head = folded.rpartition(" ")
        term = _INDEX.get(f"{start}{space}{singular(head)}")
    return term


def exact(phrase: str) -> Term | None:
    """The term of which the phrase is the name or a synonym, case, number and spacing aside."""
    return named(fold(phrase))


def _by_head(words: list[str]) -> Part | None:
    """The term named by the longest ending of the words: adjectives stand before their noun."""
    for start in range(len(words)):
        term = named(" ".join(words[start:]))
        if term is not None:
            return Part(term, tuple(words[:start]))
    return None


def _head_of(folded: str, part: Part) -> str:
    """The words of a phrase that name its term, without the adjectives before them."""
    return " ".join(folded.split()[len(part.modifiers) :])


@lru_cache(maxsize=4096)
def read(phrase: str) -> tuple[Part, ...]:
    """The nouns of a phrase that the taxonomy knows, each term once, with their adjectives.

    'black and white dress' -> dress (black, white); 'blouse and shirt' -> blouse, shirt.
    """
    folded = fold(phrase)
    whole = _by_head(folded.split())
    if whole is not None and (not whole.modifiers or _AFTER_HEAD.search(" " + _head_of(folded, whole))):
        return (whole,)  # a name, or one with a preposition inside: 'red slip on shoes'
    tail = _AFTER_HEAD.search(folded)
    after = tuple(tail.group(1).split()) if tail else ()
    parts: dict[str, Part] = {}
    pending: list[str] = []
    for side in _JOINTS.split(folded[: tail.start()] if tail else folded):
        words = fold(side).split()
        part = _by_head(words)
        if part is None:
            pending += words
            continue
        parts.setdefault(part.term.name, Part(part.term, (*pending, *part.modifiers, *after)))
        pending = []
    return tuple(parts.values())


def find_all(phrase: str) -> tuple[Term, ...]:
    """Every term that the phrase names: one for 'red silk saree', two for 'blouse and shirt'."""
    return tuple(part.term for part in read(phrase))


def find(phrase: str) -> Term | None:
    """The (first) term that the phrase names, by name, synonym, number, case or by its head noun."""
    return next(iter(find_all(phrase)), None)


def canonical(phrase: str) -> str:
    """The name of the phrase's term: 'trousers' -> 'pants'; the folded phrase where there is none."""
    term = find(phrase)
    return term.name if term else fold(phrase)


def kind_of(phrase: str) -> Kind:
    """The kind of the phrase's term; whatever the taxonomy does not know is taken for clothing."""
    term = find(phrase)
    return term.kind if term else "clothing"


def path_of(phrase: str) -> tuple[str, ...]:
    """The path of the phrase's term, of several their common beginning, () where there is none."""
    shared = zip(*(term.path for term in find_all(phrase)), strict=False)
    return tuple(steps[0] for steps in takewhile(lambda steps: len(set(steps)) == 1, shared))
