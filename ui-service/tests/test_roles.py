"""Roles are given by a command and by operators; every change is in the audit trail."""

from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from service_kit.security.models import AuditEntry

from tests.desk import BACKEND, LOYALTY, PAYMENT, Desk
from ui.models import User

PAGE = "/console/people/"


@pytest.fixture
def operator(transactional_db: None, settings: Settings) -> User:
    settings.DEMO_MODE = False
    return User.objects.create_user(username="olga", password="correct horse 9", role=User.Role.OPERATOR)


def changes() -> list[tuple[str, ...]]:
    found = AuditEntry.objects.filter(action="set-role").order_by("id")
    return list(found.values_list("actor", "reason", "evidence"))


def test_command_makes_an_operator_and_says_so_in_the_audit_trail(traveller: User) -> None:
    call_command("set_role", "ada", "operator", reason="first operator")
    traveller.refresh_from_db()
    assert traveller.role == User.Role.OPERATOR
    evidence = f"{traveller.traveller_id}: traveller to operator"
    assert changes() == [("command line", "first operator", evidence)]


@pytest.mark.parametrize(
    ("name", "reason", "message"), [("nobody", "x", "no account"), ("ada", " ", "reason")]
)
def test_command_that_cannot_be_done_changes_nothing(
    traveller: User, name: str, reason: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("set_role", name, "operator", reason=reason)
    traveller.refresh_from_db()
    assert traveller.role == User.Role.TRAVELLER
    assert changes() == []


def test_operator_changes_the_role_of_another_account(
    client: Client, operator: User, traveller: User
) -> None:
    client.force_login(operator)
    assert b"ada@example.com" in client.get(PAGE, {"q": "ada"}).content
    form = {"username": "ada", "role": "auditor", "reason": "reads the books"}
    client.post(PAGE, {**form, "password": "a guess"})
    assert changes() == []
    assert client.post(PAGE, {**form, "password": "correct horse 9"}).status_code == 302
    traveller.refresh_from_db()
    assert traveller.role == User.Role.AUDITOR
    assert [row[0] for row in changes()] == [operator.traveller_id]


@pytest.mark.parametrize(
    "form",
    [
        {"username": "olga", "role": "traveller", "reason": "own role"},
        {"username": "ada", "role": "pilot", "reason": "no such role"},
        {"username": "ada", "role": "operator", "reason": ""},
    ],
)
def test_role_change_that_is_not_allowed_is_reported_and_not_made(
    client: Client, operator: User, traveller: User, form: dict[str, str]
) -> None:
    client.force_login(operator)
    answer = client.post(PAGE, {**form, "password": "correct horse 9"}, follow=True)
    assert b"note bad" in answer.content and b"not your password" not in answer.content
    assert User.objects.get(username="olga").role == User.Role.OPERATOR
    assert User.objects.get(username="ada").role == User.Role.TRAVELLER
    assert changes() == []


@pytest.fixture
def ended(desk: Desk) -> list[str]:
    """The addresses at which tokens were ended."""
    asked: list[str] = []

    def end(request: Any) -> tuple[int, dict[str, str], str]:
        asked.append(f"{request.url} {request.body.decode()}")
        return 200, {}, '{"success":true}'

    for address in (BACKEND, PAYMENT, LOYALTY):
        desk.edge.add_callback(responses.POST, f"{address}/api/tokens/end/", callback=end)
    return asked


def test_role_that_is_taken_away_ends_the_tokens_at_every_service(traveller: User, ended: list[str]) -> None:
    call_command("set_role", "ada", "operator", reason="works here")
    assert ended == []
    call_command("set_role", "ada", "traveller", reason="has left")
    body = f'{{"user_id":"{traveller.traveller_id}"}}'
    assert ended == [f"{address}/api/tokens/end/ {body}" for address in (BACKEND, PAYMENT, LOYALTY)]


def test_service_that_cannot_end_the_tokens_is_named_and_the_role_is_gone(
    traveller: User, desk: Desk
) -> None:
    call_command("set_role", "ada", "auditor", reason="works here")
    desk.edge.add(responses.POST, f"{BACKEND}/api/tokens/end/", status=503)
    with pytest.raises(CommandError, match=r"backend was not told: .* 15 minutes"):
        call_command("set_role", "ada", "traveller", reason="has left")
    traveller.refresh_from_db()
    assert traveller.role == User.Role.TRAVELLER


@pytest.mark.parametrize("role", [User.Role.TRAVELLER, User.Role.AUDITOR])
def test_only_operators_see_and_change_roles(
    client: Client, operator: User, traveller: User, role: str
) -> None:
    traveller.role = role
    traveller.save()
    client.force_login(traveller)
    assert client.get(PAGE).status_code == 403
    form = {"username": "ada", "role": "operator", "reason": "mine"}
    assert client.post(PAGE, form).status_code == 403
    assert changes() == []
