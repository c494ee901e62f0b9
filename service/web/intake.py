"""An untrusted request -> a picture's bytes and checked options; refuses early, and says what is wrong."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from typing import Any, TypeVar

from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from service import errors
from service.schemas import ImageSource, Options, ParseBody
from service.settings import Settings

_Shape = TypeVar("_Shape", bound=Options)
_MULTIPART, _JSON = "multipart/form-data", "application/json"


async def read(request: Request, settings: Settings) -> tuple[bytes, Options]:
    """The picture (still encoded) and what is asked of it.

    Errors: MalformedBody, UnsupportedMediaType, InvalidField, ConflictingFields, TooManyPrompts,
    InvalidPrompt, InvalidCaption, ImageMissing, ImageBase64Invalid, UrlInputUnavailable.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == _MULTIPART:
        image, options = await _form(request)
    elif media == _JSON:
        image, options = _json(await request.body())
    else:
        raise errors.UnsupportedMediaType(f"Send {_MULTIPART} or {_JSON}, not {media or 'nothing'!r}.")
    check(options, settings)
    return image, options


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


async def _form(request: Request) -> tuple[bytes, Options]:
    try:
        async with request.form(max_files=2) as form:
            picture = _single_file(form)
            fields = _fields(form)
            image = await picture.read()
    except FormParserError as error:
        raise errors.MalformedBody("The multipart form is damaged.") from error
    return image, _validated(Options, fields)


def _single_file(form: FormData) -> UploadFile:
    files = form.getlist("image")
    if not files:
        raise errors.ImageMissing("The form has no field 'image'.")
    if len(files) > 1:
        raise errors.InvalidField("The form has more than one 'image'.")
    if not isinstance(files[0], UploadFile):
        raise errors.InvalidField("The form's 'image' must be a file, with a file name.")
    return files[0]


def _fields(form: FormData) -> dict[str, Any]:
    """The form's fields but for the picture; only `prompts` may repeat."""
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name == "image":
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


def _json(body: bytes) -> tuple[bytes, Options]:
    parsed = _validated(ParseBody, body)
    options = Options.model_construct(**{name: getattr(parsed, name) for name in Options.model_fields})
    return _picture(parsed.image), options


def _picture(source: ImageSource | None) -> bytes:
    if source is None or (source.base64 is None and source.url is None):
        raise errors.ImageMissing("Give the picture as image.base64.")
    if source.base64 is not None and source.url is not None:
        raise errors.ConflictingFields("Give image.base64 or image.url, not both.")
    if source.base64 is None:
        raise errors.UrlInputUnavailable("Send the picture itself, as a file or as image.base64.")
    text = source.base64
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.ImageBase64Invalid from error


def _validated(shape: type[_Shape], given: dict[str, Any] | bytes) -> _Shape:
    try:
        return shape.model_validate_json(given) if isinstance(given, bytes) else shape.model_validate(given)
    except ValidationError as error:
        raise _problem(error) from None


def _problem(error: ValidationError) -> errors.SpectrumError:
    """The first fault in words, all of them as `errors`; what was sent is never sent back."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid" or not faults[0]["loc"]:
        return errors.MalformedBody(f"The body is no JSON object of this kind: {faults[0]['msg']}.")
    told = [{"field": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in faults[:20]]
    return errors.InvalidField(f"{told[0]['field']}: {told[0]['message']}.", errors=told)
