"""Who logs in and out, how long a session lasts, and which passwords are refused."""

import time

import pytest
import responses
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from service_kit.limits import Limit
from service_kit.security.models import AuditEntry, AuditKind

from tests.desk import BACKEND, LOYALTY, PAYMENT, Desk
from ui.account.sign_ins import BEGAN, SEEN
from ui.models import User

PASSWORD = "correct horse 9"
LOGIN = {"username": "ada", "password": PASSWORD}


def told() -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(kind=AuditKind.ACCOUNT).order_by("id")
    return list(found.values_list("action", "actor", "address"))


def test_login_logout_and_failures_are_in_the_audit_trail_with_account_and_address(
    client: Client, desk: Desk, traveller: User
) -> None:
    own, address = traveller.traveller_id, "127.0.0.1"
    client.post("/account/login/", {**LOGIN, "password": "guessed-secret"})
    client.post("/account/login/", {"username": "my-typed-password", "password": "x"})
    client.post("/account/login/", LOGIN)
    client.post("/account/logout/")
    assert told() == [
        ("login-failed", own, address),
        ("login-failed", "", address),
        ("login", own, address),
        ("logout", own, address),
    ]
    kept = str(list(AuditEntry.objects.values_list()))
    assert not [text for text in ("guessed-secret", "my-typed-password", "ada") if text in kept]


def test_changed_password_ends_the_other_sessions_and_is_in_the_audit_trail(
    client: Client, desk: Desk, traveller: User
) -> None:
    other = Client()
    for browser in (client, other):
        browser.post("/account/login/", LOGIN)
    form = {
        "old_password": PASSWORD,
        "new_password1": "another phrase 7",
        "new_password2": "another phrase 7",
    }
    client.post("/account/password/", form)
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert Session.objects.count() == 1
    assert told()[-1][:2] == ("password-change", traveller.traveller_id)


@pytest.mark.parametrize(
    ("role", "seconds"), [(User.Role.TRAVELLER, 14 * 24 * 3600), (User.Role.OPERATOR, 1800)]
)
def test_session_without_a_request_ends(
    client: Client, desk: Desk, traveller: User, settings: Settings, role: str, seconds: int
) -> None:
    settings.DEMO_MODE = False
    settings.SECURE_SSL_REDIRECT = False
    traveller.role = role
    traveller.save()
    client.post("/account/login/", LOGIN)
    client.get("/account/")
    for idle, status in ((seconds - 60, 200), (seconds + 60, 302)):
        session = client.session
        session[SEEN] -= idle
        session.save()
        assert client.get("/account/").status_code == status, idle


@pytest.mark.parametrize(
    ("role", "hours"), [(User.Role.TRAVELLER, 30 * 24), (User.Role.OPERATOR, 12), (User.Role.AUDITOR, 12)]
)
def test_session_ends_some_time_after_its_login_however_much_it_is_used(
    client: Client, desk: Desk, traveller: User, settings: Settings, role: str, hours: int
) -> None:
    settings.DEMO_MODE = False
    traveller.role = role
    traveller.save()
    client.post("/account/login/", LOGIN)
    for old, status in ((hours * 3600 - 60, 200), (120, 302)):
        session = client.session
        session[BEGAN] -= old
        session.save()
        assert client.get("/account/").status_code == status, old
    assert "your login was too long ago" in client.get("/account/login/").content.decode()


def test_session_of_an_earlier_release_counts_from_its_next_request(
    client: Client, desk: Desk, traveller: User
) -> None:
    client.post("/account/login/", LOGIN)
    session = client.session
    del session[BEGAN]
    session.save()
    assert client.get("/account/").status_code == 200
    assert client.session[BEGAN] <= time.time()


def test_button_ends_the_session_of_every_browser(client: Client, desk: Desk, traveller: User) -> None:
    other, stranger = Client(), Client()
    for browser in (client, other):
        browser.post("/account/login/", LOGIN)
    stranger.force_login(User.objects.create_user(username="bob", password=PASSWORD))
    assert "Log out everywhere" in client.get("/account/").content.decode()
    assert client.get("/account/logout/everywhere/").status_code == 405
    answer = client.post("/account/logout/everywhere/", follow=True)
    assert "You are logged out in every browser." in answer.content.decode()
    statuses = [each.get("/account/").status_code for each in (client, other, stranger)]
    assert statuses == [302, 302, 200]
    assert ("logout-everywhere", traveller.traveller_id, "127.0.0.1") in told()


def test_command_ends_the_sessions_of_a_person_and_says_so_in_the_audit_trail(
    client: Client, desk: Desk, traveller: User, capsys: pytest.CaptureFixture[str]
) -> None:
    client.force_login(traveller)
    call_command("end_sessions", "ada", reason="lost telephone")
    assert "1 sessions ended." in capsys.readouterr().out
    assert client.get("/account/").status_code == 302
    row = AuditEntry.objects.get(action="end-sessions")
    assert (row.kind, row.reason, row.evidence) == ("operator", "lost telephone", traveller.traveller_id)
    with pytest.raises(CommandError, match="no account bob"):
        call_command("end_sessions", "bob", reason="x")


def test_operators_access_headers_end_with_the_sessions(desk: Desk, traveller: User) -> None:
    traveller.role = User.Role.OPERATOR
    traveller.save()
    for base in (BACKEND, PAYMENT):
        desk.edge.add(responses.POST, f"{base}/api/tokens/end/", json={"success": True})
    desk.edge.add(responses.POST, f"{LOYALTY}/api/tokens/end/", status=503)
    with pytest.raises(CommandError, match="sessions have ended, but loyalty was not told"):
        call_command("end_sessions", traveller.traveller_id, reason="lost telephone")
    sent = [call.request.body for call in desk.edge.calls]
    assert sent == [f'{{"user_id":"{traveller.traveller_id}"}}'.encode()] * 3


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "spacecadet1",
        "Iloveyou123",
        "Tidewing2026!",
        "T1dew1ng99",
        "ada-lovelace",
        "gracehopper1",
        "b00king-1234",
    ],
)
def test_common_or_leaked_password_or_one_about_the_site_or_the_person_is_refused(
    client: Client, desk: Desk, password: str
) -> None:
    form = {"username": "ada-lovelace", "email": "gracehopper@example.com", "password": password}
    assert client.post("/account/register/", form).status_code == 422
    assert User.objects.count() == 0


def test_phrase_that_names_the_site_among_others_is_taken(client: Client, desk: Desk) -> None:
    desk.answers_anything("/api/tickets/user/")
    client.post("/account/register/", {"username": "ada", "password": "my flight of seven purple geese"})
    assert User.objects.count() == 1


def test_guesses_of_the_password_in_an_open_session_are_counted(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    settings.SECURE_SSL_REDIRECT = False
    settings.LIMITS = {**settings.LIMITS, "logins": Limit(2, 100, seconds=300)}
    client.force_login(traveller)
    form = {"email": "thief@example.com", "password": "wrong"}
    said = [client.post("/account/profile/", form).content.decode() for _ in range(3)]
    assert ["not your password" in text for text in said] == [True, True, False]
    assert "Too many tries" in said[2]
