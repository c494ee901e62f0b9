"""The formats of other tools in which answers can be had, each under one name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.answers import coco_instances, coco_panoptic, cvat, label_studio
from service.answers.sources import Source


@dataclass(frozen=True, slots=True)
class Export:
    """`document` gives text or plain values that go out as JSON; `suffix` is that of a file of it."""

    media_type: str
    suffix: str
    document: Callable[[Sequence[Source]], Any]

    def text(self, sources: Sequence[Source]) -> str:
        """The export of these answers as one document; ValueError where masks are missing."""
        for source in sources:
            if not source.has_masks:
                raise ValueError(f"{source.name}: the answer has no masks to export")
        made = self.document(sources)
        return made if isinstance(made, str) else json.dumps(made, separators=(",", ":")) + "\n"


EXPORTS: Mapping[str, Export] = {
    "coco-panoptic": Export("application/vnd.spectrum.coco-panoptic+json", ".json", coco_panoptic.document),
    "coco-instances": Export(
        "application/vnd.spectrum.coco-instances+json", ".json", coco_instances.document
    ),
    "label-studio": Export("application/vnd.spectrum.label-studio+json", ".json", label_studio.document),
    "cvat": Export("application/vnd.spectrum.cvat+xml", ".xml", cvat.document),
}
