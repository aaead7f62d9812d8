"""The rule of each text field: pattern, message and schema.

Used by the services' bodies, their schemas and the forms of the pages.
"""

import re
import unicodedata
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

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
CARD_TOKEN = TextRule(
    most=64, must="must be an opaque card token, such as tok_ok", pattern=re.compile(r"tok_[a-z0-9_]{1,60}")
)
SEAT_NUMBER = TextRule(most=3, must="must be a seat such as 12A", pattern=re.compile(r"[1-9][0-9]?[A-Z]"))
