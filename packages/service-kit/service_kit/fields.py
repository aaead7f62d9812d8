"""Validated values from a JSON object, with one message per bad field."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from service_kit import rules
from service_kit.cards import looks_like_card
from service_kit.money import to_cents
from service_kit.problems import Problem
from service_kit.rules import CORRELATION_ID, USER_ID, TextRule

NO_STEP = "but not . or .."
MAX_AMOUNT = Decimal(1_000_000)
_MISSING: Any = object()

T = TypeVar("T")


class Fields:
    """A JSON object read field by field. A bad field is noted and returns a harmless value; call `check()`,
    which raises a 400 with all bad fields, before using any value."""

    def __init__(
        self, source: Mapping[str, Any], path: str = "", errors: dict[str, str] | None = None
    ) -> None:
        self._source, self._path = source, path
        self.errors: dict[str, str] = {} if errors is None else errors

    def check(self) -> None:
        if self.errors:
            detail = "; ".join(f"{name}: {message}" for name, message in self.errors.items())
            raise Problem(400, "INVALID", detail, errors=self.errors)

    def fail(self, name: str, message: str) -> None:
        self.errors.setdefault(f"{self._path}{name}", message)

    def has(self, name: str) -> bool:
        return name in self._source

    def _get(self, name: str, *, required: bool) -> Any:
        value = self._source.get(name, _MISSING)
        if value is _MISSING and required:
            self.fail(name, "is required")
        return value

    def following(self, name: str, rule: TextRule, *, default: str | None = None) -> str:
        value = self._get(name, required=default is None)
        if value is _MISSING:
            return default or ""
        fault = rule.fault(value) if isinstance(value, str) else rule.must
        if not fault:
            return str(value)
        self.fail(name, fault)
        return ""

    def text(self, name: str, *, limit: int = 100, default: str | None = None) -> str:
        """Printable text of 1 to `limit` characters, at least one of them visible."""
        return self.following(name, rules.printable_text(limit), default=default)

    def matching(self, name: str, pattern: re.Pattern[str], rule: str, *, default: str | None = None) -> str:
        value = self._get(name, required=default is None)
        if value is _MISSING:
            return default or ""
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.fail(name, rule)
        return ""

    def choice(self, name: str, choices: Collection[str], *, default: str) -> str:
        value = self._get(name, required=False)
        if value is _MISSING:
            return default
        if isinstance(value, str) and value in choices:
            return value
        self.fail(name, "must be one of " + ", ".join(choices))
        return default

    def integer(self, name: str, *, minimum: int = 1) -> int:
        value = self._get(name, required=True)
        if value is not _MISSING and (type(value) is not int or value < minimum):
            self.fail(name, f"must be an integer of at least {minimum}")
        return value if type(value) is int else minimum

    def boolean(self, name: str) -> bool:
        value = self._get(name, required=False)
        if value is _MISSING or isinstance(value, bool):
            return value is True
        self.fail(name, "must be true or false")
        return False

    def correlation_id(self, name: str = "correlation_id") -> str:
        return self.matching(name, CORRELATION_ID, f"must be 1 to 64 of A-Z a-z 0-9 . _ : -, {NO_STEP}")

    def user_id(self, name: str = "user_id") -> str:
        """An integer of at least 1 or 1 to 64 of A-Z a-z 0-9 . _ : @ -, always as text."""
        value = self._get(name, required=True)
        text = str(value) if type(value) is int and value >= 1 else value
        # Refused as a text too, and 1 and "1" are one user.
        if isinstance(text, str) and USER_ID.fullmatch(text) and not looks_like_card(text):
            return text
        if value is not _MISSING:
            self.fail(
                name, "must be an integer of at least 1 or 1 to 64 of A-Z a-z 0-9 . _ : @ -, but not . or .."
            )
        return ""

    def amount(self, name: str, *, default: int | None = None, may_be_zero: bool = False) -> int:
        """Cents of a JSON number above 0, at most 1,000,000, with at most two decimals."""
        value = self._get(name, required=default is None)
        if value is _MISSING:
            return default or 0
        if type(value) is int or isinstance(value, Decimal):
            if 0 < value <= MAX_AMOUNT or (may_be_zero and value == 0):
                try:
                    return to_cents(Decimal(value))
                except ValueError:
                    pass
        least = "of at least 0" if may_be_zero else "above 0"
        self.fail(name, f"must be a number {least}, at most {MAX_AMOUNT}, with at most two decimals")
        return 0

    def object(self, name: str, *, required: bool = True) -> "Fields":
        value = self._get(name, required=required)
        if value is not _MISSING and not isinstance(value, dict):
            self.fail(name, "must be an object")
        source = value if isinstance(value, dict) else {}
        child = Fields(source, f"{self._path}{name}.", self.errors)
        # One message for the missing or malformed object; none for its fields.
        return child if isinstance(value, dict) else Fields(source, f"{self._path}{name}.", {})

    def objects(self, name: str, *, most: int, fewest: int = 1) -> list["Fields"]:
        values = self.sequence(name, most=most, fewest=fewest, required=True)
        for place, value in enumerate(values):
            if not isinstance(value, dict):
                self.fail(f"{name}[{place}]", "must be an object")
        return [
            Fields(value, f"{self._path}{name}[{place}].", self.errors)
            for place, value in enumerate(values)
            if isinstance(value, dict)
        ]

    def sequence(self, name: str, *, most: int, required: bool, fewest: int = 1) -> list[Any]:
        value = self._get(name, required=required)
        if value is _MISSING:
            return []
        if isinstance(value, list) and fewest <= len(value) <= most:
            return value
        self.fail(name, f"must be a list of {fewest} to {most}")
        return []
