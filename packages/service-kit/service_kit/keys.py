"""Ed25519 keys of services as JSON Web Keys (RFC 7517, RFC 8037).

A service holds its private key, and of the others a set of public ones. The member `iss` of a key names the
service that signs with it: a key proves its own service's word and no other's.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHM = "EdDSA"
DEMO = b"demo-only-key-that-is-public-and-refused-outside-demo-mode:"
Jwk = dict[str, str]


class KeyFormatError(Exception):
    """A key or a set of keys that cannot be read; the message holds nothing of it."""


class PublicKey(NamedTuple):
    """`x` as in its JSON Web Key."""

    kid: str
    issuer: str
    x: str


@dataclass(frozen=True)
class SigningKey:
    """`seed` is the private key: `d` of its JSON Web Key."""

    kid: str
    issuer: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.kid, self.issuer, _public_half(self.seed))

    def to_jwk(self) -> Jwk:
        return {**public_jwk(self.public), "d": _encode(self.seed)}


def new(issuer: str) -> SigningKey:
    kid = f"{issuer}-{datetime.now(UTC):%Y-%m-%d}-{secrets.token_hex(2)}"
    return SigningKey(kid, issuer, secrets.token_bytes(32))


@lru_cache
def demo(issuer: str) -> SigningKey:
    """The same everywhere, so that demo mode needs no secrets."""
    return SigningKey(f"demo-{issuer}", issuer, hashlib.sha256(DEMO + issuer.encode()).digest())


def is_demo(key: PublicKey) -> bool:
    return key.x == demo(key.issuer).public.x


def public_jwk(key: PublicKey) -> Jwk:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": ALGORITHM,
        "use": "sig",
        "kid": key.kid,
        "iss": key.issuer,
        "x": key.x,
    }


def write_set(keys: Iterable[PublicKey]) -> str:
    return json.dumps({"keys": [public_jwk(key) for key in keys]}, indent=1) + "\n"


def read_private(text: str) -> SigningKey:
    """A private key. Raises KeyFormatError."""
    jwk = _object(text)
    public = _read_public(jwk)
    seed = _decode(jwk, "d")
    if _public_half(seed) != public.x:
        raise KeyFormatError("its x is not of its d")
    return SigningKey(public.kid, public.issuer, seed)


def read_set(text: str) -> tuple[PublicKey, ...]:
    """The public keys of a set. Raises KeyFormatError, also for a private one."""
    listed = _object(text).get("keys")
    if not isinstance(listed, list) or not all(isinstance(jwk, dict) for jwk in listed):
        raise KeyFormatError("it has no list of keys")
    if any("d" in jwk for jwk in listed):
        raise KeyFormatError("it has a private key, which nobody but its service may hold")
    found = tuple(map(_read_public, listed))
    if len({key.kid for key in found}) < len(found):
        raise KeyFormatError("two of its keys have one kid")
    return found


@lru_cache
def loaded(x: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(_decode({"x": x}, "x"))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise KeyFormatError("it is not a JSON object")
    return value


def _read_public(jwk: Mapping[str, Any]) -> PublicKey:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise KeyFormatError("it has a key that is not Ed25519")
    names = [jwk.get("kid"), jwk.get("iss")]
    if not all(isinstance(name, str) and name for name in names):
        raise KeyFormatError("it has a key without a kid or without an iss")
    return PublicKey(str(jwk["kid"]), str(jwk["iss"]), _encode(_decode(jwk, "x")))


def _public_half(seed: bytes) -> str:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return _encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(jwk: Mapping[str, Any], name: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(str(jwk.get(name, "")) + "==")
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise KeyFormatError(f"its {name} is not 32 bytes of base64url")
    return raw
