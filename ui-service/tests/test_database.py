"""What visitors and callers are told while the UI's own database is busy, away or refuses."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.db import SessionStore
from django.db import InternalError, OperationalError, connection
from django.test import Client
from pytest_django import Settings
from service_kit.testing.calls import at_once, busy_database
from structlog.testing import capture_logs

from tests.caller import Caller
from tests.desk import Desk, booking
from ui.models import User

PASSWORD = "correct horse 9"
NEW = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
AWAY = OperationalError("the database is away")
READ_ONLY = InternalError("cannot execute INSERT in a read-only transaction")
PAGES = ("/", "/account/login/", "/account/register/", "/trips/", "/miles/", "/console/", "/how-it-works/")


@pytest.fixture
def visitor(transactional_db: None) -> Client:
    """Has a session, and sees a 500 where there is one."""
    session = SessionStore()
    session["seen"] = True
    session.save()
    client = Client(raise_request_exception=False)
    client.cookies["ui_session"] = session.session_key or ""
    return client


def every_statement(error: Exception) -> Any:
    def refuse(*_: Any) -> None:
        raise error

    return connection.execute_wrapper(refuse)


def assert_try_again(answer: Any) -> None:
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    text = answer.content.decode()
    assert "It should be back in a moment" in text and "</html>" in text


@pytest.mark.parametrize("error", [AWAY, READ_ONLY], ids=["away", "read-only"])
@pytest.mark.parametrize("path", PAGES)
def test_page_without_its_database_is_a_503_in_our_form_with_a_log_line(
    visitor: Client, desk: Desk, path: str, error: Exception
) -> None:
    with capture_logs() as lines, every_statement(error):
        answer = visitor.get(path)
    assert_try_again(answer)
    assert {"database_unavailable", "database_refused"} & {line["event"] for line in lines}


@pytest.mark.parametrize("path", ["/account/login/", "/account/register/"])
def test_form_that_cannot_be_written_is_a_503_in_our_form(
    visitor: Client, traveller: User, path: str
) -> None:
    fields = {**NEW, "username": "ada" if "login" in path else "bob"}
    with capture_logs() as lines, busy_database():
        answer = visitor.post(path, fields)
    assert_try_again(answer)
    assert [line["meaning"] for line in lines if line["event"] == "database_unavailable"] == ["BUSY"]


def test_session_that_cannot_be_stored_is_a_503_and_a_deleted_one_is_the_callers(
    visitor: Client, desk: Desk
) -> None:
    desk.answers("/api/bookings/find/", booking(user_id="u-1"), method="POST")
    find = {"reference": "ABC234", "surname": "Lovelace"}
    with capture_logs() as lines, busy_database():
        answer = visitor.post("/trips/find/", find)
    assert_try_again(answer)
    assert [line["meaning"] for line in lines if line["event"] == "database_unavailable"] == ["BUSY"]

    def delete(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "django_session"'):
            execute('DELETE FROM "django_session"', (), *rest[1:])
        return execute(sql, *rest)

    with connection.execute_wrapper(delete):
        assert visitor.post("/trips/find/", find).status_code == 400


def test_api_address_without_its_database_is_a_problem(visitor: Client) -> None:
    with every_statement(AWAY):
        answer = visitor.get("/api/saga/stream/some-saga/")
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer["Retry-After"]


def test_two_registrations_of_one_name_at_once_make_one_user_and_one_form_error(
    transactional_db: None,
) -> None:
    def register() -> int:
        return Client(raise_request_exception=False).post("/account/register/", NEW).status_code

    answers = sorted(at_once(*[register] * 4))
    assert (answers[0], set(answers[1:])) == (302, {422})
    assert User.objects.count() == 1


def test_name_taken_since_the_form_was_checked_is_a_form_error(client: Client) -> None:
    taken: list[User] = []

    def take(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "ui_user"') and not taken:
            taken.append(User(username="ada"))
            taken[0].save()
        return execute(sql, *rest)

    with connection.execute_wrapper(take):
        answer = client.post("/account/register/", NEW)
    assert answer.status_code == 422
    assert "already exists" in answer.content.decode()
    assert User.objects.get().pk == taken[0].pk


@pytest.mark.parametrize("path", ["/account/login/", "/account/register/", "/trips/find/"])
def test_nul_in_a_field_is_the_callers_fault(
    client: Client, desk: Desk, settings: Settings, path: str
) -> None:
    settings.DEMO_MODE = False  # With its counts of who tried how often.
    fields = {**dict.fromkeys(("username", "password", "email", "surname"), "a\0b"), "reference": "A\0BCDE"}
    assert client.post(path, fields).status_code in (400, 422)


def test_nul_in_the_session_cookie_is_the_callers_fault_or_no_session(client: Client) -> None:
    client.cookies["ui_session"] = "abcdefgh\0ijklmnop"
    assert client.get("/account/login/").status_code in (200, 400)


@async_to_sync
async def late(path: str) -> tuple[int, str]:
    caller = Caller(path, "POST", content_length="100", content_type="application/x-www-form-urlencoded")
    await caller.send(b"username=ada&pass", more=True)
    return await caller.answer()


def test_form_whose_body_stalls_is_a_408_in_our_form_with_a_log_line(
    transactional_db: None, settings: Settings
) -> None:
    settings.READ_SECONDS = 0.2
    with capture_logs() as lines:
        status, text = late("/account/login/")
    assert (status, "did not arrive in time" in text, "</html>" in text) == (408, True, True)
    assert [line["status"] for line in lines if line["event"] == "request"] == [408]
