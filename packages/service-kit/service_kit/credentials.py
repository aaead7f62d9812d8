"""Credentials of callers: services (a short-lived signed bearer) and people (a signed token).

Both are verified by signature alone, with the keys that the services share; the first key signs,
every listed key verifies, so that keys can be rotated without a gap.
"""

import time
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest

from service_kit.address import address_of, network_of
from service_kit.problems import Problem
from service_kit.rules import USER_ID

SERVICE_SALT = "service-bearer"
USER_SALT = "user-token"
SERVICE_SECONDS = 60
RENEW_SECONDS = 20
USER_SECONDS = 15 * 60
SKEW_SECONDS = 10
"How far the signer's clock may be ahead."
CACHED_TOKENS = 256
ON_BEHALF_OF = "X-On-Behalf-Of"
ROLE = "X-On-Behalf-Of-Role"
ADDRESS = "X-On-Behalf-Of-Address"
ALSO = "X-On-Behalf-Of-Also"
MOST_ALSO = 20
OPERATOR, AUDITOR = "operator", "auditor"
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


def service_bearer(*, caller: str, audience: str) -> str:
    """The Authorization header of a call from one service to another."""
    # By the clock that checks its age: a changed clock expires the bearer.
    return _bearer(caller, audience, int(time.time() // RENEW_SECONDS))


def headers_for(participant: str) -> dict[str, str]:
    """What this service's calls to another one carry."""
    return {"Authorization": service_bearer(caller=settings.SERVICE_NAME, audience=participant)}


@lru_cache(maxsize=64)
def _bearer(caller: str, audience: str, _period: int) -> str:
    return "Bearer " + _sign({"caller": caller, "audience": audience}, SERVICE_SALT)


def user_token(*, user_id: str, role: str, audience: str) -> str:
    return _sign({"sub": user_id, "role": role, "audience": audience}, USER_SALT)


def _sign(claims: dict[str, str], salt: str) -> str:
    kid, key = settings.SERVICE_KEYS[0]
    return f"{kid}~{signing.dumps(claims, key=key, salt=salt, compress=False)}"


def _verify(token: str, salt: str, max_age: int, *names: str) -> dict[str, str] | None:
    """The claims of a genuine token for this service: all of `names`, all strings."""
    kid, _, signed = token.partition("~")
    for known, key in settings.SERVICE_KEYS:
        if known == kid:
            claims = _claims(signed, key, salt, max_age, int(time.time()))
            return claims if _are_texts(claims, ("audience", *names)) and _is_for_us(claims) else None
    return None


def _are_texts(claims: Any, names: tuple[str, ...]) -> bool:
    return isinstance(claims, dict) and all(isinstance(claims.get(name), str) for name in names)


def _is_for_us(claims: dict[str, str]) -> bool:
    return claims["audience"] in (settings.SERVICE_NAME, "*")


@lru_cache(maxsize=CACHED_TOKENS)
def _claims(signed: str, key: str, salt: str, max_age: int, _second: int) -> Any:
    """A genuine token's claims; cached, because a service reuses a token for a while."""
    try:
        # Without `fallback_keys`, earlier SECRET_KEYs would verify tokens too.
        claims = signing.loads(signed, key=key, salt=salt, max_age=max_age, fallback_keys=[])
        return None if _is_from_the_future(signed, key, salt) else claims
    except (signing.BadSignature, ValueError, zlib.error):
        # The latter two: signed by one of our keys, but not JSON.
        return None


def _is_from_the_future(signed: str, key: str, salt: str) -> bool:
    try:
        # Django checks only a maximum age. A negative one finds tokens from the future.
        signing.loads(signed, key=key, salt=salt, max_age=-SKEW_SECONDS, fallback_keys=[])
    except signing.SignatureExpired:
        return False
    return True


def verified(request: HttpRequest) -> Caller:
    """The caller that the Authorization header proves; anonymous without one. Raises 401 for a bad one."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return ANONYMOUS
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer":
        claims = _verify(token, SERVICE_SALT, SERVICE_SECONDS, "caller")
        if claims and claims["caller"]:
            return _on_behalf(request, claims["caller"])
        claims = _verify(token, USER_SALT, USER_SECONDS, "sub", "role")
        if claims and USER_ID.fullmatch(claims["sub"]):
            return Caller(user_id=claims["sub"], role=claims["role"])
    raise unauthenticated()


def _on_behalf(request: HttpRequest, service: str) -> Caller:
    """The person that a service calls for; accepted with its credential only."""
    user_id = request.META.get(_meta(ON_BEHALF_OF), "")
    if user_id and not USER_ID.fullmatch(user_id):
        raise Problem(400, "INVALID", f"{ON_BEHALF_OF} is not a user id.")
    also = tuple(filter(None, request.META.get(_meta(ALSO), "").split(",")))
    if len(also) > MOST_ALSO or not all(map(USER_ID.fullmatch, also)):
        raise Problem(400, "INVALID", f"{ALSO} must name at most {MOST_ALSO} user ids.")
    role = request.META.get(_meta(ROLE), "")
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
