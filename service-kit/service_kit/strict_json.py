"""JSON in, refusing what other parsers let through; JSON out, with money as exact numbers."""

import json
import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

import orjson

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_TEXT = 200
MAX_INTEGER_DIGITS = 19
MAX_NUMBER_LENGTH = 40
MAX_EXPONENT = 30
INT64_LIMIT = 2**63

# Of a field's name in lower case, with every word boundary as one underscore.
CARD_FIELDS = re.compile(
    r"card_?n(umber|um|o)|(^|_)pan(_|$)|cvv|cvc|security_?code|primary_?account_?n(umber|um|o)"
)
WORD_BOUNDARY = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
CARD_DIGITS = re.compile(r"[0-9]{13,19}")
SEPARATORS = re.compile(r"[\s\u2010-\u2015\u2212-]")


class InvalidJson(ValueError):
    """The body is not JSON as this suite accepts it; `field` names the place, `document` what was read."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message, self.field = message, field
        self.document: dict[str, Any] = {}


def dumps(value: Any) -> str:
    """Compact JSON; a Decimal becomes a number with its own digits."""
    return orjson.dumps(value, default=_exact).decode()


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def canonical(value: Any) -> str:
    """One text for equal values, in ASCII."""
    quick = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    # The same text as the standard library's, which alone escapes other letters.
    return quick.decode() if quick.isascii() else json.dumps(value, sort_keys=True, separators=(",", ":"))


def load_stored(text: str) -> Any:
    """JSON that this suite wrote itself, decimals as Decimal."""
    return json.loads(text, parse_float=Decimal)


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
    if not isinstance(value, dict):
        raise InvalidJson("The body must be a JSON object.")
    try:
        _inspect(value, "", 1)
    except InvalidJson as error:
        error.document = value
        raise
    return value


class _OutOfRange:
    """Stands for a number that nothing here takes, until it is known which field it was."""


def _integer(literal: str) -> int | _OutOfRange:
    if len(literal.lstrip("-")) > MAX_INTEGER_DIGITS or not -INT64_LIMIT <= int(literal) < INT64_LIMIT:
        return _OutOfRange()
    return int(literal)


def _decimal(literal: str) -> Decimal | _OutOfRange:
    exponent = re.split("[eE]", literal)[1:]
    if len(literal) > MAX_NUMBER_LENGTH or (exponent and abs(int(exponent[0])) > MAX_EXPONENT):
        return _OutOfRange()
    return Decimal(literal)


def _constant(literal: str) -> NoReturn:
    raise InvalidJson(f"{literal} is not a JSON number.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise InvalidJson("A field stands twice in one object.")
    return result


_decoder = json.JSONDecoder(
    parse_int=_integer, parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_unique
)


def _inspect(value: Any, path: str, depth: int) -> None:
    """Refuse, anywhere in the body, what no field of the suite may hold."""
    if isinstance(value, str):
        _inspect_text(value, path)
    elif isinstance(value, (dict, list)) and depth > MAX_DEPTH:
        raise InvalidJson(f"nested deeper than {MAX_DEPTH}", field=printable(path))
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            _inspect_key(key, inner)
            _inspect(item, inner, depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _inspect(item, f"{path}[{place}]", depth + 1)
    elif isinstance(value, _OutOfRange):
        raise InvalidJson("is a number out of range", field=printable(path))


def _inspect_key(key: str, path: str) -> None:
    _inspect_text(key, "a field's name")
    if _names_card_data(key):
        raise InvalidJson("card data is not accepted; send an opaque card token", field=printable(path))


@lru_cache(maxsize=1024)
def _names_card_data(key: str) -> bool:
    return CARD_FIELDS.search(WORD_BOUNDARY.sub("_", key).lower()) is not None


def _inspect_text(text: str, path: str) -> None:
    if text.isascii() and "\0" not in text and len(text) < 13:
        return
    if len(text) > MAX_TEXT:
        raise InvalidJson(f"longer than {MAX_TEXT} characters", field=printable(path))
    surrogates = not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
    if "\0" in text or surrogates:
        raise InvalidJson("holds a character that is not text", field=printable(path))
    if not path.endswith("mobile") and looks_like_card(text):
        raise InvalidJson("looks like a card number, which is not accepted", field=printable(path))


def printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def looks_like_card(text: str) -> bool:
    """13 to 19 digits, spaces and hyphens aside, that pass the Luhn check (ISO/IEC 7812-1)."""
    digits = SEPARATORS.sub("", text if text.isascii() else unicodedata.normalize("NFKC", text))
    if not CARD_DIGITS.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
