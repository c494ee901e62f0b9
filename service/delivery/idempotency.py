"""Requests that are sent again on purpose (IETF draft 'The Idempotency-Key HTTP Header Field'). Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from service.errors import InvalidField

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def checked(given: str) -> str:
    """The header's key, without the quotes of a structured field; InvalidField for one out of shape."""
    key = given[1:-1] if len(given) > 2 and given[0] == given[-1] == '"' else given
    if not _KEY.fullmatch(key):
        raise InvalidField("Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return key


def fingerprint(path: str, sha256: str, options: Mapping[str, Any]) -> str:
    """A name for a whole request; sent again, it must have the same."""
    text = json.dumps([path, sha256, options], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def place(caller: str, key: str, part: int | None) -> str:
    """Where a caller's key is kept; `part` tells the pictures of one request apart."""
    text = f"{caller}\0{key}\0{'' if part is None else part}"
    return hashlib.sha256(text.encode()).hexdigest()
