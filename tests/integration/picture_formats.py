"""Hooks of schemathesis: what the contract calls a picture is one."""

from __future__ import annotations

import base64
import json
from io import BytesIO

import schemathesis
from hypothesis import strategies as st
from PIL import Image

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
