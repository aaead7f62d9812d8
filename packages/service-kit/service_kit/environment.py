"""Values of environment variables. What cannot be right raises ImproperlyConfigured with the variable's name.

A variable that is empty counts as not set.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
WHOLE = re.compile(r"-?[0-9]{1,12}")
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s?#]*")
MOST = 10**9
ANY_PORT = 65_535


def text(name: str, default: str = "") -> str:
    return os.environ.get(name) or default


def text_or_file(name: str) -> str:
    """The value of NAME, or what the file NAME_FILE holds."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name).strip()
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from None


def words(name: str) -> list[str]:
    """Names divided by commas."""
    return [word for each in text(name).split(",") if (word := each.strip())]


def flag(name: str, *, default: bool) -> bool:
    given = text(name).strip().lower()
    if given in (*TRUE, *FALSE):
        return given in TRUE
    if given:
        raise _wrong(name, "must be 1 or 0", given)
    return default


def whole(name: str, *, default: int, least: int = 0, most: int = MOST) -> int:
    given = text(name, str(default)).strip()
    if WHOLE.fullmatch(given) and least <= int(given) <= most:
        return int(given)
    raise _wrong(name, f"must be a whole number from {least} to {most}", given)


def seconds(name: str, *, default: float, above: float = -1.0) -> float:
    """A number such as 2.5, `above` 0 where 0 makes no sense."""
    given = text(name, str(default)).strip()
    if DECIMAL.fullmatch(given) and above < float(given):
        return float(given)
    least = " above 0" if above >= 0 else ""
    raise _wrong(name, f"must be a number of seconds{least}, such as {default:g}", given)


def address(name: str, *, default: str) -> str:
    """Of a service, with or without a path."""
    given = text(name, default).strip()
    if ADDRESS.fullmatch(given):
        return given
    raise _wrong(name, f"must be an address such as {default}", given)


def one_of(name: str, known: Sequence[str]) -> str:
    """One of the known values, in any case; default: the first."""
    given = text(name, known[0])
    for value in known:
        if given.lower() == value.lower():
            return value
    raise _wrong(name, f"must be one of {', '.join(known)}", given)


def _wrong(name: str, rule: str, given: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} {rule}, not {given!r}.")
