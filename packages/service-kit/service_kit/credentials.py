"""Credentials of callers: the Authorization header, and the person that a service calls for."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import HttpRequest

from service_kit import tokens, trust
from service_kit.address import address_of, network_of
from service_kit.problems import Problem
from service_kit.rules import USER_ID
from service_kit.security import ended_tokens
from service_kit.trust import AUDITOR as AUDITOR
from service_kit.trust import OPERATOR as OPERATOR

ON_BEHALF_OF = "X-On-Behalf-Of"
ROLE = "X-On-Behalf-Of-Role"
ADDRESS = "X-On-Behalf-Of-Address"
ALSO = "X-On-Behalf-Of-Also"
MOST_ALSO = 20
DEMO_OPERATOR = "demo"
"The operator of demo mode if none is named."


@dataclass(frozen=True)
class Caller:
    """`service` is set for a service's own credential; `user_id` and `role` for a person.

    Without a `user_id` it has no rights of a person, whatever its service or role.
    """

    service: str = ""
    user_id: str = ""
    role: str = ""
    also: tuple[str, ...] = ()
    "Guest ids of the same person, named by a service."

    @property
    def is_operator(self) -> bool:
        return bool(self.user_id) and self.role == OPERATOR

    @property
    def sees_all(self) -> bool:
        """Operators, and auditors, which only read."""
        return bool(self.user_id) and self.role in (OPERATOR, AUDITOR)


ANONYMOUS = Caller()


def service_bearer(*, audience: str) -> str:
    """The Authorization header of this service's calls to another one."""
    return "Bearer " + tokens.service_token(audience=audience)


def headers_for(participant: str) -> dict[str, str]:
    """What this service's calls to another one carry."""
    return {"Authorization": service_bearer(audience=participant)}


def verified(request: HttpRequest) -> Caller:
    """The caller that the Authorization header proves; anonymous without one. Raises 401 for a bad one."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return ANONYMOUS
    scheme, _, token = header.partition(" ")
    claims = tokens.verify(token) if scheme.lower() == "bearer" else None
    if claims and claims.kind == tokens.OF_SERVICE:
        return _on_behalf(request, claims.subject)
    if claims and USER_ID.fullmatch(claims.subject) and not _has_ended(claims):
        return Caller(user_id=claims.subject, role=claims.role)
    raise unauthenticated()


def _has_ended(claims: tokens.Claims) -> bool:
    """A demoted person's; a traveller's token says nothing that could be taken away."""
    is_staff = claims.role in (OPERATOR, AUDITOR)
    return is_staff and ended_tokens.has_ended(claims.subject, issued=claims.issued)


def _on_behalf(request: HttpRequest, service: str) -> Caller:
    """The person that a service calls for; accepted with its credential only, and if it may call for them."""
    user_id = request.META.get(_meta(ON_BEHALF_OF), "")
    if user_id and not USER_ID.fullmatch(user_id):
        raise Problem(400, "INVALID", f"{ON_BEHALF_OF} is not a user id.")
    also = tuple(filter(None, request.META.get(_meta(ALSO), "").split(",")))
    if len(also) > MOST_ALSO or not all(map(USER_ID.fullmatch, also)):
        raise Problem(400, "INVALID", f"{ALSO} must name at most {MOST_ALSO} user ids.")
    role = request.META.get(_meta(ROLE), "")
    rights = trust.rights(service, settings.SERVICE_NAME)
    if (user_id or role) and not (rights and role in rights.calls_for):
        raise unauthenticated()
    return Caller(service=service, user_id=user_id, role=role, also=also if user_id else ())


def client_address(request: HttpRequest, caller: Caller) -> str:
    """The person's address. For a call of a service it is the address that the service names, if any;
    accepted with its credential only."""
    if not caller.service:
        return address_of(request)
    told = request.META.get(_meta(ADDRESS), "")
    return network_of(told) if told else ""


@cache
def _meta(header: str) -> str:
    """Read from META; `request.headers` would be built for every request."""
    return "HTTP_" + header.upper().replace("-", "_")


def unauthenticated() -> Problem:
    return Problem(
        401, "NOT_AUTHENTICATED", "A valid credential is needed.", headers={"WWW-Authenticate": "Bearer"}
    )


def sees_all(caller: Caller) -> bool:
    return settings.DEMO_MODE or caller.sees_all


def may_see(caller: Caller, user_id: str) -> bool:
    """Without a user, such as a service that names none, no personal object is visible."""
    return sees_all(caller) or (bool(caller.user_id) and user_id in (caller.user_id, *caller.also))


def require_user(caller: Caller, user_id: str) -> None:
    """The caller must be that user; demo mode needs none."""
    if caller.user_id and caller.user_id != user_id:
        raise Problem(403, "NOT_ALLOWED", "user_id is not the user of this token.")
    if not caller.user_id and not settings.DEMO_MODE:
        raise unauthenticated()


def actor_of(caller: Caller) -> str:
    """The actor of an operator's action in the audit trail."""
    return caller.user_id or DEMO_OPERATOR


def refuse_simulation(asked: bool) -> None:
    if asked and not settings.DEMO_MODE:
        raise Problem(403, "NOT_ALLOWED", "Failure switches work in demo mode only.")
