"""One entry of the taxonomy, and the order between coarser and finer entries."""

from __future__ import annotations

from dataclasses import dataclass

from model.parsing import Kind


@dataclass(frozen=True, slots=True)
class Term:
    """A thing that can be asked for.

    `path` runs from the widest group to this term; a term whose path begins with another's is finer.
    `gloss` says what the thing looks like and where on a body it sits: the prompt carries it, since a
    small sentence encoder places rare words ('saree') by their description, not by their name.
    `gathers` names steps of other paths whose terms this one covers too, where one tree is not enough:
    a head is face and hair, outerwear is jackets and coats.
    """

    name: str
    kind: Kind
    path: tuple[str, ...]
    gloss: str
    synonyms: tuple[str, ...] = ()
    gathers: tuple[str, ...] = ()


def entry(
    kind: Kind, path: str, gloss: str, *synonyms: str, name: str = "", gathers: tuple[str, ...] = ()
) -> Term:
    """A term from its path, 'upper body/top/blouse'; its name is the last step unless given."""
    steps = tuple(path.split("/"))
    return Term(name or steps[-1], kind, steps, gloss, synonyms, gathers)


def covers(coarse: Term, fine: Term) -> bool:
    """Whether everything called `fine` may also be called `coarse`; a term covers itself."""
    below = fine.path[: len(coarse.path)] == coarse.path
    return below or any(step in fine.path for step in coarse.gathers)
