"""What to evaluate: tasks, pictures and counts, checked before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model.data.ccp import CcpDataset
from model.evaluation.composites import whole_ids
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary

PHOTO_TASKS: tuple[str, ...] = (
    *("semantic", "persons", "synonyms", "parts"),
    *("fpp", "bhp", "ccp", "cop", "exposure", "dropping"),
)
"""What is measured on the photos of a split."""

DEFAULT_TASKS: tuple[str, ...] = ("semantic", "persons", "synonyms", "parts", "composites", "empty")
"""What is measured when nothing else is said."""

GENERATED_TASKS: tuple[str, ...] = ("groups", "unseen", "standalone")
"""What is measured on generated scenes."""

TASKS: tuple[str, ...] = (*PHOTO_TASKS, "composites", "distant", "empty", *GENERATED_TASKS)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate: pictures, tasks, and how many pictures go to the parser at once.

    limit: the first so many photos of the split (and at most so many other pictures a task), None for all;
    empty: folder of pictures without people; workers: processes that draw scenes, 0 for this one.
    """

    dataset: CcpDataset
    vocabulary: EvaluationVocabulary = CCP19
    tasks: tuple[str, ...] = DEFAULT_TASKS
    limit: int | None = None
    composites: int = 100
    groups: int = 200
    unseen: int = 100
    standalone: int = 50
    empty: Path | None = None
    workers: int = 0
    batch: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := [task for task in self.tasks if task not in TASKS]:
            raise ValueError(f"no task {unknown[0]!r}; there are {', '.join(TASKS)}")
        for name in ("batch", "limit", "composites", "groups", "unseen", "standalone"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.workers < 0:
            raise ValueError(f"workers must be 0 or more, not {self.workers}")
        if "empty" in self.tasks and (self.empty is None or not pictures_in(self.empty)):
            raise ValueError(f"the task 'empty' needs a folder of pictures without people, not {self.empty}")
        if "distant" in self.tasks and not whole_ids(self.dataset):
            raise ValueError(f"the task 'distant' needs a fully labelled photo in {self.dataset.root}")
        if "composites" in self.tasks and len(whole_ids(self.dataset)) < 2:
            raise ValueError(f"the task 'composites' needs two fully labelled photos in {self.dataset.root}")

    def at_most(self, count: int) -> int:
        """`count`, or the limit where that is less."""
        return min(count, self.limit or count)


def pictures_in(folder: Path) -> list[Path]:
    """JPEG and PNG files of a folder by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
