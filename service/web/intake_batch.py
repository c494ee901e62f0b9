"""An untrusted request -> pictures, each with its options or with what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from service import errors
from service.schemas import BatchBody, BatchItem, ImageSource, Options
from service.settings import Settings
from service.web import intake
from service.web.intake import Source

_RIVALS = {"prompts": "caption", "caption": "prompts"}


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a batch and what is asked of it."""

    source: Source
    options: Options


async def read(request: Request, settings: Settings) -> Sequence[Item | errors.SpectrumError]:
    """The pictures in their order, each as an item or as its own failure.

    Errors of the whole: MalformedBody, UnsupportedMediaType, UploadTimeout, those of `intake.check` and
    InvalidField for what is asked of all, TooManyImages, ImageMissing.
    """
    form = intake.media_type(request) == intake.MULTIPART
    reading = _form(request, settings) if form else _json(request, settings)
    found = await intake.in_time(reading, request, settings)
    if not found:
        raise errors.ImageMissing("The batch has no picture.")
    if len(found) > settings.max_batch:
        limit = settings.max_batch
        raise errors.TooManyImages(f"{len(found)} pictures; the limit is {limit}.", limit=limit)
    return [_checked(item, settings) for item in found]


def _checked(item: Item | errors.SpectrumError, settings: Settings) -> Item | errors.SpectrumError:
    if isinstance(item, Item):
        try:
            intake.check(item.options, settings)
        except errors.SpectrumError as error:
            return error
    return item


async def _form(request: Request, settings: Settings) -> list[Item | errors.SpectrumError]:
    """Files `image` and texts `image_url` as they stand in the form; all other fields are for all of them."""
    try:
        async with request.form(max_files=intake.MAX_FIELDS, max_fields=intake.MAX_FIELDS) as form:
            options = intake.validated(Options, intake.form_fields(form))
            intake.check(options, settings)
            sent = [(name, value) for name, value in form.multi_items() if name in ("image", "image_url")]
            return [await _part(name, value, options) for name, value in sent]
    except FormParserError as error:
        raise errors.MalformedBody("The multipart form is damaged.") from error


async def _part(name: str, value: UploadFile | str, options: Options) -> Item | errors.SpectrumError:
    try:
        return Item(await intake.form_source(name, value), options)
    except errors.SpectrumError as error:
        return error


async def _json(request: Request, settings: Settings) -> list[Item | errors.SpectrumError]:
    body = intake.validated(BatchBody, await request.body())
    shared = {name: getattr(body, name) for name in body.model_fields_set - {"images"}}
    intake.check(Options.model_construct(**shared), settings)
    return [_item(given, shared) for given in body.images]


def _item(given: Any, shared: dict[str, Any]) -> Item | errors.SpectrumError:
    """One of `images`: a picture's source, with options of its own before those of all."""
    try:
        own = intake.validated(BatchItem, given, strict=True)
        source = intake.json_source(ImageSource(base64=own.base64, url=own.url))
    except errors.SpectrumError as error:
        return error
    named = own.model_fields_set & Options.model_fields.keys()
    wishes = {name: value for name, value in shared.items() if _RIVALS.get(name) not in named}
    wishes |= {name: getattr(own, name) for name in named}
    return Item(source, Options.model_construct(**wishes))
