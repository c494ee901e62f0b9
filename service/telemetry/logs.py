"""Log lines: for people on a terminal, elsewhere one JSON object a line.

Whoever logs gives fields of `FIELDS` as `extra`; all else of a record is left out, so that nothing gets into
a log by accident. Pictures, prompts and keys are in none of them.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

from opentelemetry import trace

from service.settings import Settings

FIELDS = (
    "request_id", "job_id", "key_id", "method", "route", "status", "code", "ms", "queue_ms", "batch", "tries",
)  # fmt: skip
# These tell addresses of pictures and callbacks, which may hold what only their owner should know.
_TALKATIVE = ("httpx", "httpcore")
_SECRETS = (
    (re.compile(r"(?<=://)[^\s/@]+(?=@)"), "***"),  # user and password of an address
    (re.compile(r"\bsp_([0-9a-f]{12})_[A-Za-z0-9_-]{20,}"), r"sp_\1_***"),  # an API key; its id is no secret
)


def configure(settings: Settings) -> None:
    """Send every log line of this process to standard error, Uvicorn's too; replaces what was set up."""
    form = settings.log_format
    if form == "auto":
        form = "text" if sys.stderr.isatty() else "json"
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `message`, `trace_id` within a trace, fields, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """One object on one line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if trace_id := _trace_id():
            told["trace_id"] = trace_id
        told |= _fields(record)
        if record.exc_info:
            told["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """The time of day, level, logger, message, fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and an exception's lines behind it."""
        clock = self.formatTime(record, "%H:%M:%S")
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{clock} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return without_secrets(line)


def without_secrets(text: str) -> str:
    """The text with passwords of addresses and API keys made unreadable."""
    for secret, stands_in in _SECRETS:
        text = secret.sub(stands_in, text)
    return text


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    told = {name: getattr(record, name, None) for name in FIELDS}
    return {name: value for name, value in told.items() if value is not None}


def _trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
