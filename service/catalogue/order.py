"""What is asked of a whole catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from service.schemas import Options
from service.settings import Settings

# What an actor reads of the settings; secrets stay where the run was started.
_SENT = frozenset(
    {
        "device",
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


@dataclass(frozen=True, slots=True)
class Order:
    """What each actor is told: the settings that concern it, the query, and the model that must answer.

    `stop` is a path: while a file is there, blocks that have not begun are left undone.
    """

    settings: dict[str, Any]
    options: dict[str, Any]
    checkpoint: str
    revision: str
    threads: int
    stop: str

    @classmethod
    def of(cls, settings: Settings, options: Options, *, revision: str, threads: int, stop: Path) -> Order:
        """The order of a run with these settings."""
        return cls(
            settings.model_dump(include=set(_SENT)),
            options.model_dump(),
            str(settings.checkpoint_path.absolute()),
            revision,
            threads,
            str(stop.absolute()),
        )

    def own_settings(self) -> Settings:
        """The settings again, at the actor's end."""
        return Settings.model_validate(self.settings)


def asked(revision: str, options: Options) -> dict[str, Any]:
    """What must be the same for a run to go on where another ended."""
    names: tuple[Literal["prompts", "caption", "body_parts", "min_score", "mask_format"], ...] = (
        "prompts",
        "caption",
        "body_parts",
        "min_score",
        "mask_format",
    )
    return {"model": revision, "query": {name: getattr(options, name) for name in names}}
