"""The rule of each field: pattern, message and schema.

Used by the services' inputs and the forms of the pages. What a field must not hold raises a ValueError.
"""

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django_sagas.wire import CORRELATION_ID as CORRELATION_ID

from service_kit.cards import looks_like_card
from service_kit.money import to_cents

# Not `.` or `..`, as in a correlation id.
USER_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,64}")
MAX_AMOUNT = 1_000_000
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_validate_email = EmailValidator()


@dataclass(frozen=True)
class TextRule:
    """`must` completes "This …" and "A mobile number …"."""

    most: int
    must: str
    pattern: re.Pattern[str] | None = None
    is_email: bool = False
    may_be_digits: bool = False
    "long numbers in this field are not card numbers"

    def read(self, value: Any) -> str:
        if fault := self.fault(value) if isinstance(value, str) else self.must:
            raise ValueError(fault)
        return str(value)

    @property
    def schema(self) -> dict[str, Any]:
        """The rule in an OpenAPI schema."""
        pattern = {"pattern": f"^{self.pattern.pattern}$"} if self.pattern else {}
        email = {"format": "email"} if self.is_email else {}
        return {"type": "string", "minLength": 1, "maxLength": self.most, **pattern, **email}

    def fault(self, text: str) -> str:
        """The error, such as "must not hold control characters"; empty if valid."""
        if self.pattern is not None:
            return "" if len(text) <= self.most and self.pattern.fullmatch(text) else self.must
        if not is_seen(text) or len(text) > self.most:
            return f"must be text of 1 to {self.most} characters"
        if not text.isprintable() and any(unicodedata.category(one) in _UNPRINTABLE for one in text):
            return "must not hold control characters"
        return self.must if self.is_email and not _is_email(text) else ""


def printable_text(most: int) -> TextRule:
    return TextRule(most=most, must=f"must be printable text of 1 to {most} characters")


def _is_email(text: str) -> bool:
    try:
        _validate_email(text)
    except ValidationError:
        return False
    return True


def is_seen(text: str) -> bool:
    """Whether at least one character is visible."""
    if text.isprintable():
        return bool(text) and not text.isspace()
    return any(character.isprintable() and not character.isspace() for character in text)


NAME = printable_text(100)
EMAIL = TextRule(most=200, must="must be an email address", is_email=True)
# No numbering plan: some numbers have five digits. At most as long as the booking's column.
MOBILE = TextRule(
    most=30,
    must="must be an optional + and 5 to 20 digits, with spaces or hyphens between them",
    pattern=re.compile(r"\+?(?:[ -]*[0-9]){5,20}[ -]*"),
    may_be_digits=True,
)
# Also those of Stripe, whose payment methods begin with pm_.
CARD_TOKEN = TextRule(
    most=64,
    must="must be an opaque card token, such as tok_ok",
    pattern=re.compile(r"(?:tok|pm)_[A-Za-z0-9_]{1,60}"),
)
SEAT_NUMBER = TextRule(most=3, must="must be a seat such as 12A", pattern=re.compile(r"[1-9][0-9]?[A-Z]"))
CORRELATION = TextRule(
    most=64, must="must be 1 to 64 of A-Z a-z 0-9 . _ : -, but not . or ..", pattern=CORRELATION_ID
)


USER = TextRule(most=64, must="must be 1 to 64 of A-Z a-z 0-9 . _ : @ -, but not . or ..", pattern=USER_ID)


def readable_id(document: Mapping[str, Any]) -> str | None:
    """The correlation id of a body that may be invalid otherwise."""
    cid = document.get("correlation_id")
    return cid if isinstance(cid, str) and is_loggable(cid) else None


def is_loggable(correlation_id: str) -> bool:
    return bool(CORRELATION_ID.fullmatch(correlation_id)) and not looks_like_card(correlation_id)


def user_id(value: Any) -> str:
    """As text: 1 and "1" are one user."""
    text = str(value) if type(value) is int and value >= 1 else value
    if isinstance(text, str) and USER_ID.fullmatch(text) and not looks_like_card(text):
        return text
    raise ValueError("must be an integer of at least 1 or 1 to 64 of A-Z a-z 0-9 . _ : @ -, but not . or ..")


def cents(value: Any, *, fewest: int = 1) -> int:
    """Cents of a JSON number."""
    if (type(value) is int or isinstance(value, Decimal)) and 0 <= value <= MAX_AMOUNT:
        with suppress(ValueError):
            if (found := to_cents(Decimal(value))) >= fewest:
                return found
    least = "above 0" if fewest else "of at least 0"
    raise ValueError(f"must be a number {least}, at most {MAX_AMOUNT}, with at most two decimals")


USER_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        {"type": "string", "pattern": f"^{USER_ID.pattern}$"},
    ]
}
CHARGES_SCHEMA: dict[str, Any] = {
    "type": "number",
    "minimum": 0,
    "maximum": MAX_AMOUNT,
    "multipleOf": 0.01,
    "example": 50.0,
}
AMOUNT_SCHEMA = {**CHARGES_SCHEMA, "exclusiveMinimum": True, "example": 500.0}
