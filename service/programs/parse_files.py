"""`spectrum parse`: pictures on disk -> JSON and an overlay picture each, without a server."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from service import errors, images, schemas
from service.answers import overlay
from service.answers.masks import MaskFormat
from service.settings import Settings

if TYPE_CHECKING:
    from model.parser import Parser, Query


@dataclass(frozen=True, slots=True)
class Order:
    """What to parse and where to put it."""

    pictures: Sequence[Path]
    out: Path
    query: Query
    mask_format: MaskFormat = "rle"


def run(order: Order, parser: Parser, settings: Settings) -> int:
    """Parse one picture after the other; returns how many failed, each told in one line on stderr."""
    from tqdm import tqdm

    order.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    with tqdm(total=len(order.pictures), unit="picture", disable=None) as bar:
        for path, target in targets(order.pictures, order.out):
            bar.set_postfix_str(path.name, refresh=False)
            try:
                _parse(path, target, order, parser, images.Limits.of(settings))
            except (OSError, errors.SpectrumError) as error:
                failed += 1
                bar.write(f"spectrum: {path}: {_reason(error)}", file=sys.stderr)
            bar.update()
    return failed


def targets(pictures: Sequence[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Each picture with its target, without suffix; equal names of different folders stay apart."""
    taken: dict[str, int] = {}
    for path in pictures:
        taken[path.stem] = number = taken.get(path.stem, 0) + 1
        yield path, out / (path.stem if number == 1 else f"{path.stem}-{number}")


def write(target: Path, answer: dict[str, Any], drawn: Image.Image) -> None:
    """What there is for a picture: its answer and the drawing of it."""
    text = json.dumps(answer, indent=1) + "\n"
    target.with_name(target.name + ".json").write_text(text, encoding="utf-8")
    drawn.save(target.with_name(target.name + ".png"))


def _parse(path: Path, target: Path, order: Order, parser: Parser, limits: images.Limits) -> None:
    data = path.read_bytes()
    pixels = images.decode(data, limits)
    (parsing,) = parser.parse([pixels], [order.query])
    digest = hashlib.sha256(data).hexdigest()
    request: dict[str, Any] = {"mask_format": order.mask_format, "image": {"sha256": digest}}
    model = {"name": parser.name, "revision": parser.revision}
    answer = schemas.render(parsing, request, model, id=digest[:32])
    write(target, answer | {"metadata": {"file_name": path.name}}, overlay.draw(pixels, parsing))


def _reason(error: OSError | errors.SpectrumError) -> str:
    if isinstance(error, errors.SpectrumError):
        return error.detail
    return (error.strerror or str(error)).lower()
