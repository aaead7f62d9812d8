"""A strict JSON parser, and a serializer with money as exact numbers."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django_sagas import json_text

from service_kit.cards import looks_like_card

MAX_DEPTH = 8
MAX_TEXT = 200
MAX_INTEGER_DIGITS = 19
MAX_NUMBER_LENGTH = 40
MAX_EXPONENT = 30
MOST_NAMED = 20
INT64_LIMIT = 2**63

# Matched against names in lower case with one underscore per word boundary.
CARD_FIELDS = re.compile(
    r"card_?n(umber|um|o)|(^|_)pan(_|$)|cvv|cvc|security_?code|primary_?account_?n(umber|um|o)"
)
WORD_BOUNDARY = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
CARD_DATA = "card data is not accepted; send an opaque card token"


class InvalidJson(ValueError):
    """The body is not acceptable JSON. `errors` names each bad field if the body could be parsed; `document`
    is the parsed part."""

    def __init__(
        self, message: str, errors: Mapping[str, str] | None = None, document: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.errors, self.document = errors or {}, document or {}


def loads(body: bytes) -> dict[str, Any]:
    """The object in `body`, decimals as Decimal. Raises InvalidJson."""
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidJson("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error.msg} at character {error.pos}.") from error
    except RecursionError as error:
        raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH}.") from error
    except ValueError as error:
        raise InvalidJson(f"The body is refused: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidJson("The body must be a JSON object.")
    errors: dict[str, str] = {}
    _inspect(value, "", 1, errors)
    if errors:
        named = "; ".join(f"{field}: {message}" for field, message in errors.items())
        raise InvalidJson(named, errors, value)
    return value


class _OutOfRange:
    """Placeholder of an unacceptable number until its field is known."""


def _integer(literal: str) -> int | _OutOfRange:
    if len(literal.lstrip("-")) > MAX_INTEGER_DIGITS or not -INT64_LIMIT <= int(literal) < INT64_LIMIT:
        return _OutOfRange()
    return int(literal)


def _decimal(literal: str) -> Decimal | _OutOfRange:
    exponent = re.split("[eE]", literal)[1:]
    if len(literal) > MAX_NUMBER_LENGTH or (exponent and abs(int(exponent[0])) > MAX_EXPONENT):
        return _OutOfRange()
    return Decimal(literal)


_decoder = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=json_text.no_number,
    object_pairs_hook=json_text.unique,
)


def _inspect(value: Any, path: str, depth: int, errors: dict[str, str]) -> None:
    """Name every value in the body that no field may hold."""
    kind = type(value)
    if kind is str:
        if fault := _fault_of_text(value, may_be_digits=path == "mobile" or path.endswith(".mobile")):
            _name(errors, path, fault)
    elif kind is _OutOfRange:
        _name(errors, path, "is a number out of range")
    elif (kind is dict or kind is list) and depth > MAX_DEPTH:
        _name(errors, path, f"nested deeper than {MAX_DEPTH}")
    elif kind is dict:
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            _inspect_name(key, inner, errors)
            _inspect(item, inner, depth + 1, errors)
    elif kind is list:
        for place, item in enumerate(value):
            _inspect(item, f"{path}[{place}]", depth + 1, errors)


def _inspect_name(name: str, path: str, errors: dict[str, str]) -> None:
    # The cache of names from callers is bounded in length too.
    fault = _fault_of_name(name) if len(name) <= MAX_TEXT else _fault_of_text(name)
    if fault:
        _name(errors, path if fault == CARD_DATA else "a field's name", fault)


@lru_cache(maxsize=1024)
def _fault_of_name(name: str) -> str:
    names_card_data = CARD_FIELDS.search(WORD_BOUNDARY.sub("_", name).lower())
    return _fault_of_text(name) or (CARD_DATA if names_card_data else "")


def _fault_of_text(text: str, *, may_be_digits: bool = False) -> str:
    if len(text) < 13 and text.isascii() and "\0" not in text:
        return ""
    if len(text) > MAX_TEXT:
        return f"longer than {MAX_TEXT} characters"
    if "\0" in text or (not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text)):
        return "holds a character that is not text"
    if not may_be_digits and looks_like_card(text):
        return "looks like a card number, which is not accepted"
    return ""


def _name(errors: dict[str, str], path: str, message: str) -> None:
    if len(errors) < MOST_NAMED:
        errors.setdefault(printable(path[:MAX_TEXT]), message)


def printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")
