"""Unknown fields are ignored, unless they ask for something that is not served.

One that looks like flights, seats or money is a 400 that names it: silently ignoring a second flight is
a wrong booking. `Prefer: handling=strict` (RFC 7240) refuses every unknown field; otherwise a near miss of
a known name gets a hint in the answer's Warning header.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from service_kit.fields import Fields
from service_kit.strict_json import MAX_TEXT, MOST_NAMED, WORD_BOUNDARY, printable

Known = Mapping[str, "Known"]
"Names, each with what is known inside it."
LEAF: Known = {}


def names(*known: str, **nested: Known) -> Known:
    return {**dict.fromkeys(known, LEAF), **nested}


BOOKING = names(
    "flight_id",
    "user_id",
    "flight_fare",
    "other_charges",
    "amount",
    "seat_class",
    "seat_numbers",
    passengers=names("first_name", "last_name", "gender"),
    contact_info=names("email", "mobile"),
    payment=names("card_token"),
)
"What one envelope carries to all steps; each uses its own part of it."
ENVELOPE = names("correlation_id", "step_number", "simulate_failure", booking_data=BOOKING)
COMPENSATION = names("correlation_id", "step_number", "simulate_failure", "booking_data")

# Of a name in lower case with its words divided by underscores.
ASKS = re.compile(
    r"(^|_)(flight|seat|cabin|fare|price|pricing|amount|charge|discount|currenc|passenger|itinerar"
    r"|(leg|segment|class|fee|cost|total|money|adult|child|infant|payment)(s|es|ren)?(_?\d|_|$)"
    r"|return_(date|day|at|on)|payments?_?\d)"
)
NOT_SERVED = "is not served"
UNKNOWN = "is not a known field"
HINTED = re.compile(r"[A-Za-z0-9_-]{1,40}")
CLOSE = 0.8
MOST_HINTS = 5


def note(body: Fields, source: Mapping[str, Any], known: Known, *, strict: bool) -> tuple[str, ...]:
    """Note in `body` what has to be refused; the hints for the rest."""
    hints: list[str] = []
    for place, name, level in _unknown(source, known, ""):
        if len(body.errors) >= MOST_NAMED:
            break
        path, near = f"{place}{printable(name[:MAX_TEXT])}", _near(name, level)
        if strict or _asks(name):
            body.fail(path, (UNKNOWN if strict else NOT_SERVED) + (f"; did you mean {near}?" if near else ""))
        elif near and len(hints) < MOST_HINTS:
            hints.append(f"{path} {UNKNOWN}; did you mean {near}?")
    return tuple(hints)


def _unknown(source: Mapping[str, Any], known: Known, place: str) -> Iterator[tuple[str, str, Known]]:
    """Path, name and known siblings of each unknown field."""
    if not source.keys() <= known.keys():
        yield from ((place, name, known) for name in source if name not in known)
    for name, inside in known.items():
        if inside and name in source:
            value = source[name]
            if isinstance(value, dict):
                yield from _unknown(value, inside, f"{place}{name}.")
            elif isinstance(value, list):
                for number, each in enumerate(value):
                    if isinstance(each, dict):
                        yield from _unknown(each, inside, f"{place}{name}[{number}].")


def _asks(name: str) -> bool:
    return bool(ASKS.search(WORD_BOUNDARY.sub("_", name[:MAX_TEXT]).lower()))


def _near(name: str, level: Known) -> str:
    if not HINTED.fullmatch(name):
        return ""
    return next(iter(get_close_matches(WORD_BOUNDARY.sub("_", name).lower(), level, n=1, cutoff=CLOSE)), "")


def is_strict(request: HttpRequest) -> bool:
    return prefers(request, "handling=strict")


def prefers(request: HttpRequest, preference: str) -> bool:
    """Whether the Prefer header (RFC 7240) has it."""
    header: str = request.META.get("HTTP_PREFER", "")
    if not header:
        return False
    given = header.lower().replace(";", ",").replace('"', "").split(",")
    return preference in ["".join(one.split()) for one in given]


def tell(response: HttpResponseBase, hints: tuple[str, ...]) -> None:
    if hints:
        response.headers["Warning"] = ", ".join(f'299 - "{hint}"' for hint in hints)
