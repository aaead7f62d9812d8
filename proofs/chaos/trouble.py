"""What the services' own logs complain of, counted: where to look when something is wrong."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LEVELS = ("error", "critical", "exception")
UNHANDLED = "Traceback (most recent call last)"


def complaints(log: Path) -> Counter[tuple[str, str]]:
    """How often each service said what at level error or above."""
    return Counter((name, what) for name, what in _lines(log) if what)


def _lines(log: Path) -> Iterator[tuple[str, str]]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, _, text = line.partition("| ")
            yield name.strip(), _complaint(text)


def _complaint(text: str) -> str:
    if text.startswith(UNHANDLED):
        return "a traceback outside the log"
    if '"level"' not in text:
        return ""
    try:
        told = json.loads(text)
    except ValueError:
        return ""
    return str(told.get("event", "")) if str(told.get("level", "")).lower() in LEVELS else ""
