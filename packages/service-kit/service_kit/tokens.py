"""JSON Web Tokens (RFC 7519) of services and of people, signed with HS256.

The first of the keys that the services share signs; every listed key verifies, chosen by `kid`, so that keys
are rotated without a gap. `typ` tells the two kinds apart (RFC 8725, section 3.11).
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from django.conf import settings

ALGORITHM = "HS256"
OF_SERVICE, OF_USER = "service+jwt", "user+jwt"
SERVICE_SECONDS = 60
RENEW_SECONDS = 20
USER_SECONDS = 15 * 60
LEEWAY_SECONDS = 10
"How far the clocks of two machines may differ."
ANY_AUDIENCE = "*"
CACHED_TOKENS = 256
LONGEST_TOKEN = 2048

_jwt = jwt.PyJWT(
    {
        "require": ["iss", "aud", "sub", "iat", "exp"],
        "verify_signature": True,
        "enforce_minimum_key_length": True,
    }
)
Key = tuple[str, str]
"Key id and secret."


@dataclass(frozen=True)
class Claims:
    """What a genuine token says; `kind` is OF_SERVICE or OF_USER, the times are Unix times."""

    kind: str
    subject: str
    expires: int
    role: str = ""
    issued: int = 0


def service_token(*, caller: str, audience: str) -> str:
    """For calls of one service to another; the same one for up to RENEW_SECONDS."""
    # By the clock that checks its age: a changed clock expires the token.
    period = int(time.time() // RENEW_SECONDS)
    return _service_token(settings.SERVICE_KEYS[0], caller, audience, period * RENEW_SECONDS)


@lru_cache(maxsize=64)
def _service_token(key: Key, caller: str, audience: str, issued: int) -> str:
    claims = {"iss": caller, "aud": audience, "sub": caller, "iat": issued, "exp": issued + SERVICE_SECONDS}
    return _sign(claims, OF_SERVICE, key)


def user_token(*, user_id: str, role: str, audience: str) -> str:
    """For a person, valid for USER_SECONDS."""
    issued = int(time.time())
    claims = {
        "iss": settings.SERVICE_NAME,
        "aud": audience,
        "sub": user_id,
        "iat": issued,
        "exp": issued + USER_SECONDS,
        "role": role,
    }
    return _sign(claims, OF_USER, settings.SERVICE_KEYS[0])


def _sign(claims: dict[str, Any], kind: str, key: Key) -> str:
    kid, secret = key
    return _jwt.encode(claims, secret, ALGORITHM, headers={"kid": kid, "typ": kind})


def verify(token: str) -> Claims | None:
    """The claims of a genuine token for this service that is valid now."""
    if len(token) > LONGEST_TOKEN:
        return None
    try:
        claims = _verified(token, tuple(settings.SERVICE_KEYS), settings.SERVICE_NAME)
    except (jwt.InvalidTokenError, KeyError):
        return None
    return claims if claims.expires + LEEWAY_SECONDS > time.time() else None


@lru_cache(maxsize=CACHED_TOKENS)
def _verified(token: str, keys: tuple[Key, ...], audience: str) -> Claims:
    """Kept, because callers send a token many times: what it says does not change, but for its end."""
    header = jwt.get_unverified_header(token)
    secret = dict(keys)[header["kid"]]
    claims = _jwt.decode(token, secret, [ALGORITHM], audience=(audience, ANY_AUDIENCE), leeway=LEEWAY_SECONDS)
    kind, subject, role = header.get("typ"), claims["sub"], claims.get("role")
    if kind == OF_SERVICE and subject and subject == claims["iss"]:
        return Claims(kind, subject, int(claims["exp"]))
    if kind == OF_USER and isinstance(role, str):
        return Claims(kind, subject, int(claims["exp"]), role, int(claims["iat"]))
    raise jwt.InvalidTokenError("Neither a service's token nor a person's.")
