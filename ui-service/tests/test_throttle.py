"""Limits on logins and look-ups outside demo mode."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import Settings

from tests.desk import Desk
from ui import throttle
from ui.models import Attempt, User

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WRONG = {"username": "ada", "password": "wrong"}


@pytest.fixture(autouse=True)
def real_mode(settings: Settings, demo_mode: None) -> None:
    settings.DEMO_MODE = False


def test_login_tried_too_often_is_a_429_even_with_the_right_password(client: Client, traveller: User) -> None:
    for _ in range(throttle.MOST["login"]):
        assert client.post("/account/login/", WRONG).status_code == 422
    response = client.post("/account/login/", {**WRONG, "password": "correct horse 9"})
    assert response.status_code == 429
    assert response["Retry-After"] == "300"


def test_others_may_still_log_in(client: Client, traveller: User) -> None:
    for _ in range(throttle.MOST["login"] + 1):
        client.post("/account/login/", {"username": "somebody", "password": "x"})
    assert client.post("/account/login/", {**WRONG, "password": "correct horse 9"}).status_code == 302


def test_guessing_references_is_stopped(client: Client, desk: Desk) -> None:
    desk.refuses("/api/bookings/XYZ999/", 404, "NOT_FOUND", "There is no such booking.", method="GET")
    form = {"reference": "XYZ999", "surname": "x"}
    seen = [client.post("/trips/find/", form).status_code for _ in range(throttle.MOST["find-from"] + 1)]
    assert seen == [422] * throttle.MOST["find-from"] + [429]
    assert len(desk.calls) == throttle.MOST["find-from"]


def test_a_new_window_begins_at_nought_and_forgets_the_old_ones(transactional_db: None) -> None:
    for minute in (0, 1, 11):
        throttle.is_too_much("login", "ada", now=NOW.replace(minute=minute))
    assert list(Attempt.objects.values_list("number", flat=True)) == [1]


def test_demo_mode_has_no_limits(client: Client, traveller: User, settings: Settings) -> None:
    settings.DEMO_MODE = True
    seen = {client.post("/account/login/", WRONG).status_code for _ in range(throttle.MOST["login"] + 3)}
    assert seen == {422}
    assert Attempt.objects.count() == 0
