"""Accounts: register, log in, password, token, colour scheme, the demo login."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from service_kit import tokens

from tests.desk import Desk
from ui.models import User

NEW = {"username": "grace", "email": "grace@example.com", "password": "a long enough phrase"}


def test_registering_logs_in_and_gives_an_id_that_the_name_does_not_tell(client: Client, desk: Desk) -> None:
    desk.answers_anything("/api/tickets/user/")
    client.post("/account/register/", NEW)
    user = User.objects.get(username="grace")
    assert user.traveller_id.startswith("u-") and "grace" not in user.traveller_id
    assert user.role == User.Role.TRAVELLER
    assert "grace" in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("password", "12345678", "entirely numeric"),
        ("password", "short", "too short"),
        ("username", "a b", "valid username"),
        ("email", "nobody", "Enter a valid email address."),
    ],
)
def test_bad_registration_says_so_and_keeps_the_rest(
    client: Client, desk: Desk, field: str, value: str, message: str
) -> None:
    response = client.post("/account/register/", {**NEW, field: value})
    text = response.content.decode()
    assert response.status_code == 422 and message in text
    assert User.objects.count() == 0
    assert NEW["password"] not in text


def test_name_and_password_are_enough_to_register(client: Client, desk: Desk) -> None:
    desk.answers_anything("/api/tickets/user/")
    assert "A username and a password are enough." in client.get("/account/register/").content.decode()
    assert client.post("/account/register/", {**NEW, "email": ""})["Location"] == "/trips/"
    assert User.objects.get(username="grace").email == ""


def test_role_and_traveller_id_cannot_be_posted(client: Client, desk: Desk) -> None:
    desk.answers_anything("/api/tickets/user/")
    client.post("/account/register/", {**NEW, "role": "operator", "traveller_id": "demo", "is_staff": "1"})
    user = User.objects.get(username="grace")
    assert (user.role, user.is_staff) == ("traveller", False) and user.traveller_id != "demo"


def test_login_returns_to_our_pages_only(client: Client, desk: Desk, traveller: User) -> None:
    login = {"username": "ada", "password": "correct horse 9"}
    assert client.post("/account/login/", {**login, "next": "/miles/"})["Location"] == "/miles/"
    client.logout()
    assert client.post("/account/login/", {**login, "next": "https://evil.example/"})["Location"] == "/trips/"


def test_wrong_password_is_told_without_telling_which_part(
    client: Client, desk: Desk, traveller: User
) -> None:
    for name in ("ada", "nobody"):
        response = client.post("/account/login/", {"username": name, "password": "wrong"})
        assert response.status_code == 422
        assert "correct username and password" in response.content.decode()


def test_account_needs_a_login(client: Client, desk: Desk) -> None:
    for page in ("/account/", "/account/profile/", "/account/password/"):
        assert client.get(page)["Location"] == f"/account/login/?next={page}"


def test_login_outlives_its_secret_key_as_long_as_that_is_a_fallback(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    client.force_login(traveller)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the key of after the rotation"
    assert client.get("/account/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get("/account/").status_code == 200  # It has been signed anew.
    settings.SECRET_KEY = "yet another key"
    assert client.get("/account/").status_code == 302


def test_changed_email_is_kept_and_filled_in_at_the_next_booking(
    client: Client, desk: Desk, traveller: User
) -> None:
    client.force_login(traveller)
    desk.sells()
    form = {"email": "new@example.com", "password": "correct horse 9"}
    assert client.post("/account/profile/", form)["Location"] == "/account/"
    assert 'value="new@example.com"' in client.get("/book/passengers/?flight=1").content.decode()


@pytest.mark.parametrize("email", ["nobody", "a@b@c.example"])
def test_wrong_email_is_told_and_not_kept(client: Client, desk: Desk, traveller: User, email: str) -> None:
    client.force_login(traveller)
    response = client.post("/account/profile/", {"email": email, "role": "operator"})
    assert response.status_code == 422 and 'aria-invalid="true"' in response.content.decode()
    traveller.refresh_from_db()
    assert (traveller.email, traveller.role) == ("ada@example.com", "traveller")


@pytest.mark.parametrize("password", ["", "wrong"])
def test_other_email_needs_the_password(client: Client, desk: Desk, traveller: User, password: str) -> None:
    client.force_login(traveller)
    form = {"email": "thief@example.com", "password": password}
    assert client.post("/account/profile/", form).status_code == 422
    assert client.post("/account/profile/", {"email": "ada@example.com"}).status_code == 302
    traveller.refresh_from_db()
    assert traveller.email == "ada@example.com"


def test_password_change_keeps_the_session(client: Client, desk: Desk, traveller: User) -> None:
    client.force_login(traveller)
    passwords = {"new_password1": "another phrase 7", "new_password2": "another phrase 7"}
    client.post("/account/password/", {"old_password": "correct horse 9", **passwords})
    traveller.refresh_from_db()
    assert traveller.check_password("another phrase 7")
    assert client.get("/account/").status_code == 200


def test_token_is_the_travellers_and_shown_once(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    client.force_login(traveller)
    text = client.post("/account/").content.decode()
    token = text.partition("Bearer ")[2].partition("<")[0]
    settings.SERVICE_NAME, settings.VERIFYING_KEYS = "backend", (settings.SIGNING_KEY.public,)
    claims = tokens.verify(token)
    assert claims and (claims.kind, claims.subject, claims.role) == (
        tokens.OF_USER,
        traveller.traveller_id,
        "traveller",
    )
    assert "Bearer" not in client.get("/account/").content.decode()


def test_logging_out_needs_a_post(client: Client, desk: Desk, traveller: User) -> None:
    client.force_login(traveller)
    assert client.get("/account/logout/").status_code == 405
    client.post("/account/logout/")
    assert "Log in" in client.get("/").content.decode()


def test_colour_scheme_is_kept_in_a_cookie(client: Client, desk: Desk) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": "/miles/"})
    assert not response.cookies["theme"]["secure"]
    assert response["Location"] == "/miles/"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    assert client.post("/theme/", {"theme": "x", "next": "//evil.example"})["Location"] == "/"


def test_demo_user_is_made_once_and_put_back_as_it_was(desk: Desk) -> None:
    for _ in range(2):
        call_command("make_demo_user")
    user = User.objects.get()
    assert (user.username, user.traveller_id, user.role) == ("demo", "demo", "operator")
    assert user.check_password("demo-pass-2026")


def test_demo_user_is_refused_outside_demo_mode(desk: Desk, settings: Settings) -> None:
    settings.DEMO_MODE = False
    with pytest.raises(CommandError):
        call_command("make_demo_user")


def test_every_cookie_is_for_this_host_and_tls_only_outside_demo_mode(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    """A browser refuses a cookie `__Host-…` with a domain, or without Secure or the path /."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.COOKIE_PREFIX = prefix = "__Host-"
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = f"{prefix}ui_session", f"{prefix}csrftoken"
    desk.sells()
    client.get("/book/passengers/?flight=1")
    client.post("/theme/", {"theme": "dark"})
    assert 'data-theme="dark"' in client.get("/account/login/").content.decode()
    client.post("/account/login/", {"username": "ada", "password": "correct horse 9"})
    client.post("/account/profile/", {"email": "ada@example.com"})
    names = {"csrftoken", "guest_id", "theme", "ui_session", "known_browser", "messages"}
    assert set(client.cookies) == {f"{prefix}{name}" for name in names}
    for name, cookie in client.cookies.items():
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", ""), name
        assert cookie["httponly"] or not cookie.value, name


@pytest.mark.parametrize("typed", ["Grace", "GRACE", "ｇrace", "grace"])  # noqa: RUF001 - a wide letter
def test_a_name_is_the_same_in_any_case_and_width(client: Client, desk: Desk, typed: str) -> None:
    desk.answers_anything("/api/tickets/user/")
    client.post("/account/register/", NEW)
    client.post("/account/logout/")
    again = client.post("/account/register/", {**NEW, "username": typed})
    assert again.status_code == 422 and "already exists" in again.content.decode()
    assert User.objects.count() == 1
    client.post("/account/login/", {"username": typed, "password": NEW["password"]})
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)
