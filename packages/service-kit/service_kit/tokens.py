"""JSON Web Tokens (RFC 7519) of services and of people, signed with Ed25519 (RFC 8037).

Each service signs with its own key. The key that verifies a token is chosen by `kid`, says who issued it, and
`trust` says what that issuer may claim. `typ` tells the two kinds apart (RFC 8725, section 3.11).
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from service_kit import trust
from service_kit.keys import ALGORITHM, PublicKey, SigningKey, loaded

OF_SERVICE, OF_USER = "service+jwt", "user+jwt"
SERVICE_SECONDS = 60
USER_SECONDS = 15 * 60
SECONDS = {OF_SERVICE: SERVICE_SECONDS, OF_USER: USER_SECONDS}
RENEW_SECONDS = 20
LEEWAY_SECONDS = 10
"How far the clocks of two machines may differ."
ANY_AUDIENCE = "*"
"Of people's tokens. A service's names the one that it is for, which could send it on otherwise."
CACHED_TOKENS = 256
LONGEST_TOKEN = 2048

_jwt = jwt.PyJWT({"require": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"], "verify_signature": True})


@dataclass(frozen=True)
class Claims:
    """What a genuine token says; `kind` is OF_SERVICE or OF_USER, the times are Unix times."""

    kind: str
    issuer: str
    subject: str
    expires: int
    role: str = ""
    issued: int = 0


def service_token(*, audience: str) -> str:
    """For this service's calls to another; the same one for up to RENEW_SECONDS."""
    # By the clock that checks its age: a changed clock expires the token.
    period = int(time.time() // RENEW_SECONDS)
    return _service_token(settings.SIGNING_KEY, audience, period * RENEW_SECONDS)


@lru_cache(maxsize=64)
def _service_token(key: SigningKey, audience: str, issued: int) -> str:
    return sign(key, OF_SERVICE, subject=key.issuer, audience=audience, issued=issued)


def user_token(*, user_id: str, role: str, audience: str) -> str:
    """For a person, valid for USER_SECONDS."""
    issued = int(time.time())
    return sign(settings.SIGNING_KEY, OF_USER, subject=user_id, audience=audience, issued=issued, role=role)


def sign(key: SigningKey, kind: str, *, subject: str, audience: str, issued: int, **more: str) -> str:
    claims = {
        "iss": key.issuer,
        "aud": audience,
        "sub": subject,
        "iat": issued,
        "nbf": issued,
        "exp": issued + SECONDS[kind],
        "jti": uuid4().hex,
        **more,
    }
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    return _jwt.encode(claims, private, ALGORITHM, headers={"kid": key.kid, "typ": kind})


def verify(token: str) -> Claims | None:
    """The claims of a genuine token for this service that is valid now and claims what its issuer may."""
    if len(token) > LONGEST_TOKEN:
        return None
    try:
        claims = _verified(token, settings.VERIFYING_KEYS, settings.SERVICE_NAME)
    except (jwt.InvalidTokenError, KeyError):
        return None
    return claims if claims.expires + LEEWAY_SECONDS > time.time() else None


@lru_cache(maxsize=CACHED_TOKENS)
def _verified(token: str, keys: tuple[PublicKey, ...], audience: str) -> Claims:
    """Kept, because callers send a token many times: what it says does not change, but for its end."""
    header = jwt.get_unverified_header(token)
    kind, key = header.get("typ"), {key.kid: key for key in keys}[header["kid"]]
    claims = _jwt.decode(
        token,
        loaded(key.x),
        [ALGORITHM],
        issuer=key.issuer,
        audience=audience if kind == OF_SERVICE else (audience, ANY_AUDIENCE),
        leeway=LEEWAY_SECONDS,
    )
    rights, subject, role = trust.rights(key.issuer, audience), claims["sub"], claims.get("role")
    if rights and kind == OF_SERVICE and subject == key.issuer:
        return Claims(kind, key.issuer, subject, int(claims["exp"]))
    if rights and kind == OF_USER and isinstance(role, str) and role in rights.issues_to:
        return Claims(kind, key.issuer, subject, int(claims["exp"]), role, int(claims["iat"]))
    raise jwt.InvalidTokenError("It claims what its issuer may not.")
