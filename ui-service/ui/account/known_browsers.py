"""Browsers in which an account has logged in before: wrong guesses of others do not lock them out."""

import secrets

from django.http import HttpRequest, HttpResponse
from service_kit.security.throttle import folded

from ui import cookies

BROWSER = "known_browser"


def remember_browser(response: HttpResponse, username: str) -> None:
    browser = f"{secrets.token_hex(8)}:{folded(username)}"
    cookies.give(response, BROWSER, cookies.signed(BROWSER, browser))


def counter_of(request: HttpRequest, name: str) -> str:
    """That of a browser in which this account has logged in before; empty for any other."""
    browser, _, owner = cookies.read_signed(request, BROWSER).partition(":")
    return f"browser:{browser}" if owner and owner == name else ""
