"""What the network says of one picture: the input of the reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from model.parsing import Kind


class AskedTerm(Protocol):
    """One term that was put to the network; `model.vocabulary` makes them."""

    @property
    def phrase(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def asked(self) -> bool: ...
    @property
    def answers(self) -> str | None:
        """The caller's phrase under which the term's pixels come back; None: it only competes."""


@dataclass(frozen=True, slots=True)
class Readout:
    """The network's answer for one picture: float32 tensors, on any one device.

    Letters: Q queries, P terms, h and w the picture's height and width at stride 4.

    masks (Q, h, w): logits of the query masks.
    labels (Q, P + 1): probabilities of each query over the terms; last 'no object'.
    dense (P + 1, h, w): probabilities of each pixel over the same terms; last 'none of them'.
    person: index of the term 'person' in `terms`.
    finer: for each term the indices of asked terms that are finer than it (face than skin), which have
        a pixel that both claim; () where no term has any.
    extent: how many cells (down, across) the picture covers, where its last row or column of cells
        is only partly picture; None means all h and w.
    factors (P,): by how much each term's share of a cell is to be multiplied; None for not at all.
    """

    masks: Tensor
    labels: Tensor
    dense: Tensor
    terms: tuple[AskedTerm, ...]
    person: int
    extent: tuple[float, float] | None = None
    finer: tuple[tuple[int, ...], ...] = ()
    factors: Tensor | None = None

    def __post_init__(self) -> None:
        if self.masks.ndim != 3 or 0 in self.masks.shape:
            raise ValueError(f"masks must be (Q, h, w), not {tuple(self.masks.shape)}")
        queries, height, width = self.masks.shape
        terms = len(self.terms)
        if tuple(self.labels.shape) != (queries, terms + 1):
            raise ValueError(f"labels must be {(queries, terms + 1)}, not {tuple(self.labels.shape)}")
        if tuple(self.dense.shape) != (terms + 1, height, width):
            raise ValueError(f"dense must be {(terms + 1, height, width)}, not {tuple(self.dense.shape)}")
        if self.finer and len(self.finer) != terms:
            raise ValueError(f"finer must have an entry for each of {terms} terms, not {len(self.finer)}")
        if self.factors is not None and tuple(self.factors.shape) != (terms,):
            raise ValueError(f"factors must be {(terms,)}, not {tuple(self.factors.shape)}")
        if not 0 <= self.person < terms:
            raise ValueError(f"person must index one of {terms} terms, not {self.person}")
