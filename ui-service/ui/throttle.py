"""What a visitor may do how often; the other services limit nothing that we ask them."""

from collections.abc import Mapping

from django.http import HttpRequest
from service_kit.address import address_of
from service_kit.clock import utc_now
from service_kit.security import throttle

POLLS = ("progress_part", "console_part", "saga_stream")
POSTED = {"pay": "starts", "register": "registrations"}


def seconds_to_wait(request: HttpRequest, costs: Mapping[str, int], *, who: str = "") -> int:
    """0 if `who` and the request's address may; it is counted."""
    now = utc_now()
    throttle.forget_now_and_then(now)
    return throttle.seconds_to_wait(costs, user_id=who, address=address_of(request), now=now)


def limit_of(name: str, method: str | None) -> str:
    """Which limit a request for the page called `name` counts against."""
    if method == "POST" and name in POSTED:
        return POSTED[name]
    return "polls" if name in POLLS else "reads"
