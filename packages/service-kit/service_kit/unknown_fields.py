"""Unknown fields are ignored, unless they ask for something that is not served.

One that looks like flights, seats or money is a 400 that names it: silently ignoring a second flight is
a wrong booking. `Prefer: handling=strict` (RFC 7240) refuses every unknown field; otherwise a near miss of
a known name gets a hint in the answer's Warning header.
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from django.http import HttpRequest, HttpResponseBase
from django_sagas.wire import prefers
from pydantic import BaseModel, ValidationError

from service_kit.inputs import Input, bad_fields, path
from service_kit.problems import invalid
from service_kit.strict_json import MOST_NAMED, WORD_BOUNDARY, printable

M = TypeVar("M", bound=Input)

# Of a name in lower case with its words divided by underscores.
ASKS = re.compile(
    r"(^|_)(flight|seat|cabin|fare|price|pricing|amount|charge|discount|currenc|passenger|itinerar|card_?token"
    r"|surcharge|refund|quote|voucher|coupon|outbound|inbound"
    r"|(leg|segment|class|fee|cost|total|money|adult|child|infant|payment|tip)(s|es|ren)?(_?\d|_|$)"
    r"|return_(date|day|at|on)|payments?_?\d)"
    # Without it another card would be charged.
    r"|^card(_number)?$"
)
CARD_IN_PAYMENT = re.compile(r"number|token")
NOT_SERVED = "is not served"
UNKNOWN = "is not a known field"
UNEXPECTED = "extra_forbidden"
"pydantic's name of an unknown field"
HINTED = re.compile(r"[A-Za-z0-9_-]{1,40}")
CLOSE = 0.8
MOST_HINTS = 5


def read(model: type[M], source: Mapping[str, Any], *, strict: bool = False) -> tuple[M, tuple[str, ...]]:
    """The input, and hints about what is ignored. Raises a 400 that names every bad field."""
    try:
        return model.model_validate(source, extra="forbid"), ()
    except ValidationError as error:
        found = error.errors()
    errors = bad_fields(each for each in found if each["type"] != UNEXPECTED)
    hints: list[str] = []
    for each in found:
        if each["type"] == UNEXPECTED and len(errors) < MOST_NAMED:
            near = _near(model, each["loc"])
            told, meant = printable(path(each["loc"])), f"; did you mean {near}?" if near else ""
            if strict or _asks(each["loc"]) or _is_flight(each["input"]):
                errors[told] = f"{UNKNOWN if strict else NOT_SERVED}{meant}"
            elif meant and len(hints) < MOST_HINTS:
                hints.append(f"{told} {UNKNOWN}{meant}")
    if errors:
        raise invalid(errors)
    return model.read(source), tuple(hints)


def _asks(location: tuple[int | str, ...]) -> bool:
    *place, name = location
    plain = _plain(name)
    of_card = place[-1:] == ["payment"] and CARD_IN_PAYMENT.fullmatch(plain)
    return bool(of_card or ASKS.search(plain))


def _is_flight(value: Any) -> bool:
    """Under whatever name, such as `"return": {"flight_id": 2}`."""
    return any(
        isinstance(each, dict) and "flight_id" in each
        for each in (value if isinstance(value, list) else [value])
    )


def _plain(name: int | str) -> str:
    return WORD_BOUNDARY.sub("_", str(name)).lower()


def _near(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    *place, name = location
    if not HINTED.fullmatch(str(name)):
        return ""
    return next(iter(get_close_matches(_plain(name), _known(model, place), n=1, cutoff=CLOSE)), "")


def _known(model: type[BaseModel], place: list[int | str]) -> Collection[str]:
    """The names at that place of the model."""
    for part in place:
        if isinstance(part, str):
            field = model.model_fields[part].annotation
            # A list's items are its first argument.
            model = next(each for each in (*get_args(field), field) if _is_model(each))
    return model.model_fields


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def is_strict(request: HttpRequest) -> bool:
    return prefers(request, "handling=strict")


def tell(response: HttpResponseBase, hints: tuple[str, ...]) -> None:
    if hints:
        response.headers["Warning"] = ", ".join(f'299 - "{hint}"' for hint in hints)
