"""Writes JSON with exact numbers, and reads back what was written."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, NoReturn

import orjson

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_stored = json.JSONDecoder(parse_float=Decimal)


def dumps(value: Any) -> str:
    """Compact JSON; a Decimal becomes a number with its own digits."""
    return orjson.dumps(value, default=_exact).decode()


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def canonical(value: Any) -> str:
    """Canonical: equal values have equal text, in ASCII."""
    text = orjson.dumps(value, default=_exact, option=orjson.OPT_SORT_KEYS).decode()
    return text if text.isascii() else _NON_ASCII.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def load_stored(text: str) -> Any:
    """Parse JSON that `dumps` has written; decimals as Decimal."""
    return _stored.decode(text)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a decoder's `object_pairs_hook`. Raises ValueError for a name that stands twice: others
    may read the other value."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def no_number(literal: str) -> NoReturn:
    """For a decoder's `parse_constant`."""
    raise ValueError(f"{literal} is not JSON")


_foreign = json.JSONDecoder(parse_float=Decimal, parse_constant=no_number, object_pairs_hook=unique)


def load_foreign(raw: bytes) -> Any:
    """Parse JSON that another program has written; decimals as Decimal.

    Raises ValueError for what is not JSON in UTF-8 or can be read in two ways, RecursionError for too deep a
    nesting.
    """
    return _foreign.decode(raw.decode())


def fingerprint(used: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of the fields that a request is judged by."""
    return sha256(canonical(used).encode()).hexdigest()
