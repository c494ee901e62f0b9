"""Pictures through a parser, batch by batch, and the answers to the tasks that asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.evaluation.tasks.task import Task
from model.parsing import Parsing, Query

Picture = NDArray[np.uint8]
T = TypeVar("T")


class Parses(Protocol):
    """What an evaluation needs of a parser; `model.parser.Parser` is one."""

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...
    def parse(self, images: Sequence[Picture], queries: Sequence[Query]) -> list[Parsing]: ...


def feed(
    parser: Parses,
    pictures: Iterable[tuple[Picture, T]],
    tasks: Sequence[Task[T]],
    batch: int,
    bar: tqdm[object],
) -> None:
    """Give (picture, truth) pairs to the parser, `batch` at once, and the answers to the tasks.

    Each question is asked once per picture, however many tasks ask it. ValueError when the parser answers
    at another size than the picture's.
    """
    with bar:
        for chunk in _chunks(pictures, batch):
            questions: dict[tuple[Query, ...], list[Task[T]]] = {}
            for task in tasks:
                questions.setdefault(tuple(task.ask(truth) for _, truth in chunk), []).append(task)
            for queries, group in questions.items():
                answers = _parse(parser, [image for image, _ in chunk], queries)
                for (_, truth), parsing in zip(chunk, answers, strict=True):
                    for task in group:
                        task.add(truth, parsing)
            bar.update(len(chunk))


def _parse(parser: Parses, images: Sequence[Picture], queries: Sequence[Query]) -> list[Parsing]:
    parsings = parser.parse(images, queries)
    for image, parsing in zip(images, parsings, strict=True):
        if parsing.size != image.shape[:2]:
            raise ValueError(f"a picture of {image.shape[:2]} was parsed as {parsing.size}")
    return parsings


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def bar_of(name: str, total: int, quiet: bool) -> tqdm[object]:
    return tqdm(total=total, desc=name, unit="picture", disable=quiet)
