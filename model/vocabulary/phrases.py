"""Key phrases of a caption: the garments, accessories and body parts it names, with their adjectives.

A chunker over the taxonomy and a lexicon, not a part-of-speech tagger: a caption of a person names few
kinds of things, and a tagger's trained data would have to be fetched when the program runs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from model.vocabulary.lexicon import (
    ADJECTIVES,
    DETERMINERS,
    DRESSED_IN,
    NOT_WORN,
    OTHER_HEADS,
    STOPS,
    UNSURE,
    WEARING,
)
from model.vocabulary.taxonomy import find, named
from model.vocabulary.words import fold, singular

Span = tuple[int, int]  # tokens [first, end)

_TOKEN = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*|[^\w\s]")
_LONGEST = 4  # words of the longest name in the taxonomy
_OWNERS = frozenset({"a", "an", "her", "his", "their", "my", "your", "its", "both", "one", "two"})
_JOINTS = frozenset({",", "and", "&", "or", "plus", "with", "over", "under"})
_CLAUSE_ENDS = (STOPS - _JOINTS - {"of", "all"}) | {".", ";", "!", "?", ":", "(", ")"}


def key_phrases(caption: str, k: int = 9) -> list[str]:
    """At most `k` phrases of the caption, in lower case, garments and body parts first, in their order.

    'A woman wearing a red silk saree and a green zorblat' -> ['red silk saree', 'green zorblat']: what
    the taxonomy does not know counts only where the caption says that it is worn. Persons are no key
    phrases, since they are always asked. Raises ValueError for `k` below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", caption).casefold())
    worn = list(_worn(tokens))
    nouns = [noun for noun in _nouns(tokens) if _is_thing(tokens, noun, worn)]
    floors = [0, *(end for _, end in nouns)]
    known = [
        (_left_edge(tokens, first, floor), end) for (first, end), floor in zip(nouns, floors, strict=False)
    ]
    unknown = [span for item in worn if not _overlaps(item, nouns) for span in _strange(tokens, item)]
    phrases: dict[str, str] = {}
    for first, end in known + unknown:
        phrase = " ".join(token for token in tokens[first:end] if token != ",")
        phrases.setdefault(fold(phrase), phrase)
    return list(phrases.values())[:k]


def _nouns(tokens: list[str]) -> Iterator[Span]:
    """Names of the taxonomy, the longest first; 'shirt dress' is one, with the last word as its head."""
    held: Span | None = None
    start = 0
    while start < len(tokens):
        end = _match(tokens, start)
        if end is None or _describes(tokens, start, end):
            start += 1
            continue
        compound = held is not None and held[1] == start and singular(tokens[start - 1]) == tokens[start - 1]
        if held is not None and not compound:
            yield held
        held = (held[0] if held is not None and compound else start, end)
        start = end
    if held is not None:
        yield held


def _match(tokens: list[str], start: int) -> int | None:
    """The end of the longest name that begins at a token; a verb ('wears') begins none."""
    if tokens[start] in STOPS | WEARING:
        return None
    words = [fold(token) for token in tokens[start : start + _LONGEST]]
    for count in range(len(words), 0, -1):
        if all(words[:count]) and named(" ".join(words[:count])) is not None:
            return start + count
    return None


def _describes(tokens: list[str], start: int, end: int) -> bool:
    """Whether a name of one word is an adjective here: the 'knee' of 'knee length skirt'."""
    if end - start > 1 or tokens[start] not in ADJECTIVES:
        return False
    while end < len(tokens) and _is_adjective(tokens[end]):
        end += 1
    return end < len(tokens) and _match(tokens, end) is not None


def _is_adjective(token: str) -> bool:
    if token in STOPS | WEARING | DRESSED_IN:
        return False
    if token in ADJECTIVES or ("-" in token and named(fold(token)) is None):
        return True
    return len(token) > 4 and token.endswith(("ed", "ish", "less"))


def _is_person(words: str) -> bool:
    term = named(fold(words))
    return term is not None and term.kind == "person"


def _is_thing(tokens: list[str], span: Span, worn: list[Span]) -> bool:
    """Whether a name means something on a person: no 'hat rack', no 'on top of', no verb 'watch'."""
    first, end = span
    after = tokens[end] if end < len(tokens) else ""
    if after in OTHER_HEADS or _is_person(" ".join(tokens[first:end])):
        return False
    if end - first > 1 or tokens[first] not in UNSURE:
        return True
    before = tokens[first - 1] if first else ""
    listed_as_worn = _overlaps(span, worn) and before in WEARING | _JOINTS
    return after not in {"of", "to"} and (before in _OWNERS or _is_adjective(before) or listed_as_worn)


def _left_edge(tokens: list[str], first: int, floor: int) -> int:
    """Where the noun's phrase begins: its adjectives, and strange words up to a determiner."""
    edge = first
    while edge > floor:
        if _is_adjective(tokens[edge - 1]):
            edge -= 1
        elif edge < first and edge - 2 >= floor and _joins_adjectives(tokens, edge - 1):
            edge -= 2
        else:
            break
    for start in range(edge, max(edge - 3, floor), -1):
        if tokens[start - 1] in DETERMINERS:
            return start
        if not _is_plain_word(tokens[start - 1]):
            break
    return edge


def _joins_adjectives(tokens: list[str], at: int) -> bool:
    """Whether 'and' or a comma stands between two adjectives: 'black and white shirt'."""
    return tokens[at] in {"and", "&", ","} and _is_adjective(tokens[at - 1])


def _is_plain_word(token: str) -> bool:
    """Whether a word that the lexicon lacks may be part of a noun phrase."""
    return (
        token[:1].isalpha()
        and token not in STOPS | DETERMINERS | WEARING | DRESSED_IN
        and not _is_person(token)
        and not token.endswith(("ing", "ly"))
    )


def _worn(tokens: list[str]) -> Iterator[Span]:
    """The items listed after 'wearing', 'dressed in' and the like, without the words that join them."""
    for at, token in enumerate(tokens):
        clad = token in DRESSED_IN and tokens[at + 1 : at + 2] == ["in"]
        if not clad and token not in WEARING:
            continue
        start = end = at + 1 + clad
        while end < len(tokens) and tokens[end] not in _CLAUSE_ENDS:
            if tokens[end] in _JOINTS:
                yield start, end
                start = end + 1
            end += 1
        yield start, end


def _strange(tokens: list[str], item: Span) -> Iterator[Span]:
    """The noun phrase of a worn item that the taxonomy does not know: 'green zorblat'.

    Further down the list it needs a determiner or an adjective: 'wearing jeans and smiles' is no item.
    """
    start, limit = item
    joint = tokens[start - 1]
    announced = joint not in _JOINTS
    while start < limit and tokens[start] in DETERMINERS | {"pair", "pairs", "of", "all"}:
        start += 1
        announced = True
    end = start
    while end < limit and (_is_plain_word(tokens[end]) or _is_adjective(tokens[end])):
        end += 1
    words = tokens[start:end]
    if not words or len(words) > _LONGEST or words[-1] in NOT_WORN or _is_adjective(words[-1]):
        return
    described = joint != "with" and _is_adjective(words[0])
    if (announced or described) and find(" ".join(words)) is None:
        yield start, end


def _overlaps(span: Span, others: list[Span]) -> bool:
    return any(span[0] < end and first < span[1] for first, end in others)
