"""Who is calling: another service (a short-lived signed bearer) or a person (a signed token).

Both are verified by signature alone, with the keys that the services share; the first key signs,
every listed key verifies, so that keys can be rotated without a gap.
"""

import time
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.core import signing
from django.http import HttpRequest

from service_kit.fields import USER_ID
from service_kit.problems import Problem, hidden

SERVICE_SALT = "service-bearer"
USER_SALT = "user-token"
SERVICE_SECONDS = 60
RENEW_SECONDS = 20
USER_SECONDS = 15 * 60
CACHED_TOKENS = 256
ON_BEHALF_OF = "X-On-Behalf-Of"
ROLE = "X-On-Behalf-Of-Role"


@dataclass(frozen=True)
class Caller:
    """`service` is set for a service's own credential; `user_id` and `role` for a person."""

    service: str = ""
    user_id: str = ""
    role: str = ""

    @property
    def is_operator(self) -> bool:
        return self.role == "operator"


ANONYMOUS = Caller()


def service_bearer(*, caller: str, audience: str) -> str:
    """The Authorization header of a call from one service to another."""
    return _bearer(caller, audience, int(time.monotonic() // RENEW_SECONDS))


@lru_cache(maxsize=64)
def _bearer(caller: str, audience: str, _period: int) -> str:
    return "Bearer " + _sign({"caller": caller, "audience": audience}, SERVICE_SALT)


def user_token(*, user_id: str, role: str, audience: str) -> str:
    return _sign({"sub": user_id, "role": role, "audience": audience}, USER_SALT)


def _sign(claims: dict[str, str], salt: str) -> str:
    kid, key = settings.SERVICE_KEYS[0]
    return f"{kid}~{signing.dumps(claims, key=key, salt=salt, compress=False)}"


def _verify(token: str, salt: str, max_age: int) -> dict[str, str] | None:
    kid, _, signed = token.partition("~")
    for known, key in settings.SERVICE_KEYS:
        if known == kid:
            claims = _claims(signed, key, salt, max_age, int(time.time()))
            return claims if claims and claims.get("audience") in (settings.SERVICE_NAME, "*") else None
    return None


@lru_cache(maxsize=CACHED_TOKENS)
def _claims(signed: str, key: str, salt: str, max_age: int, _second: int) -> dict[str, str] | None:
    """What a token says, if it is genuine; a service shows the same one with every call for a while."""
    try:
        claims: dict[str, str] = signing.loads(signed, key=key, salt=salt, max_age=max_age)
    except signing.BadSignature:
        return None
    return claims


def caller_of(request: HttpRequest) -> Caller:
    """The caller that the Authorization header proves; anonymous without one. Raises 401 for a bad one."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return ANONYMOUS
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer":
        if claims := _verify(token, SERVICE_SALT, SERVICE_SECONDS):
            return _on_behalf(request, claims["caller"])
        if claims := _verify(token, USER_SALT, USER_SECONDS):
            return Caller(user_id=claims["sub"], role=claims["role"])
    raise unauthenticated()


def _on_behalf(request: HttpRequest, service: str) -> Caller:
    """A service may name the person for whom it calls; only its credential makes that believable."""
    user_id = request.META.get(_meta(ON_BEHALF_OF), "")
    if user_id and not USER_ID.fullmatch(user_id):
        raise Problem(400, "INVALID", f"{ON_BEHALF_OF} is not a user id.")
    return Caller(service=service, user_id=user_id, role=request.META.get(_meta(ROLE), ""))


@cache
def _meta(header: str) -> str:
    """Where Django keeps it; `request.headers` would be built anew for every request."""
    return "HTTP_" + header.upper().replace("-", "_")


def unauthenticated() -> Problem:
    return Problem(
        401, "NOT_AUTHENTICATED", "A valid credential is needed.", headers={"WWW-Authenticate": "Bearer"}
    )


def require_service(request: HttpRequest) -> None:
    """Step endpoints take other services only; in demo mode everybody."""
    caller = caller_of(request)
    if not caller.service and not settings.DEMO_MODE:
        raise unauthenticated()


def require_operator(request: HttpRequest) -> Caller:
    """Operator actions need the role; in demo mode everybody may try them."""
    caller = caller_of(request)
    if caller.is_operator or settings.DEMO_MODE:
        return caller
    raise unauthenticated() if caller == ANONYMOUS else Problem(403, "NOT_ALLOWED", "Operators only.")


def require_overseer(request: HttpRequest) -> None:
    """Operators and auditors; in demo mode everybody."""
    caller = caller_of(request)
    if caller.role not in ("operator", "auditor") and not settings.DEMO_MODE:
        raise unauthenticated() if caller == ANONYMOUS else Problem(403, "NOT_ALLOWED", "Auditors only.")


def require_owner(request: HttpRequest, user_id: str, what: str) -> None:
    """What belongs to somebody else does not exist for the caller: the same 404 as none at all."""
    if not may_see(caller_of(request), user_id):
        raise hidden(what)


def may_see(caller: Caller, user_id: str) -> bool:
    """A service that names nobody asks for itself, such as the UI for a guest whose surname it checks."""
    if settings.DEMO_MODE or caller.role in ("operator", "auditor"):
        return True
    if caller.service and not caller.user_id:
        return True
    return bool(caller.user_id) and caller.user_id == user_id


def require_known(request: HttpRequest) -> None:
    """Somebody must be calling, before anything of the request is read; in demo mode nobody in particular."""
    if caller_of(request) == ANONYMOUS and not settings.DEMO_MODE:
        raise unauthenticated()


def require_user(request: HttpRequest, user_id: str) -> Caller:
    """Who acts for `user_id` must be that user, or nobody in particular in demo mode."""
    caller = caller_of(request)
    if caller.user_id and caller.user_id != user_id:
        raise Problem(403, "NOT_ALLOWED", "user_id is not the user of this token.")
    if not caller.user_id and not settings.DEMO_MODE:
        raise unauthenticated()
    return caller


def refuse_simulation(asked: bool) -> None:
    if asked and not settings.DEMO_MODE:
        raise Problem(403, "NOT_ALLOWED", "Failure switches work in demo mode only.")
