"""All calls to the other services."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django_sagas import json_text
from django_sagas.http import NoReply, Reply, ServiceClient, correlation_headers
from service_kit.credentials import ADDRESS, ALSO, ON_BEHALF_OF, ROLE, service_bearer

from ui import patience

Service = str
"backend, or a participant of a saga's steps"
Json = dict[str, Any]
T = TypeVar("T")
Other = TypeVar("Other")
# Seat maps and the events of a long-stuck saga are larger than the default limit.
visitor_address: ContextVar[str] = ContextVar("visitor_address", default="")
"the visitor's address, so that limits by address count visitors and not the UI"
LARGEST_REPLY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Actor:
    """The user of a call: a traveller's id, and a role if it is more than a traveller."""

    user_id: str
    role: str = ""
    also: tuple[str, ...] = ()
    "The ids under which the traveller booked as a guest."


class ServiceTrouble(Exception):
    """A call failed."""

    def __init__(self, service: Service, detail: str) -> None:
        super().__init__(detail)
        self.service, self.detail = service, detail


class Unavailable(ServiceTrouble):
    """No usable answer: the outcome is unknown, and the call is safe to repeat."""


class TooMany(ServiceTrouble):
    """429 of the other service; nothing was done. `wait` is in seconds."""

    def __init__(self, service: Service, wait: int) -> None:
        told = _("Too many requests: try again in %(seconds)s seconds.") % {"seconds": wait}
        super().__init__(service, told)
        self.wait = wait


class Rejected(ServiceTrouble):
    """A definite refusal, with the service's own words. `errors` names the bad fields."""

    def __init__(self, service: Service, status: int, body: Json) -> None:
        super().__init__(service, str(body.get("detail") or _("The request was not accepted.")))
        self.status, self.code = status, str(body.get("code", ""))
        self.correlation_id = str(body.get("correlation_id") or "")
        errors = body.get("errors")
        self.errors: Mapping[str, str] = errors if isinstance(errors, dict) else {}


class NotFound(Rejected):
    """Missing, or another user's."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


@lru_cache
def _client(base_url: str) -> ServiceClient:
    if not settings.TRACES:
        return ServiceClient(base_url, largest_reply=LARGEST_REPLY)
    from service_kit.tracing import TracedClient  # needs OpenTelemetry, which is optional

    return TracedClient(base_url, largest_reply=LARGEST_REPLY)


def _base_url(service: Service) -> str:
    return str(getattr(settings, f"{service.upper()}_URL", None) or settings.FURTHER_URLS[service])


def is_known(service: Service) -> bool:
    """Whether its address is known here."""
    return hasattr(settings, f"{service.upper()}_URL") or service in settings.FURTHER_URLS


def call(
    service: Service,
    method: str,
    path: str,
    *,
    actor: Actor,
    query: Mapping[str, Any] | None = None,
    body: Json | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Answer:
    """One call. Raises NotFound, another Rejected, TooMany or Unavailable for anything but a 2xx.

    Ends after `seconds` at most, the wait for a slot included, and not after the page's deadline.
    """
    most = seconds or settings.PAGE_SECONDS
    wanted = {key: value for key, value in (query or {}).items() if value not in ("", None)}
    address = f"{path}?{urlencode(wanted, doseq=True)}" if wanted else path
    _release_database()
    try:
        with patience.within(most), patience.bulkhead(service).place(patience.seconds_left(most)):
            reply = _client(_base_url(service)).request(
                method,
                address,
                body=None if body is None else json_text.dumps(body),
                headers={**_credentials(service, actor), **correlation_headers(), **(headers or {})},
                timeout=patience.seconds_left(most),
            )
    except (NoReply, patience.NoPlaceError) as error:
        raise Unavailable(service, _("The service does not answer.")) from error
    return _judge(service, reply)


def _release_database() -> None:
    """A page must not keep a pooled connection while it waits for a service."""
    if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
        connection.close()


def _credentials(service: Service, actor: Actor) -> dict[str, str]:
    person = {ON_BEHALF_OF: actor.user_id, ROLE: actor.role, ALSO: ",".join(actor.also)}
    names = {**(person if actor.user_id else {}), ADDRESS: visitor_address.get()}
    bearer = service_bearer(audience=service)
    return {"Authorization": bearer, **{name: value for name, value in names.items() if value}}


def _object(raw: bytes) -> Json | None:
    """None for what is not a service's, such as a proxy's page."""
    try:
        value = json_text.load_foreign(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _judge(service: Service, reply: Reply) -> Answer:
    if reply.status == 429:
        raise TooMany(service, _seconds(reply.headers.get("Retry-After", "")))
    body = _object(reply.body)
    if body is not None and 200 <= reply.status < 300:
        return Answer(reply.status, body, reply.headers)
    if body is not None and 400 <= reply.status < 500 and reply.status not in (401, 403, 408, 425):
        raise (NotFound if reply.status == 404 else Rejected)(service, reply.status, body)
    told = (body or {}).get("detail")
    raise Unavailable(service, str(told or _("The service cannot answer now.")))


def _seconds(text: str) -> int:
    """Defaults to a few seconds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 5


def get(service: Service, path: str, *, actor: Actor, query: Mapping[str, Any] | None = None) -> Json:
    return call(service, "GET", path, actor=actor, query=query).body


def optional(read: Callable[[], T], *, otherwise: Other) -> T | Other:
    """An optional part of a page: `otherwise` if a service does not answer soon."""
    try:
        with patience.within(settings.OPTIONAL_SECONDS):
            return read()
    except ServiceTrouble:
        return otherwise


def post(
    path: str,
    *,
    actor: Actor,
    body: Json,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Answer:
    return call("backend", "POST", path, actor=actor, body=body, headers=headers, seconds=seconds)
