"""The service from Python: `Client` blocks, `AsyncClient` awaits; both try again where that is safe.

with Client("http://127.0.0.1:8000") as client:
    parsing = client.parse("photo.jpg", prompts=["denim jacket", "scarf"])
    pixels = parsing.segments[0].mask_array()
"""

from service.remote.awaiting import AsyncClient
from service.remote.blocking import Client
from service.remote.failures import ApiError, ClientError, OutOfTime, Unreachable
from service.remote.outcomes import Outcome
from service.remote.results import Event, Job, Parsing, Person, Segment
from service.remote.retry import NEVER, Retry

__all__ = [
    "NEVER",
    "ApiError",
    "AsyncClient",
    "Client",
    "ClientError",
    "Event",
    "Job",
    "OutOfTime",
    "Outcome",
    "Parsing",
    "Person",
    "Retry",
    "Segment",
    "Unreachable",
]
