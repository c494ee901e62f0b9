"""In which form an answer goes out: by `Accept` or `?format=`, with which fields, and the sending."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service import errors, images
from service.answers import fields, overlay, sources
from service.answers.exports import EXPORTS
from service.answers.sources import Source
from service.schemas import Options

JSON, PNG = "json", "png"
MEDIA_TYPES: Mapping[str, str] = {
    JSON: "application/json",
    PNG: "image/png",
    **{name: export.media_type for name, export in EXPORTS.items()},
}
_PARTS = ("persons", "segments")
_DRAWN_HEIGHTS = (480, 1_600)  # pixels: labels stay readable, and a drawing small

_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")

# Drawing and exporting take a decoded picture's memory, so few go on at once.
_threads = ThreadPoolExecutor(2, "answer")


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer goes out: a name of MEDIA_TYPES, and the fields that it has."""

    name: str = JSON
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None

    @property
    def plain(self) -> bool:
        """Whether the answer goes out as it is."""
        return self.name == JSON and self.include is None and not self.exclude

    def carried(self, options: Options) -> Options:
        """The options that the job has to carry: whatever is drawn or exported needs masks."""
        if self.name == JSON:
            return options
        return options.model_copy(update={"mask_format": "rle"})

    @property
    def query(self) -> str:
        """What makes a job's address answer in this form: '' or '?format=...'."""
        wishes = {"format": self.name if self.name != JSON else ""}
        wishes |= {"include": ",".join(self.include or ()), "exclude": ",".join(self.exclude or ())}
        told = {
            name: wish for name, wish in wishes.items() if wish or (name == "include" and self.include == [])
        }
        return f"?{urlencode(told, safe=',')}" if told else ""

    def shorten(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's fields that were asked for."""
        return fields.chosen(result, self.include, self.exclude)

    def etag(self, etag: str) -> str:
        """The entity tag of the answer in this form, from that of the answer itself; both are quoted."""
        if self.plain:
            return etag
        mark = hashlib.sha256(repr((self.name, self.include, self.exclude)).encode()).hexdigest()[:8]
        return f'{etag[:-1]}-{mark}"'


def wanted(request: Request, options: Options) -> Form:
    """The form that a request asks for: `?format=` before `Accept`, JSON where neither wishes.

    Other forms than JSON have fields of their own: of `include` and `exclude`, they heed whether persons
    or segments are left out as a whole. Raises NotAcceptable for formats that there are not.
    """
    name = _name(request)
    if name == JSON:
        return Form(name, options.include, options.exclude)
    heads = None if options.include is None else {path.partition(".")[0] for path in options.include}
    left_out = [
        part
        for part in _PARTS
        if part in (options.exclude or ()) or (heads is not None and part not in heads)
    ]
    return Form(name, exclude=left_out or None)


def wanted_of_job(request: Request) -> Form:
    """The form that a request for a kept answer asks for: as `wanted`, with the fields in the query."""
    named = {
        name: request.query_params[name] for name in ("include", "exclude") if name in request.query_params
    }
    try:
        options = Options.model_validate(named)
    except ValidationError as error:
        faulty = error.errors()[0]["loc"][0]
        raise errors.InvalidField(f"{faulty}: it names no field of an answer.") from None
    return wanted(request, options)


def plain(text: bytes, headers: Mapping[str, str]) -> Response:
    """An answer that goes out as it is, from its JSON."""
    return Response(text, media_type=MEDIA_TYPES[JSON], headers={"Vary": "Accept", **headers})


async def respond(
    form: Form,
    result: Mapping[str, Any],
    *,
    picture: bytes | None = None,
    limits: images.Limits | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer in its form. `picture` (still encoded, within `limits`) is drawn on, where it is at hand.

    Raises MasksMissing where the answer has none and the form needs them.
    """
    told = {"Vary": "Accept", **(headers or {})}
    chosen = form.shorten(result)
    if form.name == JSON:
        return JSONResponse(chosen, headers=told)
    source = Source(chosen, sources.file_name(result))
    if not source.has_masks:
        raise errors.MasksMissing(f"The answer was asked for without masks; {form.name!r} needs them.")
    loop = asyncio.get_running_loop()
    if form.name == PNG:
        body: bytes | str = await loop.run_in_executor(_threads, _drawn, chosen, picture, limits)
    else:
        body = await loop.run_in_executor(_threads, EXPORTS[form.name].text, [source])
    return Response(body, media_type=MEDIA_TYPES[form.name], headers=told)


def _drawn(answer: Mapping[str, Any], picture: bytes | None, limits: images.Limits | None) -> bytes:
    parsing = overlay.Answered.of(answer)
    below = overlay.ground(parsing.size)
    if picture is not None:
        below = images.decode(picture, limits or images.Limits())
    least, most = _DRAWN_HEIGHTS
    drawn = overlay.draw(below, parsing, height=min(most, max(least, parsing.size[0])))
    packed = BytesIO()
    drawn.save(packed, format="PNG")
    return packed.getvalue()


def _name(request: Request) -> str:
    asked = request.query_params.get("format")
    if asked is not None:
        if asked not in MEDIA_TYPES:
            raise errors.NotAcceptable(f"format is one of {', '.join(MEDIA_TYPES)}.")
        return asked
    accept = ",".join(request.headers.getlist("accept"))
    if not accept.strip():
        return JSON
    ranges = _ranges(accept)
    worth = {name: _quality(media, ranges) for name, media in MEDIA_TYPES.items()}
    best = max(worth, key=lambda name: worth[name])  # the first of equals: JSON
    if worth[best] <= 0:
        raise errors.NotAcceptable(f"Answers come as {', '.join(MEDIA_TYPES.values())}.")
    return best


def _ranges(accept: str) -> dict[str, float]:
    """Media ranges with their weights, 0 to 1 (RFC 9110, 12.5.1); a weight that is none counts as 1."""
    ranges: dict[str, float] = {}
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece[2:] for piece in parameters if piece.startswith("q=")]
        ranges[media] = _weight(weights[0]) if weights else 1.0
    return ranges


def _weight(text: str) -> float:
    return float(text) if _WEIGHT.fullmatch(text) else 1.0


def _quality(media: str, ranges: Mapping[str, float]) -> float:
    """The weight of the closest range that covers a media type; 0 for none."""
    for covering in (media, media.partition("/")[0] + "/*", "*/*"):
        if covering in ranges:
            return ranges[covering]
    return 0.0
