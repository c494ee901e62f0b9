"""What both clients share: where the service is, how they present themselves, one outcome among many."""

from __future__ import annotations

from dataclasses import dataclass

from service.remote.calls import Image
from service.remote.failures import ClientError
from service.remote.results import Parsing

LOCAL = "http://127.0.0.1:8000"
TIMEOUT = 60.0  # seconds without a sign of the service


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture among many: a parsing or an error, never both."""

    index: int
    image: Image
    parsing: Parsing | None = None
    error: Exception | None = None

    @classmethod
    def of(cls, index: int, image: Image, made: Parsing | BaseException) -> Outcome:
        """As a value; what is no failure of this one picture is raised."""
        if isinstance(made, Parsing):
            return cls(index, image, made)
        if isinstance(made, ClientError | OSError | ValueError):
            return cls(index, image, error=made)
        raise made


def headers(api_key: str | None) -> dict[str, str]:
    """What goes with every request."""
    told = {"User-Agent": "spectrum-client", "Accept": "application/json, */*;q=0.5"}
    return told if api_key is None else told | {"Authorization": f"Bearer {api_key}"}


def check(concurrency: int) -> None:
    """ValueError for less than one at once."""
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
