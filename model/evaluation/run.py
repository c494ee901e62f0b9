"""An evaluation from end to end: pictures through the parser, batch by batch, into tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from model.evaluation.composites import composites
from model.evaluation.feeding import Parses, Picture, bar_of, feed
from model.evaluation.photos import PhotoTask, evaluate_photos
from model.evaluation.plan import GENERATED_TASKS, TASKS, Plan, pictures_in
from model.evaluation.result import Result
from model.evaluation.scenes import LabelledScene, MakesScenes, groups, standalone, unseen
from model.evaluation.tasks.groups import CompositeTask, GroupTask
from model.evaluation.tasks.loose import StandaloneTask
from model.evaluation.tasks.people import EmptyTask
from model.evaluation.tasks.words import UnseenTask

OpenMaker = Callable[[Plan, bool], MakesScenes]
"""From a plan, and whether held-out garments are worn, to what draws scenes."""


def synthetic(plan: Plan, held_out: bool) -> MakesScenes:
    """The generator of synthetic people. Imported late, since it brings its bodies and a ray caster."""
    from model.data.synthetic.maker import SyntheticMaker

    return SyntheticMaker(meshes=plan.meshes, held_out=held_out)


def evaluate(
    parser: Parses,
    plan: Plan,
    *,
    quiet: bool = False,
    open_maker: OpenMaker = synthetic,
    beside: Sequence[PhotoTask] = (),
) -> list[Result]:
    """Run the plan's tasks, in the order of TASKS, with progress bars unless quiet.

    open_maker: what draws scenes; beside: further tasks for the photos, whose results are the caller's.
    """
    results = evaluate_photos(parser, plan, quiet=quiet, beside=beside)
    if "composites" in plan.tasks:
        results["composites"] = _evaluate_composites(parser, plan, quiet)
    if "empty" in plan.tasks and plan.empty is not None:
        results["empty"] = _evaluate_empty(parser, plan.empty, plan, quiet)
    for name in GENERATED_TASKS:
        if name in plan.tasks:
            results[name] = _GENERATED[name](parser, plan, quiet, open_maker)
    return [results[name] for name in TASKS if name in results]


def _evaluate_composites(parser: Parses, plan: Plan, quiet: bool) -> Result:
    count, task = plan.at_most(plan.composites), CompositeTask()
    pictures = ((c.image, c) for c in composites(plan.dataset, count, plan.seed))
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, count, quiet))
    return task.result()


def _evaluate_empty(parser: Parses, folder: Path, plan: Plan, quiet: bool) -> Result:
    paths, task = pictures_in(folder), EmptyTask()
    pictures = ((_read(path), path.name) for path in paths)
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, len(paths), quiet))
    return task.result()


def _evaluate_groups(parser: Parses, plan: Plan, quiet: bool, open_maker: OpenMaker) -> Result:
    draw, task = groups(plan.at_most(plan.groups)), GroupTask()
    pictures = _shown(draw.scenes(open_maker(plan, False)))
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, draw.count, quiet))
    return task.result()


def _evaluate_unseen(parser: Parses, plan: Plan, quiet: bool, open_maker: OpenMaker) -> Result:
    draw, task = unseen(plan.at_most(plan.unseen)), UnseenTask()
    pictures = _shown(draw.scenes(open_maker(plan, True)))
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, draw.count, quiet))
    return task.result()


def _evaluate_standalone(parser: Parses, plan: Plan, quiet: bool, open_maker: OpenMaker) -> Result:
    count, task = plan.at_most(plan.standalone), StandaloneTask()
    pictures = ((scene.image, scene) for scene in standalone(open_maker(plan, False), count))
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, count, quiet))
    return task.result()


_GENERATED = {
    "groups": _evaluate_groups,
    "unseen": _evaluate_unseen,
    "standalone": _evaluate_standalone,
}


def _shown(scenes: Iterator[LabelledScene]) -> Iterator[tuple[Picture, LabelledScene]]:
    return ((scene.image, scene) for scene in scenes)


def _read(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)
