"""An evaluation from end to end: photos through the parser, batch by batch, into tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from model.data.ccp import CcpDataset, CcpItem
from model.evaluation.composites import composites, whole_ids
from model.evaluation.tasks import (
    CompositeTask,
    EmptyTask,
    PartTask,
    PersonTask,
    Result,
    SemanticTask,
    SynonymTask,
    Task,
)
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query

TASKS: tuple[str, ...] = ("semantic", "persons", "synonyms", "parts", "composites", "empty")

Picture = NDArray[np.uint8]
T = TypeVar("T")


class Parses(Protocol):
    """What an evaluation needs of a parser; `model.parser.Parser` is one."""

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...
    def parse(self, images: Sequence[Picture], queries: Sequence[Query]) -> list[Parsing]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate: pictures, tasks, and how many pictures go to the parser at once.

    limit: the first so many photos of the split, None for all; empty: folder of pictures without people.
    """

    dataset: CcpDataset
    vocabulary: EvaluationVocabulary = CCP19
    tasks: tuple[str, ...] = TASKS
    limit: int | None = None
    composites: int = 50
    empty: Path | None = None
    batch: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := [task for task in self.tasks if task not in TASKS]:
            raise ValueError(f"no task {unknown[0]!r}; there are {', '.join(TASKS)}")
        for name, value in (("batch", self.batch), ("limit", self.limit), ("composites", self.composites)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if "empty" in self.tasks and (self.empty is None or not pictures_in(self.empty)):
            raise ValueError(f"the task 'empty' needs a folder of pictures without people, not {self.empty}")
        if "composites" in self.tasks and len(whole_ids(self.dataset)) < 2:
            raise ValueError(f"the task 'composites' needs two fully labelled photos in {self.dataset.root}")


def evaluate(parser: Parses, plan: Plan, *, quiet: bool = False) -> list[Result]:
    """Run the plan's tasks, in the order of TASKS, with progress bars unless quiet."""
    results = _evaluate_photos(parser, plan, quiet)
    if "composites" in plan.tasks:
        count = min(plan.composites, plan.limit or plan.composites)
        scenes = composites(plan.dataset, count, plan.seed)
        crossing = CompositeTask(CCP19)
        feed(parser, ((c.image, c) for c in scenes), [crossing], plan.batch, _bar("composites", count, quiet))
        results.append(crossing.result())
    if "empty" in plan.tasks and plan.empty is not None:
        paths = pictures_in(plan.empty)
        bare = EmptyTask()
        feed(
            parser, ((_read(p), p.name) for p in paths), [bare], plan.batch, _bar("empty", len(paths), quiet)
        )
        results.append(bare.result())
    return results


def _evaluate_photos(parser: Parses, plan: Plan, quiet: bool) -> list[Result]:
    """The tasks that read the split's photos; 'synonyms' compares with its own trained wording."""
    semantic, trained = SemanticTask(plan.vocabulary), SemanticTask(CCP19, "trained wording")
    tasks: dict[str, Task[CcpItem]] = {
        "semantic": semantic,
        "persons": PersonTask(plan.vocabulary),
        "synonyms": SynonymTask(trained),
        "parts": PartTask(),
    }
    chosen = [tasks[name] for name in TASKS if name in tasks and name in plan.tasks]
    if not chosen:
        return []
    fed = [*chosen, trained] if "synonyms" in plan.tasks else chosen
    ids = plan.dataset.ids[: plan.limit]
    items = (plan.dataset.load(id_) for id_ in ids)
    feed(parser, ((item.image, item) for item in items), fed, plan.batch, _bar("photos", len(ids), quiet))
    return [task.result() for task in chosen]


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
    questions: dict[Query, list[Task[T]]] = {}
    for task in tasks:
        questions.setdefault(task.query, []).append(task)
    with bar:
        for chunk in _chunks(pictures, batch):
            images = [image for image, _ in chunk]
            for query, group in questions.items():
                parsings = parser.parse(images, [query] * len(images))
                for (image, truth), parsing in zip(chunk, parsings, strict=True):
                    if parsing.size != image.shape[:2]:
                        raise ValueError(f"a picture of {image.shape[:2]} was parsed as {parsing.size}")
                    for task in group:
                        task.add(truth, parsing)
            bar.update(len(chunk))


def pictures_in(folder: Path) -> list[Path]:
    """JPEG and PNG files of a folder by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})


def _read(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _bar(name: str, total: int, quiet: bool) -> tqdm[object]:
    return tqdm(total=total, desc=name, unit="picture", disable=quiet)
