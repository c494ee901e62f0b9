"""An evaluation from end to end: pictures through the parser, batch by batch, into tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from model.evaluation.composites import composites, whole_ids
from model.evaluation.distant import SHARES, distant
from model.evaluation.feeding import Parses, Picture, bar_of, feed
from model.evaluation.photos import PhotoTask, evaluate_photos
from model.evaluation.plan import GENERATED_TASKS, TASKS, Plan, pictures_in
from model.evaluation.result import Result
from model.evaluation.scenes import LabelledScene, MakesScenes, Shot, groups, places, standalone, unseen
from model.evaluation.studio import taken
from model.evaluation.tasks.distant import DistantTask
from model.evaluation.tasks.groups import CompositeTask, GroupTask
from model.evaluation.tasks.loose import StandaloneTask
from model.evaluation.tasks.people import EmptyTask
from model.evaluation.tasks.task import Task
from model.evaluation.tasks.words import UnseenTask


class OpenMaker(Protocol):
    """What opens what draws scenes. It is sent to other processes."""

    def __call__(self, *, held_out: bool, backgrounds: Sequence[Picture]) -> MakesScenes: ...


def check_generator() -> None:
    """ValueError that names the packages which drawing scenes needs and this installation lacks."""
    if missing := [name for name in ("anny", "trimesh", "embreex") if find_spec(name) is None]:
        raise ValueError(
            f"drawing scenes needs {', '.join(missing)}: install the extra 'train' and, by --no-deps, anny"
        )


def synthetic(*, held_out: bool, backgrounds: Sequence[Picture]) -> MakesScenes:
    """The generator of synthetic people. Imported late, since it brings its bodies and a ray caster."""
    from model.data.synthetic.maker import SyntheticMaker

    return SyntheticMaker(held_out=held_out, backgrounds=backgrounds)


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
    if "distant" in plan.tasks:
        results["distant"] = _evaluate_distant(parser, plan, quiet)
    if "empty" in plan.tasks and plan.empty is not None:
        results["empty"] = _evaluate_empty(parser, plan.empty, plan, quiet)
    results |= _evaluate_scenes(parser, plan, quiet, open_maker)
    return [results[name] for name in TASKS if name in results]


def _evaluate_composites(parser: Parses, plan: Plan, quiet: bool) -> Result:
    count, task = plan.at_most(plan.composites), CompositeTask()
    pictures = ((c.image, c) for c in composites(plan.dataset, count, plan.seed))
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, count, quiet))
    return task.result()


def _evaluate_distant(parser: Parses, plan: Plan, quiet: bool) -> Result:
    """Before the same places as generated scenes."""
    task, ids = DistantTask(), whole_ids(plan.dataset)[: plan.limit]
    shown = distant(plan.dataset, ids, places(plan.dataset), plan.seed)
    pictures = ((small.image, small) for small in shown)
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, len(ids) * len(SHARES), quiet))
    return task.result()


def _evaluate_empty(parser: Parses, folder: Path, plan: Plan, quiet: bool) -> Result:
    paths, task = pictures_in(folder), EmptyTask()
    pictures = ((_read(path), path.name) for path in paths)
    feed(parser, pictures, [task], plan.batch, bar_of(task.name, len(paths), quiet))
    return task.result()


def _evaluate_scenes(parser: Parses, plan: Plan, quiet: bool, open_maker: OpenMaker) -> dict[str, Result]:
    """The tasks on generated scenes, before places of the split's photos where nobody is."""
    chosen = [name for name in GENERATED_TASKS if name in plan.tasks]
    backgrounds = places(plan.dataset) if chosen else []
    results = {}
    for name in chosen:
        task, shots = _generated(name, plan)
        maker = partial(open_maker, held_out=name == "unseen", backgrounds=backgrounds)
        pictures = ((scene.image, scene) for scene in taken(shots, maker, plan.workers))
        feed(parser, pictures, [task], plan.batch, bar_of(name, len(shots), quiet))
        results[name] = task.result()
    return results


def _generated(name: str, plan: Plan) -> tuple[Task[LabelledScene], list[Shot]]:
    match name:
        case "groups":
            return GroupTask(), groups(plan.at_most(plan.groups))
        case "unseen":
            return UnseenTask(), unseen(plan.at_most(plan.unseen))
        case _:
            return StandaloneTask(), standalone(plan.at_most(plan.standalone))


def _read(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)
