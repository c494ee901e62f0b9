"""The best and the worst answers of an evaluation, to look at: photo, truth and answer side by side."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.data.ccp import IGNORE, CcpItem
from model.evaluation.metrics.pixels import class_iou, confusion, mean
from model.evaluation.result import Result
from model.evaluation.tasks.task import OneQuestion, painted
from model.evaluation.vocabularies import CCP19, EvaluationVocabulary
from model.parsing import Parsing, Query

Plane = NDArray[np.uint8]
HEIGHT = 240
"""Of one picture on a sheet, pixels."""

LINE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One photo with its truth and its answer, classes (H, W), and the mean IoU of its own classes."""

    id: str
    score: float
    image: Plane
    truth: Plane
    found: Plane


class Gallery(OneQuestion):
    """Keeps the `count` best and the `count` worst examples of a semantic task; feed it beside others."""

    name = "gallery"

    def __init__(self, vocabulary: EvaluationVocabulary = CCP19, count: int = 6) -> None:
        self.vocabulary = vocabulary
        self.query = Query(prompts=vocabulary.prompts)
        self.count = count
        self.best: list[Example] = []
        self.worst: list[Example] = []

    def add(self, truth: CcpItem, parsing: Parsing) -> None:
        classes, found = self.vocabulary.truth(truth.labels), painted(parsing, self.vocabulary)
        score = mean(class_iou(confusion(classes, found, len(self.vocabulary.names))))
        example = Example(truth.id, score, truth.image, classes, found)
        self.best = sorted([*self.best, example], key=lambda e: (-e.score, e.id))[: self.count]
        self.worst = sorted([*self.worst, example], key=lambda e: (e.score, e.id))[: self.count]

    def result(self) -> Result:
        rows = tuple(
            (f"{side} {e.id}", (e.score,))
            for side, examples in (("best", self.best), ("worst", self.worst))
            for e in examples
        )
        return Result(self.name, {}, ("mean IoU of the photo's classes",), rows)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Draw best.jpg and worst.jpg into a folder that exists; their paths."""
        paths = (folder / "best.jpg", folder / "worst.jpg")
        for path, examples in zip(paths, (self.best, self.worst), strict=True):
            sheet(examples, self.vocabulary.names).save(path, quality=88)
        return paths


def palette(count: int) -> Plane:
    """(count, 3) colours that differ from their neighbours; the first is black."""
    hues = (np.arange(count) * 0.618034) % 1  # the golden ratio spreads any number of hues
    bright = [hsv_to_rgb(h, 0.55 + 0.35 * (i % 2), 0.95 - 0.25 * (i % 3 == 2)) for i, h in enumerate(hues)]
    colors = (255 * np.array(bright)).astype(np.uint8)
    colors[0] = 0
    return colors


def sheet(examples: list[Example], names: tuple[str, ...]) -> Image.Image:
    """A contact sheet: two examples a row (photo, truth, answer each), and what the colours mean below."""
    colors = palette(len(names))
    cells = [_cell(example, colors) for example in examples]
    wide, tall = max((cell.width for cell in cells), default=HEIGHT), HEIGHT + LINE
    height = -(-len(cells) // 2) * tall
    present = {int(c) for e in examples for plane in (e.truth, e.found) for c in np.unique(plane)}
    legend = _legend(sorted(present - {0, IGNORE}), names, colors, 2 * wide)
    page = Image.new("RGB", (2 * wide, height + legend.height), "white")
    for i, cell in enumerate(cells):
        page.paste(cell, (i % 2 * wide, i // 2 * tall))
    page.paste(legend, (0, height))
    return page


def _legend(classes: list[int], names: tuple[str, ...], colors: Plane, width: int) -> Image.Image:
    columns = max(1, width // 110)
    strip = Image.new("RGB", (width, (-(-len(classes) // columns) + 1) * LINE), "white")
    draw = ImageDraw.Draw(strip)
    for i, class_ in enumerate(classes):
        x, y = i % columns * 110 + 4, LINE // 2 + i // columns * LINE
        draw.rectangle((x, y + 2, x + 10, y + 12), fill=tuple(int(v) for v in colors[class_]))
        draw.text((x + 15, y), names[class_], fill="black", font=ImageFont.load_default(11))
    return strip


def _cell(example: Example, colors: Plane) -> Image.Image:
    width = max(1, round(example.image.shape[1] * HEIGHT / example.image.shape[0]))
    pictures = [
        example.image,
        colored(example.truth, example.image, colors),
        colored(example.found, example.image, colors),
    ]
    row = Image.new("RGB", (3 * width, HEIGHT + LINE), "white")
    for i, picture in enumerate(pictures):
        small = Image.fromarray(picture).resize((width, HEIGHT), Image.Resampling.LANCZOS)
        row.paste(small, (i * width, LINE))
    title = f"{example.id}: mean IoU {example.score:.2f}"
    ImageDraw.Draw(row).text((4, 1), title, fill="black", font=ImageFont.load_default(11))
    return row


def colored(classes: Plane, image: Plane, colors: Plane) -> Plane:
    """The photo in grey with its classes in colour; white where the truth is not known."""
    grey = np.asarray(Image.fromarray(image).convert("L"), np.float32)[..., None].repeat(3, axis=2)
    table = np.full((256, 3), 255, np.float32)
    table[: len(colors)] = colors
    share = np.where((classes > 0)[..., None], 0.65, 0.0)
    return (grey * (1 - share) + table[classes] * share).astype(np.uint8)
