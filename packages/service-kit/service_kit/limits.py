"""The longest body, and rate limits, which come from the environment; demo mode has none of these."""

import re
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from service_kit import environment

MAX_BODY_BYTES = 64 * 1024
FORM = re.compile(r"(\d{1,9})/(\d{1,9})/([1-9]\d{0,5})")


@dataclass(frozen=True)
class Limit:
    """Per user and per address in `seconds`; 0: no limit."""

    user: int
    address: int
    seconds: int = 60


def limits(**usual: Limit) -> dict[str, Limit]:
    """Limits by name; LIMIT_STARTS=20/300/60 sets the limit `starts`."""
    return {name: _limit(f"LIMIT_{name.upper()}", limit) for name, limit in usual.items()}


def api_limits(**more: Limit) -> dict[str, Limit]:
    """The limits of every data service. `refusals` limits audit rows, not answers."""
    return limits(reads=Limit(300, 3000), refusals=Limit(0, 60), **more)


def _limit(variable: str, usual: Limit) -> Limit:
    text = environment.text(variable)
    if not text:
        return usual
    if not (found := FORM.fullmatch(text)):
        raise ImproperlyConfigured(f"{variable} must read per user/per address/seconds, such as 20/300/60.")
    return Limit(*map(int, found.groups()))
