"""The photos of a dataset other than CCP through the parser: its own words, and its people."""

from __future__ import annotations

from collections.abc import Sequence

from model.data.formats.item import LabelledPhoto, Photos
from model.evaluation.feeding import Parses, bar_of, feed
from model.evaluation.result import Result
from model.evaluation.tasks.labelled import TogetherTask, WordsTask
from model.evaluation.tasks.task import Task


def evaluate_labelled(
    parser: Parses, photos: Photos, *, limit: int | None = None, batch: int = 1, quiet: bool = False
) -> list[Result]:
    """Words, and people where the dataset tells them apart. ValueError for a photo that cannot be read."""
    words, together = WordsTask(), TogetherTask()
    tasks: Sequence[Task[LabelledPhoto]] = (words, together)
    ids = photos.ids[:limit]
    pictures = ((photo.image, photo) for photo in map(photos.load, ids))
    feed(parser, pictures, tasks, batch, bar_of(photos.name, len(ids), quiet))
    return [words.result(), *([together.result()] if together.persons else [])]
