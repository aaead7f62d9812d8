"""Who was refused a page, in rows that nobody can change."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from pytest_django import Settings
from service_kit.limits import Limit
from service_kit.security import append_only
from service_kit.security.models import AuditEntry, AuditKind

from tests.desk import SAGA, Desk
from ui.models import User


@pytest.fixture(autouse=True)
def real_mode(settings: Settings, demo_mode: None) -> None:
    settings.DEMO_MODE = False


def trail() -> list[tuple[str, ...]]:
    found = AuditEntry.objects.exclude(kind=AuditKind.ACCOUNT).order_by("id")
    return list(found.values_list("kind", "actor", "address", "action", "reason", "evidence"))


@pytest.mark.parametrize(
    ("method", "path", "route", "evidence"),
    [
        ("get", "/console/", "/console/", ""),
        ("get", "/console/audit/", "/console/audit/", ""),
        ("get", f"/console/{SAGA}/", "/console/<str:correlation_id>/", SAGA),
        ("get", f"/console/{SAGA}/export.json", "/console/<str:correlation_id>/export.json", SAGA),
        ("post", f"/console/{SAGA}/act/", "/console/<str:correlation_id>/act/", SAGA),
        ("post", "/console/act/", "/console/act/", ""),
    ],
)
def test_operators_page_that_a_traveller_tries_left_no_row(
    client: Client, desk: Desk, traveller: User, method: str, path: str, route: str, evidence: str
) -> None:
    client.force_login(traveller)
    assert getattr(client, method)(path).status_code == 403
    who = traveller.traveller_id
    assert trail() == [("refusal", who, "127.0.0.1", f"{method.upper()} {route}", "NOT_ALLOWED", evidence)]
    assert desk.calls == []


def test_action_that_an_auditor_tries_is_a_row(client: Client, desk: Desk, traveller: User) -> None:
    traveller.role = User.Role.AUDITOR
    traveller.save()
    client.force_login(traveller)
    assert client.post(f"/console/{SAGA}/act/", {"action": "retry", "reason": "x"}).status_code == 403
    assert [(row[1], row[4]) for row in trail()] == [(traveller.traveller_id, "NOT_ALLOWED")]


def test_form_of_a_foreign_page_is_a_row(desk: Desk) -> None:
    assert Client(enforce_csrf_checks=True).post("/account/login/", {"username": "ada"}).status_code == 403
    assert [(row[1], row[3], row[4]) for row in trail()] == [("", "POST /account/login/", "CSRF_FAILED")]


def test_pages_that_are_allowed_or_missing_leave_no_row(client: Client, desk: Desk) -> None:
    assert client.get("/account/login/").status_code == 200
    assert client.get("/no/such/page/").status_code == 404
    assert trail() == []


def test_knocking_all_day_does_not_fill_the_disk(client: Client, desk: Desk, settings: Settings) -> None:
    settings.LIMITS = {**settings.LIMITS, "refusals": Limit(0, 2)}
    assert {client.get("/console/").status_code for _ in range(5)} == {403}
    assert len(trail()) == 2


@pytest.mark.parametrize("statement", ["UPDATE security_audit SET actor = 'x'", "DELETE FROM security_audit"])
def test_row_cannot_be_changed_or_removed(client: Client, desk: Desk, statement: str) -> None:
    client.get("/console/")
    before = trail()
    append_only.protect(connection, "security_audit")
    try:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)
    finally:
        append_only.release(connection, "security_audit")
    assert trail() == before and len(before) == 1
