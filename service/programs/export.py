"""`spectrum export`: parsings on disk -> one document in the format of another tool."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.answers import sources
from service.answers.exports import EXPORTS
from service.answers.sources import Source
from service.programs.roles import Refused


def run(format: str, parsings: Sequence[Path], out: Path | None) -> Path:
    """Write the export of these files' parsings, to `out` or FORMAT.json or .xml; returns where.

    The pictures of ids of COCO panoptic lie in a folder named as the document, as its own tools have them.
    Raises Refused for a file that holds no parsing with masks.
    """
    export = EXPORTS[format]
    target = out if out is not None else Path(format + export.suffix)
    try:
        text = export.text([_source(path) for path in parsings])
    except ValueError as error:
        raise Refused(str(error)) from error
    if format == "coco-panoptic":
        text = _with_pictures(json.loads(text), target.with_suffix(""))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def _source(path: Path) -> Source:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
        if answer["object"] != "parsing":
            raise KeyError("object")
        named = (answer.get("metadata") or {}).get("file_name")
        source = Source(answer, str(named) if named else f"{path.stem}.jpg")
        _ = source.size, sources.categories([source], persons=True), source.has_masks
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{path} holds no parsing: {error}") from error
    return source


def _with_pictures(document: dict[str, Any], folder: Path) -> str:
    """The document without the pictures, which are written beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for annotation in document["annotations"]:
        picture = base64.b64decode(annotation.pop("png"))
        (folder / Path(annotation["file_name"]).name).write_bytes(picture)
    return json.dumps(document) + "\n"
