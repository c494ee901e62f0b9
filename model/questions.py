"""Queries on their way to the network: resolved into terms and embedded, once for all pictures that ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from model.network.towers import TextTower
from model.parsing import Query
from model.vocabulary import Asked, resolve

WORDINGS = 10_000  # wordings whose text embedding is kept
ROWS = 20_000  # terms of kept queries, all together
AT_ONCE = 64  # wordings that go through the text encoder together


@dataclass(frozen=True, slots=True)
class Question:
    """A query as the network takes it.

    text (P, D): the text embeddings of the P terms. finer: see `Asked.finer`. own: the caller's own phrases,
    which could be 'unmatched'; the default vocabulary is nobody's own. factors (P,): the terms' calibration,
    None where no term has one.
    """

    asked: Asked
    text: Tensor
    finer: tuple[tuple[int, ...], ...]
    own: tuple[str, ...]
    factors: Tensor | None = None


class Questions:
    """Makes questions of queries and keeps what was asked last, so that a repeated query costs a look-up.

    One thread at a time is let in, since a tokenizer takes only one.
    """

    def __init__(
        self,
        text: TextTower,
        device: torch.device,
        *,
        gloss: bool,
        calibration: Mapping[str, float] | None = None,
    ) -> None:
        """calibration: `SpectrumConfig.calibration`."""
        self._text, self._device, self._gloss = text, device, gloss
        self._calibration = calibration or {}
        self._embedded: OrderedDict[str, Tensor] = OrderedDict()
        self._asked: OrderedDict[Query, Question] = OrderedDict()
        self._rows = 0
        self._door = threading.Lock()

    def of(self, query: Query) -> Question:
        """The question of a query. ValueError for a query without a word."""
        with self._door:
            return self._of(query)

    def _of(self, query: Query) -> Question:
        subject = Query(query.prompts, query.caption, query.body_parts)  # whatever its `min_score`
        question = self._asked.get(subject)
        if question is None:
            question = self._asked[subject] = self._ask(subject)
            self._rows += len(question.text)
            while self._rows > ROWS and len(self._asked) > 1:
                _, forgotten = self._asked.popitem(last=False)
                self._rows -= len(forgotten.text)
        self._asked.move_to_end(subject)
        return question

    def _ask(self, query: Query) -> Question:
        asked = resolve(query, gloss=self._gloss)
        named = query.prompts is not None or query.caption is not None
        text = self._embed([term.wording for term in asked.terms]).to(self._device)
        return Question(asked, text, asked.finer(), asked.phrases if named else (), self._factors(asked))

    def _factors(self, asked: Asked) -> Tensor | None:
        """(P,) the factor of each term: that of the finest node of its path that has one."""
        if not self._calibration:
            return None
        found = [
            next((self._calibration[node] for node in reversed(term.path) if node in self._calibration), 1.0)
            for term in asked.terms
        ]
        return torch.tensor(found, device=self._device)

    def _embed(self, wordings: Sequence[str]) -> Tensor:
        """(P, D), from what is kept where it is known."""
        unknown = (word for word in dict.fromkeys(wordings) if word not in self._embedded)
        for words in _chunks(unknown, AT_ONCE):
            self._embedded.update(zip(words, self._text(words), strict=True))
        rows = torch.stack([self._embedded[word] for word in wordings])
        for word in wordings:
            self._embedded.move_to_end(word)
        while len(self._embedded) > WORDINGS:
            self._embedded.popitem(last=False)
        return rows


def _chunks(words: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(islice(words, size)):
        yield chunk
