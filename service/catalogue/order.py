"""What is asked of a whole catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.schemas import Options
from service.settings import Settings

_SAMPLES = 12  # pictures of a run that are drawn, about
# What an actor reads of the settings; secrets stay where the run was started.
_SENT = frozenset(
    {
        "device",
        "precision",
        "max_image_bytes",
        "max_pixels",
        "max_frames",
        "url_input",
        "url_schemes",
        "url_ports",
        "url_allow_networks",
        "url_max_redirects",
        "url_timeout_seconds",
        "url_concurrency",
        "catalogue_schemes",
        "batch_size",
        "batch_pixels",
        "decode_threads",
    }
)


_ASKED = ("prompts", "caption", "body_parts", "min_score", "mask_format", "tags")


@dataclass(frozen=True, slots=True)
class Order:
    """What each actor is told: the settings that concern it, the query, and the model that must answer.

    `stop` is a path: while a file is there, blocks that have not begun are left undone. One picture of
    `sampled` is drawn under its segments, so that there is something to look at.
    """

    settings: dict[str, Any]
    options: dict[str, Any]
    checkpoint: str
    revision: str
    threads: int
    stop: str
    sampled: int = 1

    @classmethod
    def of(
        cls,
        settings: Settings,
        options: Options,
        *,
        revision: str,
        threads: int,
        stop: Path,
        pictures: int = 1,
    ) -> Order:
        """The order of a run with these settings."""
        return cls(
            settings.model_dump(include=set(_SENT)),
            options.model_dump(),
            str(settings.checkpoint_path.absolute()),
            revision,
            threads,
            str(stop.absolute()),
            max(1, pictures // _SAMPLES),
        )

    def own_settings(self) -> Settings:
        """The settings again, at the actor's end."""
        return Settings.model_validate(self.settings)


def asked(revision: str, options: Options) -> dict[str, Any]:
    """What must be the same for a run to go on where another ended."""
    return {"model": revision, "query": {name: getattr(options, name) for name in _ASKED}}
