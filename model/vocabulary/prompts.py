"""From what a caller asks to the sentences that the text encoder reads, and to what competes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model.parsing import Kind, Query
from model.vocabulary.kin import stands_for
from model.vocabulary.lexicon import PLAIN
from model.vocabulary.phrases import key_phrases
from model.vocabulary.taxonomy import DEFAULT, Part, exact, find_all, kind_of, path_of, read
from model.vocabulary.term import Term, covers
from model.vocabulary.words import tidy, with_article

PERSON = "person"


@dataclass(frozen=True, slots=True)
class AskedTerm:
    """One line of the label competition.

    phrase: the caller's words, or the name of a default term. wording: what the text encoder reads.
    asked: False for a term that only competes. answers: the phrase under which pixels of this term
    come back, None where they do not.
    """

    phrase: str
    wording: str
    kind: Kind
    path: tuple[str, ...]
    asked: bool
    answers: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A query resolved: the terms asked in the caller's order, those that compete, last the person.

    persons: the caller's phrases that name a whole person ('man'); the term 'person' stands for them.
    """

    terms: tuple[AskedTerm, ...]
    persons: tuple[str, ...] = ()

    @property
    def person(self) -> int:
        """Index of the term 'person': always there, always last, no part of the label competition."""
        return len(self.terms) - 1

    @property
    def phrases(self) -> tuple[str, ...]:
        """Every phrase that was asked, those of whole persons last."""
        return (*(term.phrase for term in self.terms[:-1] if term.asked), *self.persons)

    def finer(self) -> tuple[tuple[int, ...], ...]:
        """For each term the indices of those that take a pixel from it where both claim it.

        Face is finer than skin, 'denim jacket' than 'jacket'; a competing term that answers under the
        phrase of a term takes nothing from it. Phrases are compared by what decides, which a thousand of
        them share with each other.
        """
        readings = [_Reading.of(term.phrase) for term in self.terms]
        members: dict[_Reading, list[int]] = {}
        for index, term in enumerate(self.terms[:-1]):
            if term.answers is not None:
                members.setdefault(readings[index], []).append(index)
        below = {coarse: [fine for fine in members if fine.is_finer(coarse)] for coarse in set(readings)}
        return tuple(
            tuple(
                sorted(
                    index
                    for fine in below[reading]
                    for index in members[fine]
                    if index != place and self.terms[index].answers != self.terms[place].phrase
                )
            )
            for place, reading in enumerate(readings)
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    """What of a phrase decides whether it names more or less than another.

    parts: each noun's term, and whether its adjectives leave its type open; plain: no adjective at all.
    """

    parts: tuple[tuple[Term, bool], ...]
    plain: bool

    @classmethod
    def of(cls, phrase: str) -> _Reading:
        parts = read(phrase)
        return cls(
            tuple((part.term, PLAIN.issuperset(part.modifiers)) for part in parts),
            not any(part.modifiers for part in parts),
        )

    def is_finer(self, coarse: _Reading) -> bool:
        """Whether it names less than `coarse`: a term below it, or the same with adjectives."""
        if not self.parts or not coarse.parts:
            return False
        mine, theirs = ([term for term, _ in reading.parts] for reading in (self, coarse))
        if mine == theirs:
            return coarse.plain and not self.plain
        return all(any(loose and covers(wide, term) for wide, loose in coarse.parts) for term in mine)


def wording(phrase: str, *, gloss: bool) -> str:
    """The prompt sentence of a phrase: 'a photo of a red saree'.

    With `gloss` the description of the phrase's term follows ('a photo of trousers, a garment from the
    waist ...'), so that every synonym lands near the wording the network was trained with.
    Raises ValueError for a phrase without a word.
    """
    plain = tidy(phrase)
    if not plain:
        raise ValueError(f"an empty prompt cannot be asked: {phrase!r}")
    sentence = f"a photo of {with_article(plain)}"
    glosses = [term.gloss for term in find_all(phrase)] if gloss else []
    return ", ".join([sentence, " or ".join(glosses)]) if glosses else sentence


def resolve(query: Query, *, gloss: bool = True) -> Asked:
    """The terms that a query puts to the network.

    Prompts are the whole vocabulary of the answer, plus the body parts if asked; a caption stands for
    its key phrases, and without any for the default vocabulary. Raises ValueError for an empty prompt
    or caption, and where neither prompts nor body parts are asked.
    """
    phrases = _distinct(_asked_phrases(query))
    persons = tuple(phrase for phrase in phrases if kind_of(phrase) == "person")
    phrases = [phrase for phrase in phrases if phrase not in persons]
    competing = _competing(phrases)
    person = AskedTerm(PERSON, wording(PERSON, gloss=gloss), "person", path_of(PERSON), bool(persons), None)
    terms = [_asked_term(phrase, phrase, asked=True, gloss=gloss) for phrase in phrases]
    terms += [_asked_term(name, answers, asked=False, gloss=gloss) for name, answers in competing]
    return Asked((*terms, person), persons)


def _asked_term(phrase: str, answers: str | None, *, asked: bool, gloss: bool) -> AskedTerm:
    return AskedTerm(phrase, wording(phrase, gloss=gloss), kind_of(phrase), path_of(phrase), asked, answers)


def _asked_phrases(query: Query) -> list[str]:
    """What the query names, in order, duplicates and all."""
    phrases = list(query.prompts) if query.prompts is not None else []
    if query.caption is not None:
        if not query.caption.strip():
            raise ValueError(f"an empty caption cannot be asked: {query.caption!r}")
        phrases = key_phrases(query.caption)
    if query.prompts is None and not phrases:
        return list(DEFAULT)
    if query.body_parts:
        named = {exact(phrase) for phrase in phrases}
        phrases += [name for name in DEFAULT if kind_of(name) == "body" and exact(name) not in named]
    if not phrases:
        raise ValueError("prompts () ask for nothing: leave them out for the default vocabulary")
    return phrases


def _distinct(phrases: Iterable[str]) -> list[str]:
    """The phrases without repetitions in other case or spacing; the first spelling stays."""
    first: dict[str, str] = {}
    for phrase in phrases:
        first.setdefault(" ".join(phrase.casefold().split()), phrase)
    return list(first.values())


def _competing(phrases: list[str]) -> list[tuple[str, str | None]]:
    """The default terms that stay in the competition, each with the phrase it answers to, or None."""
    asked = {phrase: parts for phrase in phrases if (parts := read(phrase))}
    kept = []
    for name in DEFAULT:
        term = exact(name)
        assert term is not None  # every default name is in the taxonomy: a test holds it
        stays, answers = _stand(term, asked)
        if stays:
            kept.append((name, answers))
    return kept


def _stand(term: Term, asked: dict[str, tuple[Part, ...]]) -> tuple[bool, str | None]:
    """Whether a default term competes beside the asked phrases, and the phrase it answers to."""
    naming = [phrase for phrase, parts in asked.items() if term in (part.term for part in parts)]
    if any(len(asked[phrase]) == 1 for phrase in naming):
        return False, None  # an asked phrase says the same, or the same with adjectives
    if naming:
        return True, naming[0]  # one side of 'blouse and shirt'
    unlearned = [phrase for phrase, parts in asked.items() if any(stands_for(term, p.term) for p in parts)]
    if unlearned:  # of two, the default term cannot say which: let these two decide
        return len(unlearned) == 1, unlearned[0]
    if any(_hides(term, part.term) for parts in asked.values() for part in parts):
        return False, None
    wider = _nearest(
        [(phrase, part.term) for phrase, parts in asked.items() for part in parts if _takes_in(part, term)]
    )
    if len(wider) > 1:
        return False, None  # 'red shoes', 'black shoes': boots belong to either, let these two decide
    return True, next(iter(wider), None)


def _hides(default: Term, asked: Term) -> bool:
    """Whether a default term would always outbid an asked one that it covers.

    The network learned the default terms apart (pants from jeans), so these compete. Of a finer term
    that it did not learn (sneakers) it knows the coarse one better: that one steps aside.
    """
    return asked.name not in DEFAULT and covers(default, asked)


def _takes_in(part: Part, term: Term) -> bool:
    """Whether an asked noun names the finer default term too.

    'red shoes' may be boots, as colour, pattern and size leave the type open; a 'denim jacket' is no
    blazer.
    """
    return covers(part.term, term) and PLAIN.issuperset(part.modifiers)


def _nearest(wider: list[tuple[str, Term]]) -> list[str]:
    """The phrases whose terms cover no other of the terms: 'top', where 'clothing' is asked too."""
    return _distinct(
        phrase
        for phrase, term in wider
        if not any(other is not term and covers(term, other) for _, other in wider)
    )
