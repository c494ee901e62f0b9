"""Signatures of callbacks, by Standard Webhooks: made by the service, checked by whoever receives them. Pure.

Specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


class SignatureMismatch(ValueError):
    """The message is not from who it claims, was changed on its way, or is too old."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; `timestamp` in seconds since the epoch."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _signature(secret, message_id, str(timestamp), body),
    }


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE_SECONDS,
) -> dict[str, Any]:
    """The message in `body`, as its bytes came in; SignatureMismatch unless the secret's holder sent it.

    Names of headers in any case. `tolerance` (seconds) bounds how old a message may be: what was seen
    once must not be worth anything for ever.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp = given["webhook-id"], given["webhook-timestamp"]
        signatures, sent = given["webhook-signature"].split(), int(timestamp)
    except (KeyError, ValueError):
        raise SignatureMismatch("the headers of a signed message are missing or damaged") from None
    if abs((time.time() if now is None else now) - sent) > tolerance:
        raise SignatureMismatch("the message is too old, or the clocks differ")
    expected = _signature(secret, message_id, timestamp, body).encode()
    # Several signatures stand side by side while a secret is being replaced.
    if not any([hmac.compare_digest(expected, signature.encode()) for signature in signatures]):
        raise SignatureMismatch("the signature is not that of this message")
    message: dict[str, Any] = json.loads(body)
    return message


def secret_for(secret: str, key_id: str) -> str:
    """The secret of one API key's callbacks, made of the service's: no caller can forge another's."""
    derived = hmac.new(_bytes(secret), b"callbacks of " + key_id.encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(derived).decode()


def strong(secret: str) -> bool:
    """Whether a secret is long enough, 24 bytes, and well formed where it claims a form."""
    try:
        return len(_bytes(secret)) >= 24
    except ValueError:
        return False


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(_bytes(secret), signed, hashlib.sha256).digest()).decode()


def _bytes(secret: str) -> bytes:
    """The key: base64 behind `whsec_`, else the text itself. ValueError for base64 that is none."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret that begins with whsec_ goes on in base64") from error
