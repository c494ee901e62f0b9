"""Queries that are resolved and embedded once, and a thousand prompts."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model import questions
from model.network.spectrum import Spectrum
from model.network.towers import TextTower
from model.parser import Parser
from model.parsing import Query
from model.questions import Questions
from model.reading.thresholds import Thresholds
from model.vocabulary import TERMS, Asked, covers, resolve
from model.vocabulary.lexicon import PLAIN
from model.vocabulary.taxonomy import read
from tests.unit.tiny_network import TEXT_WIDTH, hashed_text, tiny_mini

CPU = torch.device("cpu")
ADJECTIVES = ("red", "striped", "denim", "long", "warm", "silk", "tight", "old")


def a_thousand() -> tuple[str, ...]:
    names = [term.name for term in TERMS if term.kind == "clothing"]
    return tuple(f"{adjective} {name}" for adjective, name in product(ADJECTIVES, names))[:1000]


class Counting(TextTower):
    """A text tower that remembers how many wordings went through it at once."""

    def __init__(self) -> None:
        tower = hashed_text()
        super().__init__(tower._encode, TEXT_WIDTH)
        self.calls: list[int] = []

    def __call__(self, phrases):
        self.calls.append(len(phrases))
        return super().__call__(phrases)


def test_a_query_that_was_asked_before_is_not_resolved_again():
    kept = Questions(hashed_text(), CPU, gloss=True)
    first = kept.of(Query(prompts=("red hat", "boots")))
    assert kept.of(Query(prompts=("red hat", "boots"), min_score=0.7)) is first
    assert kept.of(Query(prompts=("red hat", "boots"), body_parts=True)) is not first


def test_only_so_many_questions_are_kept(monkeypatch):
    monkeypatch.setattr(questions, "ROWS", 100)
    kept = Questions(hashed_text(), CPU, gloss=True)
    first = kept.of(Query(prompts=("red hat",)))
    for name in ("boots", "dress", "tie"):
        kept.of(Query(prompts=(name,)))
    assert kept._rows <= 100
    again = kept.of(Query(prompts=("red hat",)))
    assert again is not first
    assert torch.equal(again.text, first.text)


def test_text_is_embedded_in_bounded_batches():
    tower = Counting()
    question = Questions(tower, CPU, gloss=False).of(Query(prompts=a_thousand()))
    assert max(tower.calls) <= questions.AT_ONCE
    assert len(question.text) == len(question.asked.terms)


def test_a_thousand_prompts_are_answered():
    torch.manual_seed(0)
    parser = Parser(Spectrum(tiny_mini()), hashed_text(), device="cpu", thresholds=Thresholds(person=0.0))
    prompts = a_thousand()
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (answer,) = parser.parse([image], [Query(prompts=prompts)])
    assert len(prompts) == 1000
    assert {segment.label for segment in answer.segments} | set(answer.unmatched_prompts) == set(prompts)


def pair_by_pair(asked: Asked) -> tuple[tuple[int, ...], ...]:
    """`Asked.finer` as the rule says it, every phrase against every other."""

    def is_finer(fine: str, coarse: str) -> bool:
        below, above = read(fine), read(coarse)
        if not below or not above:
            return False
        if [part.term for part in below] == [part.term for part in above]:
            return any(part.modifiers for part in below) and not any(part.modifiers for part in above)
        return all(
            any(covers(wide.term, part.term) and PLAIN.issuperset(wide.modifiers) for wide in above)
            for part in below
        )

    return tuple(
        tuple(
            i
            for i, fine in enumerate(asked.terms[:-1])
            if i != j and fine.answers not in (None, coarse.phrase) and is_finer(fine.phrase, coarse.phrase)
        )
        for j, coarse in enumerate(asked.terms)
    )


PHRASES = st.builds(
    lambda adjective, term: f"{adjective} {term.name}".strip(),
    st.sampled_from(("", *ADJECTIVES)),
    st.sampled_from(TERMS),
)


@given(st.lists(PHRASES, min_size=1, max_size=25, unique=True))
@settings(max_examples=60, deadline=None)
def test_phrases_compared_in_classes_are_compared_pair_by_pair(phrases):
    asked = resolve(Query(prompts=tuple(phrases)))
    assert asked.finer() == pair_by_pair(asked)


def test_an_empty_query_is_refused_each_time():
    kept = Questions(hashed_text(), CPU, gloss=True)
    for _ in range(2):
        with pytest.raises(ValueError, match="empty prompt"):
            kept.of(Query(prompts=(" ",)))
