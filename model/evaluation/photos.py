"""The tasks that read the photos of a split: one pass over them as they are, one for each darkness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.data.ccp import CcpItem
from model.evaluation.feeding import Parses, bar_of, feed
from model.evaluation.plan import PHOTO_TASKS, Plan
from model.evaluation.result import Result
from model.evaluation.tasks.body import PartTask
from model.evaluation.tasks.curves import GAMMAS, PhraseTask, darkened, dropping_result, exposure_result
from model.evaluation.tasks.paper import BodyParts, PersonMasks, WornThings
from model.evaluation.tasks.people import PersonTask
from model.evaluation.tasks.semantic import SemanticTask, SynonymTask
from model.evaluation.tasks.task import Task
from model.evaluation.vocabularies import CCP19

PhotoTask = Task[CcpItem]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Tasks that must be fed with the photos, and what they come to together."""

    fed: tuple[PhotoTask, ...]
    result: Callable[[], Result]


def evaluate_photos(
    parser: Parses, plan: Plan, *, quiet: bool = False, beside: Sequence[PhotoTask] = ()
) -> dict[str, Result]:
    """Results by task; `beside` are fed too, and asked for nothing."""
    dark = {gamma: SemanticTask(plan.vocabulary) for gamma in GAMMAS if "exposure" in plan.tasks}
    chosen = {name: _measurement(name, plan, dark) for name in PHOTO_TASKS if name in plan.tasks}
    fed = [*(task for measurement in chosen.values() for task in measurement.fed), *beside]
    if not fed:
        return {}
    ids = plan.dataset.ids[: plan.limit]
    items = (plan.dataset.load(id_) for id_ in ids)
    feed(parser, ((item.image, item) for item in items), fed, plan.batch, bar_of("photos", len(ids), quiet))
    for gamma, task in dark.items():
        items = (plan.dataset.load(id_) for id_ in ids)
        pictures = ((darkened(item.image, gamma), item) for item in items)
        feed(parser, pictures, [task], plan.batch, bar_of(f"gamma {gamma:g}", len(ids), quiet))
    return {name: measurement.result() for name, measurement in chosen.items()}


def _measurement(name: str, plan: Plan, dark: dict[float, SemanticTask]) -> Measurement:
    words = plan.vocabulary
    match name:
        case "synonyms":  # compares with its own trained wording
            trained = SemanticTask(CCP19, "trained wording")
            synonyms = SynonymTask(trained)
            return Measurement((synonyms, trained), synonyms.result)
        case "exposure":
            bright = SemanticTask(words)
            return Measurement((bright,), lambda: exposure_result({1.0: bright, **dark}))
        case "dropping":
            whole, dropped = (PhraseTask(words, drop=drop, seed=plan.seed) for drop in (False, True))
            return Measurement((whole, dropped), lambda: dropping_result(whole, dropped))
        case _:
            task = _simple(name, plan)
            return Measurement((task,), task.result)


def _simple(name: str, plan: Plan) -> PhotoTask:
    tasks: dict[str, Callable[[], PhotoTask]] = {
        "semantic": lambda: SemanticTask(plan.vocabulary),
        "persons": lambda: PersonTask(plan.vocabulary),
        "parts": PartTask,
        "fpp": lambda: PersonMasks(plan.vocabulary),
        "bhp": BodyParts,
        "ccp": lambda: WornThings("ccp", "accessory", plan.vocabulary),
        "cop": lambda: WornThings("cop", "clothing", plan.vocabulary),
    }
    return tasks[name]()
