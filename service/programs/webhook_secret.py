"""`spectrum webhook-secret`: what the callbacks of one API key are signed with."""

from __future__ import annotations

from collections.abc import Callable

from service import signing
from service.programs.roles import Refused
from service.settings import Settings


def show(key_id: str | None, settings: Settings, say: Callable[[str], None]) -> int:
    """Tell the secret of a key, or that of callers without one. Refused where callbacks are not signed."""
    if settings.webhook_secret is None:
        raise Refused("SPECTRUM_WEBHOOK_SECRET is not set: no callbacks are made.")
    secret = settings.webhook_secret.get_secret_value()
    say(secret if key_id is None else signing.secret_for(secret, key_id))
    return 0
