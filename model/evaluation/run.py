"""An evaluation from end to end: photos through the parser, batch by batch, into tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from model.data.ccp import CcpItem
from model.evaluation.composites import composites
from model.evaluation.feeding import Parses, Picture, bar_of, feed
from model.evaluation.plan import TASKS, Plan, pictures_in
from model.evaluation.result import Result
from model.evaluation.tasks.body import PartTask
from model.evaluation.tasks.groups import CompositeTask
from model.evaluation.tasks.people import EmptyTask, PersonTask
from model.evaluation.tasks.semantic import SemanticTask, SynonymTask
from model.evaluation.tasks.task import Task
from model.evaluation.vocabularies import CCP19


def evaluate(parser: Parses, plan: Plan, *, quiet: bool = False) -> list[Result]:
    """Run the plan's tasks, in the order of TASKS, with progress bars unless quiet."""
    results = _evaluate_photos(parser, plan, quiet)
    if "composites" in plan.tasks:
        count = min(plan.composites, plan.limit or plan.composites)
        scenes = composites(plan.dataset, count, plan.seed)
        crossing = CompositeTask(CCP19)
        feed(
            parser, ((c.image, c) for c in scenes), [crossing], plan.batch, bar_of("composites", count, quiet)
        )
        results.append(crossing.result())
    if "empty" in plan.tasks and plan.empty is not None:
        paths = pictures_in(plan.empty)
        bare = EmptyTask()
        feed(
            parser,
            ((_read(p), p.name) for p in paths),
            [bare],
            plan.batch,
            bar_of("empty", len(paths), quiet),
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
    feed(parser, ((item.image, item) for item in items), fed, plan.batch, bar_of("photos", len(ids), quiet))
    return [task.result() for task in chosen]


def _read(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)
