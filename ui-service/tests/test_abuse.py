"""Abuses that every page has one answer for."""

import pytest
from django.test import Client
from pytest_django import Settings

from tests.desk import SAGA, Desk
from tests.routes import ROUTES, address
from ui.models import User


@pytest.mark.parametrize("route", ROUTES)
def test_wrong_method_is_405_with_allow(route: str, client: Client, desk: Desk, traveller: User) -> None:
    if route != "account/login/":  # Which sends those on who are logged in.
        client.force_login(traveller)
    for method in ("PATCH", "DELETE"):
        answer = client.generic(method, address(route, "1"))
        assert answer.status_code == 405, method
        assert {"GET", "POST"} & set(answer["Allow"].split(", "))


@pytest.mark.parametrize("route", [route for route in ROUTES if route != "metrics"])
def test_wrong_host_is_400(route: str, client: Client, desk: Desk) -> None:
    if not route.startswith("api/health"):
        assert client.get(address(route, "1"), headers={"Host": "evil.example"}).status_code == 400


def test_form_over_64_kib_is_413_and_makes_no_account(client: Client, desk: Desk) -> None:
    form = {"username": "ada", "email": "ada@example.com", "password": "x" * 70_000}
    assert client.post("/account/register/", form).status_code == 413
    assert not User.objects.exists()


def test_cookies_are_for_https_and_ours_alone_outside_demo_mode(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    answer = client.post("/account/login/", {"username": "ada", "password": "correct horse 9"})
    assert answer.status_code == 302
    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


@pytest.mark.parametrize("path", ["/console/", f"/console/{SAGA}/", "/faults/"])
def test_operators_pages_are_closed_to_guests_outside_demo_mode(
    path: str, client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    assert client.get(path).status_code == (404 if path == "/faults/" else 403)
    assert desk.calls == []
