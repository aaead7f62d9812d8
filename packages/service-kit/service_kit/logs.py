"""Structured logs by structlog: one JSON object a line in production, readable lines in a terminal.

Our own lines go straight to standard error; lines of Django, gunicorn and other libraries come
through the standard library and get the same form.
"""

import json
import logging
import sys
from contextlib import suppress
from typing import Any

import orjson
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, TimeStamper, add_log_level, format_exc_info
from structlog.typing import EventDict, Processor

from service_kit import environment
from service_kit.cards import MIN_DIGITS, looks_like_card, masked

LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")
OWN = frozenset({"timestamp", "service", "level"})
"what we write ourselves"
DELETE = b"\x7f"
AS_TEXT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def configure(service: str) -> dict[str, Any]:
    """Set structlog up and return the LOGGING dictionary for Django."""
    level = environment.one_of("LOG_LEVEL", LEVELS)

    def add_service(_: Any, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_log_level,
        add_service,
        TimeStamper(fmt="iso"),
        format_exc_info,
        without_cards,
    ]
    renderers = _renderers(environment.one_of("LOG_FORMAT", ("json", "console")))
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            }
        },
        "filters": {"callers_mistakes": {"()": CallersMistakes}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "structured",
                "filters": ["callers_mistakes"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        # Replaced by the summary line of the middleware.
        "loggers": {"django.request": {"level": "CRITICAL"}, "django.server": {"level": "CRITICAL"}},
    }


class CallersMistakes(logging.Filter):
    """Django logs what a caller got wrong, such as the host, as an error with a stack trace. Anybody could
    fill the log and ring alarms with those."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def without_cards(_: Any, __: str, event: EventDict) -> EventDict:
    """Masks card numbers in every value of a line."""
    for name, value in event.items():
        if type(value) is str:
            if len(value) >= MIN_DIGITS and name not in OWN and looks_like_card(value):
                event[name] = masked(value)
        elif isinstance(value, list | tuple | dict | Exception):
            text = str(value)
            if (shown := masked(text)) != text:
                event[name] = shown
    return event


def _renderers(form: str) -> list[Processor]:
    if form != "console":
        return [JSONRenderer(serializer=as_json)]
    console = ConsoleRenderer(
        colors=False, sort_keys=False, pad_event_to=16, exception_formatter=plain_traceback
    )
    return [escape, console]


def as_json(event: EventDict, **_: Any) -> str:
    """In ASCII, with every control character escaped, as json.dumps writes it. That takes seven times as long
    as orjson, which does the same for nearly every line."""
    with suppress(TypeError):  # Half of a surrogate pair, or a number of more than 64 bits.
        quick = orjson.dumps(event, default=str, option=AS_TEXT)
        if quick.isascii() and DELETE not in quick:
            return quick.decode()
    return json.dumps(event, default=str, separators=(",", ":"))


def escape(_: Any, __: str, event: EventDict) -> EventDict:
    """Escapes control characters for terminals. Only a stack trace has several lines."""
    for name, value in event.items():
        text = value if isinstance(value, str) else repr(value)
        if not text.isprintable():
            kept = "\n" if name == "exception" else ""
            event[name] = "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)
    return event
