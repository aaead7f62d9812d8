"""Limits of visitors; the other services do not limit the UI's calls."""

from collections.abc import Mapping

from django.http import HttpRequest
from django_sagas.clock import utc_now
from service_kit.address import address_of
from service_kit.security import throttle

POLLS = ("progress_part", "console_part", "lesson_part", "saga_stream")
POSTED = {"pay": "starts", "register": "registrations"}


def seconds_to_wait(request: HttpRequest, costs: Mapping[str, int], *, who: str = "") -> int:
    """Count the request for `who` and its address; 0 if allowed, else the seconds to wait."""
    now = utc_now()
    throttle.forget_now_and_then(now)
    return throttle.seconds_to_wait(costs, user_id=who, address=address_of(request), now=now)


def limit_of(name: str, method: str | None) -> str:
    """The limit of a request to the URL name `name`."""
    if method == "POST" and name in POSTED:
        return POSTED[name]
    return "polls" if name in POLLS else "reads"
