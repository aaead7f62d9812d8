"""How often somebody may do something, from the environment. Demo mode has no limits."""

import re
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from service_kit.settings import env

FORM = re.compile(r"(\d{1,9})/(\d{1,9})/([1-9]\d{0,5})")


@dataclass(frozen=True)
class Limit:
    """So many for a user and so many for an address in `seconds`; 0 sets no limit."""

    user: int
    address: int
    seconds: int = 60


def limits(**usual: Limit) -> dict[str, Limit]:
    """Each by its name; LIMIT_STARTS=20/300/60 changes the one called starts."""
    return {name: _limit(f"LIMIT_{name.upper()}", limit) for name, limit in usual.items()}


def api_limits(**more: Limit) -> dict[str, Limit]:
    """What every data service limits. Of refusals it is the audit rows that are limited, not the answers."""
    return limits(reads=Limit(300, 3000), refusals=Limit(0, 60), **more)


def _limit(variable: str, usual: Limit) -> Limit:
    text = env.str(variable, default="")
    if not text:
        return usual
    if not (found := FORM.fullmatch(text)):
        raise ImproperlyConfigured(f"{variable} must read per user/per address/seconds, such as 20/300/60.")
    return Limit(*map(int, found.groups()))
