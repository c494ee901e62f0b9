"""`spectrum parse --server`: pictures on disk -> JSON and an overlay picture each, parsed by a service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service import errors, images
from service.answers import overlay
from service.answers.masks import MaskFormat
from service.client import NEVER, ApiError, Client, ClientError, Outcome
from service.programs.parse_files import targets, write
from service.programs.roles import Refused
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask of whom, and where to put it; `concurrency` pictures at once."""

    server: str
    pictures: Sequence[Path]
    out: Path
    prompts: Sequence[str] | None = None
    caption: str | None = None
    body_parts: bool = False
    min_score: float = 0.0
    mask_format: MaskFormat = "rle"
    api_key: str | None = None
    concurrency: int = 8


def run(order: Order, settings: Settings) -> int:
    """Parse the pictures; returns how many failed, each told in one line on stderr.

    Raises Refused where no service answers.
    """
    from tqdm import tqdm

    failed = 0
    _knock(order)
    with Client(order.server, api_key=order.api_key) as client:
        order.out.mkdir(parents=True, exist_ok=True)
        paths = list(targets(order.pictures, order.out))
        outcomes = client.map(
            order.pictures,
            concurrency=order.concurrency,
            prompts=order.prompts,
            caption=order.caption,
            body_parts=order.body_parts,
            min_score=order.min_score,
            # The drawing needs masks even where the file shall have none.
            mask_format="rle" if order.mask_format == "none" else order.mask_format,
        )
        with tqdm(total=len(paths), unit="picture", disable=None) as bar:
            for outcome, (path, target) in zip(outcomes, paths, strict=True):
                try:
                    _keep(outcome, path, target, order, images.Limits.of(settings))
                except (OSError, ClientError, errors.SpectrumError) as error:
                    failed += 1
                    bar.write(f"spectrum: {path}: {_reason(error)}", file=sys.stderr)
                bar.update()
    return failed


def _knock(order: Order) -> None:
    """One try, so that a wrong address is told at once and not for each picture."""
    with Client(order.server, api_key=order.api_key, retry=NEVER) as client:
        try:
            client.info()
        except ClientError as error:
            raise Refused(f"no service answers at {order.server}: {_reason(error)}") from error


def _keep(outcome: Outcome, path: Path, target: Path, order: Order, limits: images.Limits) -> None:
    if outcome.parsing is None:
        raise outcome.error or ClientError("nothing came of it")
    answer = outcome.parsing.model_dump(mode="json") | {"metadata": {"file_name": path.name}}
    drawn = overlay.draw(images.decode(path.read_bytes(), limits), overlay.Answered.of(answer))
    if order.mask_format == "none":
        for part in (*answer["persons"], *answer["segments"]):
            part["mask"] = None
    write(target, answer, drawn)


def _reason(error: Exception) -> str:
    if isinstance(error, ApiError | errors.SpectrumError):
        return error.detail
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
