"""The site's own cookies besides those of sessions and forms: names, signatures and attributes."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core.signing import get_cookie_signer
from django.http import HttpRequest, HttpResponse

YEAR_SECONDS = 365 * 24 * 3600


def name_of(name: str) -> str:
    """Under TLS with the prefix with which browsers take it from this host only, and not from a subdomain."""
    return f"{settings.COOKIE_PREFIX}{name}"


def signed(name: str, value: str) -> str:
    return get_cookie_signer(salt=name_of(name)).sign(value)


def read_signed(request: HttpRequest, name: str) -> str:
    """Empty if there is none, or it is forged or older than a year."""
    return str(request.get_signed_cookie(name_of(name), default="", max_age=YEAR_SECONDS))


def give(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name_of(name),
        value,
        max_age=YEAR_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def take_away(response: HttpResponse, name: str) -> None:
    response.delete_cookie(name_of(name), samesite="Lax")


class _MessageCookie(CookieStorage):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cookie_name = name_of("messages")


class MessageStorage(FallbackStorage):
    """Django's default."""

    storage_classes = (_MessageCookie, SessionStorage)
