"""Credentials as other services make them in demo mode: each with a key of its own."""

import time

from service_kit import keys, tokens
from service_kit.trust import UI


def service_bearer(*, caller: str, audience: str) -> str:
    """The Authorization header of that service's calls."""
    now = int(time.time())
    token = tokens.sign(keys.demo(caller), tokens.OF_SERVICE, subject=caller, audience=audience, issued=now)
    return f"Bearer {token}"


def user_token(*, user_id: str, role: str, audience: str, issuer: str = UI) -> str:
    """Without the scheme."""
    now = int(time.time())
    key = keys.demo(issuer)
    return tokens.sign(key, tokens.OF_USER, subject=user_id, audience=audience, issued=now, role=role)
