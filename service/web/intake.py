"""An untrusted request -> a picture's bytes and checked options; refuses early, and says what is wrong."""

from __future__ import annotations

import asyncio
import base64
import binascii
import unicodedata
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from service import errors
from service.schemas import ImageSource, Options, ParseBody
from service.settings import Settings
from service.web.fetch import Fetcher

_Shape = TypeVar("_Shape", bound=BaseModel)
_T = TypeVar("_T")
MULTIPART, JSON = "multipart/form-data", "application/json"
MAX_FIELDS = 1_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture comes from: its own bytes, or the URL to fetch them from."""

    data: bytes | None = None
    url: str | None = None


async def read(request: Request, settings: Settings) -> tuple[bytes, Options]:
    """The picture (still encoded) and what is asked of it; a picture by URL is fetched.

    Errors: MalformedBody, UnsupportedMediaType, UploadTimeout, InvalidField, ConflictingFields,
    TooManyPrompts, InvalidPrompt, InvalidCaption, ImageMissing, ImageBase64Invalid, UrlInputUnavailable,
    and those of `Fetcher.fetch`.
    """
    source, options = await in_time(_read(request), request, settings)
    check(options, settings)
    return await picture(source, request, settings), options


async def picture(source: Source, request: Request, settings: Settings) -> bytes:
    """The bytes of a picture, fetched where it comes by URL."""
    if source.data is not None:
        return source.data
    if not settings.url_input:
        raise errors.UrlInputUnavailable("Send the picture itself, as a file or as image.base64.")
    fetcher: Fetcher = request.app.state.fetcher
    return await fetcher.fetch(source.url or "")


def media_type(request: Request) -> str:
    """`multipart/form-data` or `application/json`; all else is refused."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in (MULTIPART, JSON):
        raise errors.UnsupportedMediaType(f"Send {MULTIPART} or {JSON}, not {media or 'nothing'!r}.")
    return media


async def in_time(reading: Coroutine[Any, Any, _T], request: Request, settings: Settings) -> _T:
    """What is read from the body, unless it trickles in too slowly."""
    limit = settings.upload_timeout_seconds
    try:
        async with asyncio.timeout(limit):
            return await reading
    except TimeoutError as error:
        request.state.headers["Connection"] = "close"  # else the rest could go on trickling in
        raise errors.UploadTimeout(f"The body did not arrive within {limit:g} seconds.") from error


async def _read(request: Request) -> tuple[Source, Options]:
    return await _form(request) if media_type(request) == MULTIPART else _json(await request.body())


def check(options: Options, settings: Settings) -> None:
    """Hold prompts and caption against the operator's limits."""
    if options.prompts is not None and options.caption is not None:
        raise errors.ConflictingFields("Give prompts or a caption, not both.")
    prompts = options.prompts or []
    if len(prompts) > settings.max_prompts:
        raise errors.TooManyPrompts(f"{len(prompts)} prompts; the limit is {settings.max_prompts}.")
    for number, prompt in enumerate(prompts):
        if fault := _fault(prompt, settings.max_prompt_length):
            raise errors.InvalidPrompt(f"Prompt {number} {fault}.")
    if options.caption is not None and (fault := _fault(options.caption, settings.max_caption_length)):
        raise errors.InvalidCaption(f"The caption {fault}.")


def _fault(text: str, limit: int) -> str | None:
    if not text.strip():
        return "is empty"
    if len(text) > limit:
        return f"has {len(text)} characters; the limit is {limit}"
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\t\n\r" for sign in text):
        return "holds control characters"
    if not any(sign.isalnum() for sign in text):
        return "has no word"
    return None


async def _form(request: Request) -> tuple[Source, Options]:
    try:
        async with request.form(max_files=2, max_fields=MAX_FIELDS) as form:
            source = await _source(form)
            fields = form_fields(form)
    except FormParserError as error:
        raise errors.MalformedBody("The multipart form is damaged.") from error
    return source, validated(Options, fields)


async def _source(form: FormData) -> Source:
    """The one file `image`, or the one text `image_url`."""
    files, urls = form.getlist("image"), form.getlist("image_url")
    if not files and not urls:
        raise errors.ImageMissing("The form has no field 'image'.")
    if files and urls:
        raise errors.ConflictingFields("Give image or image_url, not both.")
    if len(files) + len(urls) > 1:
        raise errors.InvalidField(f"The form has more than one '{'image' if files else 'image_url'}'.")
    return await form_source("image" if files else "image_url", (files or urls)[0])


async def form_source(name: str, value: UploadFile | str) -> Source:
    """The picture in a form's field `image` (a file) or `image_url` (text)."""
    if name == "image":
        if not isinstance(value, UploadFile):
            raise errors.InvalidField("The form's 'image' must be a file, with a file name.")
        return Source(data=await value.read())
    if isinstance(value, UploadFile):
        raise errors.InvalidField("The form's 'image_url' must not be a file.")
    return Source(url=value)


def form_fields(form: FormData) -> dict[str, Any]:
    """The form's fields but for the picture; only `prompts` may repeat."""
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in ("image", "image_url"):
            continue
        if isinstance(value, UploadFile):
            raise errors.InvalidField(f"The form's {name!r} must not be a file.")
        if name == "prompts":
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise errors.InvalidField(f"The form has more than one {name!r}.")
        else:
            fields[name] = value
    return fields


def _json(body: bytes) -> tuple[Source, Options]:
    parsed = validated(ParseBody, body)
    options = Options.model_construct(
        parsed.model_fields_set - {"image"}, **{name: getattr(parsed, name) for name in Options.model_fields}
    )
    return json_source(parsed.image), options


def json_source(source: ImageSource | None) -> Source:
    """The picture of a JSON request, its base64 decoded."""
    if source is None or (source.base64 is None and source.url is None):
        raise errors.ImageMissing("Give the picture as image.base64 or image.url.")
    if source.base64 is not None and source.url is not None:
        raise errors.ConflictingFields("Give image.base64 or image.url, not both.")
    if source.base64 is None:
        return Source(url=source.url)
    text = source.base64
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return Source(data=base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise errors.ImageBase64Invalid from error


def validated(shape: type[_Shape], given: Any, *, strict: bool = False) -> _Shape:
    """`given` (JSON text as bytes, or plain values) in its shape; else MalformedBody or InvalidField."""
    try:
        if isinstance(given, bytes):
            return shape.model_validate_json(given, strict=True)
        return shape.model_validate(given, strict=strict)
    except ValidationError as error:
        raise _problem(error) from None


def _problem(error: ValidationError) -> errors.SpectrumError:
    """The first fault in words, all of them as `errors`; what was sent is never sent back."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid" or not faults[0]["loc"]:
        return errors.MalformedBody(f"The body is no JSON object of this kind: {faults[0]['msg']}.")
    told = [{"field": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in faults[:20]]
    return errors.InvalidField(f"{told[0]['field']}: {told[0]['message']}.", errors=told)
