"""Hooks of schemathesis: what the contract calls a picture is one, and what a form's schema cannot say.

That prompts and a caption exclude each other, and that a batch has a picture, JSON bodies say in their
schemas; schemathesis fails on such a rule beside files, so that its forms go without.
"""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import schemathesis
from hypothesis import strategies as st
from PIL import Image

# A key that two requests share, and a deadline of a millisecond, are answered 422 and 504, as they must.
LEFT_OUT = ("Idempotency-Key", "X-Deadline-Ms")
SIDES = st.integers(1, 16)


def _picture(width: int, height: int, form: str) -> bytes:
    packed = BytesIO()
    Image.new("RGB", (width, height), (90, 60, 30)).save(packed, form)
    return packed.getvalue()


PICTURES = st.builds(_picture, SIDES, SIDES, st.sampled_from(["PNG", "JPEG", "WEBP"]))

schemathesis.openapi.format("byte", PICTURES.map(lambda data: base64.b64encode(data).decode("ascii")))
schemathesis.openapi.format("binary", PICTURES)
schemathesis.openapi.format(
    "json-object", st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3).map(json.dumps)
)


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """No hosts to ask, no header that refuses a good request, and forms that no rule between fields does."""
    for path in ("/parse", "/parse/batch"):
        post = raw_schema["paths"][path]["post"]
        post["parameters"] = [each for each in post["parameters"] if each["name"] not in LEFT_OUT]
        form = post["requestBody"]["content"]["multipart/form-data"]["schema"]
        del form["properties"]["caption"]
        form["properties"]["prompts"] = form["properties"]["prompts"]["items"]  # on the wire, one is a list
        form["properties"].pop("image_url", None)
        form["required"] = ["image"]
        fields = post["requestBody"]["content"]["application/json"]["schema"]["properties"]
        picture = fields["image"] if "image" in fields else fields["images"]["items"]
        del picture["properties"]["url"]
        picture.pop("oneOf", None)
        picture["required"], picture["properties"]["base64"]["type"] = ["base64"], "string"
