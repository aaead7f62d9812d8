"""Structured logs: one JSON object a line in production, readable lines in a terminal.

Our own lines go straight to standard error; lines of Django, gunicorn and other libraries come
through the standard library and get the same form.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from service_kit.cards import masked
from service_kit.settings import env

BARE = re.compile(r"[!#-&(-<>-~]*")
"What needs no quotes: ASCII that can be seen, but for quotes and the equals sign."

MIN_CARD = 13
OWN = frozenset({"timestamp", "service", "level"})
"what we write ourselves"


def configure(service: str) -> dict[str, Any]:
    """Set structlog up and return the LOGGING dictionary for Django."""
    level = env.str("LOG_LEVEL", default="INFO").upper()
    form = env.str("LOG_FORMAT", default="json")
    renderer = _renderer(form)

    def complete(logger: Any, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        # In one piece: structlog's processors for each of these cost half of a line.
        event["level"], event["service"] = level, service
        event["timestamp"] = f"{datetime.now(UTC).replace(tzinfo=None).isoformat()}Z"
        if "exc_info" in event:
            event = structlog.processors.format_exc_info(logger, level, event)
        return without_cards(event)

    shared: list[Processor] = [structlog.contextvars.merge_contextvars, complete]
    structlog.configure(
        processors=[*shared, renderer],
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
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        # The summary line of the middleware says what these would say again.
        "loggers": {"django.request": {"level": "CRITICAL"}, "django.server": {"level": "CRITICAL"}},
    }


def without_cards(event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Whatever somebody put into an address, a name or an error's text, no line holds a card number."""
    for name, value in event.items():
        if type(value) is str:
            if len(value) >= MIN_CARD and name not in OWN:
                event[name] = masked(value)
        elif isinstance(value, list | tuple | dict | Exception):
            text = str(value)
            if (shown := masked(text)) != text:
                event[name] = shown
    return event


def _renderer(form: str) -> Processor:
    return _readable if form == "console" else structlog.processors.JSONRenderer(serializer=_json)


def _readable(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    """A line for people, at a third of the cost of structlog's own.

    What a caller sent can be in the message and in every value: only a stack trace has lines.
    """
    when, level, message = event.pop("timestamp"), event.pop("level"), event.pop("event")
    trace = event.pop("exception", "")
    words = " ".join([f"{name}={_word(value)}" for name, value in event.items()])
    line = f"{when} [{level:<8}] {_escaped(str(message)):<16} {words}"
    return "\n".join((line, _escaped(trace, but="\n"))) if trace else line


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value if BARE.fullmatch(value) else repr(value)
    return _escaped(repr(value))


def _escaped(text: str, *, but: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in but else ascii(c)[1:-1] for c in text)


_encoder = json.JSONEncoder(default=str, separators=(",", ":"))


def _json(event: Any, **_: Any) -> str:
    """One line of ASCII: what else a text holds, such as a control character, is escaped."""
    line = orjson.dumps(event, default=str)
    return line.decode() if line.isascii() else _encoder.encode(event)
