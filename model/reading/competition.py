"""Which terms claim a cell, and how much: the label competition before it is enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.reading.closer import Window, blended
from model.reading.enlarge import Floats
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Competition:
    """maps (K, h, w): the probabilities of the K terms that win some cell; terms (K,): their indices.

    The last term, P, is 'none'. The person term takes no part.
    """

    maps: Floats
    terms: NDArray[np.int64]


def compete(
    readout: Readout, thresholds: Thresholds, closer: Sequence[tuple[Window, Readout]] = ()
) -> Competition:
    """S = w dense + (1 - w) Q with Q[t] = min(1, sum over q of labels[q, t] sigmoid(masks[q])).

    Q of 'none' is what no garment or body part claims, 1 - min(1, sum over t of Q[t]). `dense` is taken
    without the person term, as if that had not been among the classes. A term that is in no cell the most
    likely is left out: it could only win slivers between the cells of two others, which would be dropped
    as specks, and with hundreds of terms nearly all of the work would be for these. With closer looks at
    parts of the picture, S is the mean of theirs and the first one's (`blended`), on finer cells.

    With `readout.factors` f, term t has f[t] S[t] / (1 - sum over u of (1 - f[u]) S[u]): logit adjustment as
    in Menon et al. (arXiv 2007.07314), for a network that was taught some terms beyond their share.
    """
    mixed = _claims(readout, thresholds)
    if closer:
        parts = [(window, _claims(seen, thresholds)) for window, seen in closer]
        mixed = blended(mixed, parts, readout.extent, thresholds.closer_weight)
    cells, person = mixed.flatten(1), readout.person
    left = None if readout.factors is None else _adjust(cells, readout.factors)
    cells[person] = -1
    _yield_to_finer(cells, readout, thresholds)
    winning = _winning(cells)
    kept = mixed[torch.from_numpy(winning).to(mixed.device)]
    if left is not None:
        kept /= left.view(kept.shape[1:])  # the same for all terms of a cell: no other one wins by it
    return Competition(kept.float().cpu().numpy(), winning)


def _claims(readout: Readout, thresholds: Thresholds) -> Tensor:
    """S (P + 1, h, w) of one look, before `factors`; of the person term 0."""
    weight, person = thresholds.dense_weight, readout.person
    claims = readout.labels[:, :-1].clone()
    claims[:, person] = 0
    queries = (claims.T @ readout.masks.sigmoid().flatten(1)).clamp_(max=1)
    nobody = 1 - queries.sum(0).clamp_(max=1)
    mixed = readout.dense * (weight / (1 - readout.dense[person]).clamp(min=1e-6))
    cells = mixed.flatten(1)
    cells[:-1].add_(queries, alpha=1 - weight)
    cells[-1].add_(nobody, alpha=1 - weight)
    cells[person] = 0
    return mixed


def _adjust(cells: Tensor, factors: Tensor) -> Tensor:
    """Multiply rows of `cells` (P + 1, n) by `factors` (P,); (n,) what is left of each cell's probability."""
    changed = torch.nonzero(factors != 1)[:, 0]
    before = cells[changed]
    after = before * factors[changed, None]
    cells[changed] = after
    return (1 - (before - after).sum(0)).clamp_(min=1e-3)


def _yield_to_finer(cells: Tensor, readout: Readout, thresholds: Thresholds) -> None:
    """Where a finer term is nearly as likely as a coarser one, give it the coarser one's probability too.

    cells (P + 1, n). Both are right on such a cell, so they share what is one probability. Coarser terms go
    first, so that 'jacket' may pass to 'denim jacket' what it has from 'outerwear'. What is next to nothing
    beside the cell's best term is not worth the passing.
    """
    coarser = [index for index, finer in enumerate(readout.finer) if finer]
    if not coarser:
        return
    coarser.sort(key=lambda index: len(readout.finer[index]), reverse=True)
    rows, columns = torch.nonzero(cells[coarser] > thresholds.finer_worth * cells.amax(0), as_tuple=True)
    claims = columns.split(torch.bincount(rows, minlength=len(coarser)).tolist())
    for index, where in zip(coarser, claims, strict=True):
        if not len(where):
            continue
        finer = torch.tensor(readout.finer[index], device=cells.device)
        mine = cells[index, where]
        most, which = cells[finer[:, None], where].max(0)
        given = torch.where((most >= thresholds.finer_claim * mine) & (most > 0), mine, 0)
        cells[finer[which], where] += given  # each cell once, so nothing is lost
        cells[index, where] = mine - given


def _winning(cells: Tensor) -> NDArray[np.int64]:
    """Indices of the rows of `cells` (P + 1, n) that are largest in some column, and the last, 'none'."""
    wins = (cells >= cells.amax(0)).any(1)
    wins[-1] = True
    return torch.nonzero(wins)[:, 0].cpu().numpy()
