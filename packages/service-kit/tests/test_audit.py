"""The audit trail: what gets a row, who reads it, and that nobody changes it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from django_sagas.database import execute
from pytest_django import Settings
from service_kit.limits import Limit
from service_kit.security import audit
from service_kit.security.models import AuditEntry, AuditKind
from service_kit.testing.callers import service_bearer, user_token
from service_kit.testing.calls import client, envelope, post
from service_kit.testing.protocol import Pair, assert_problem
from structlog.testing import capture_logs

TRAIL = "/api/audit/"
TABLE = "security_audit"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHANGES = (
    "UPDATE security_audit SET actor = 'nobody'",
    "DELETE FROM security_audit",
    pytest.param(
        "TRUNCATE security_audit",
        marks=pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no TRUNCATE"),
    ),
)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has roles")


def add(kind: AuditKind = AuditKind.OPERATOR, actor: str = "op", cid: str = "saga-1") -> None:
    audit.record(kind, action="retry", actor=actor, correlation_id=cid, reason="why", now=NOW)


def token(role: str, user_id: str = "9") -> str:
    return f"Bearer {user_token(user_id=user_id, role=role, audience='kit')}"


def ask(query: str = "", **headers: str) -> Any:
    return client().get(TRAIL + query, headers=headers)


def rows() -> list[tuple[str, ...]]:
    found = AuditEntry.objects.order_by("id")
    return list(found.values_list("kind", "actor", "action", "correlation_id", "reason", "evidence"))


# Nobody changes it


@pytest.fixture
def protected(db: None) -> None:
    """The triggers, which the other tests go without, as the migration makes them in this transaction."""
    migration = import_module("service_kit.security.migrations.0002_append_only").Migration
    (operation,) = migration.operations
    operation.code(None, SimpleNamespace(connection=connection))
    add()


@pytest.mark.parametrize("statement", CHANGES)
def test_audit_row_cannot_be_changed_or_removed(protected: None, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(statement)
    add(actor="another")
    assert [row[1] for row in rows()] == ["op", "another"]


@pytest.fixture
def service_role(protected: None) -> Iterator[None]:
    """What follows is done by a role that may only what the command grants; all of it is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE audited_service")
        call_command("grant_service_role", "audited_service")
        cursor.execute("SET ROLE audited_service")
        yield
        cursor.execute("RESET ROLE")


@on_postgresql
@pytest.mark.parametrize("statement", [*CHANGES, "DROP TRIGGER security_audit_no_update ON security_audit"])
def test_audit_row_cannot_be_touched_by_the_services_own_role(service_role: None, statement: str) -> None:
    add()
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        execute(statement)
    assert len(rows()) == 2


@on_postgresql
def test_audited_role_can_do_the_services_work(service_role: None, pair: Pair) -> None:
    assert pair.act("role-1").status_code == 200
    assert pair.undo("role-1").status_code == 200


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL has roles")
def test_audit_role_is_refused_where_there_are_none() -> None:
    with pytest.raises(CommandError, match="PostgreSQL"):
        call_command("grant_service_role", "anybody")


# What gets a row


@pytest.mark.django_db
def test_refused_step_is_audited_with_caller_action_and_address(settings: Settings, pair: Pair) -> None:
    settings.DEMO_MODE = False
    assert post(pair.action, envelope("cid-1", pair.booking), Authorization=token("")).status_code == 401
    assert rows() == [("refusal", "9", f"POST {pair.action}", "", "NOT_AUTHENTICATED", "")]
    assert AuditEntry.objects.get().address == "127.0.0.1"


@pytest.mark.django_db
def test_refused_failure_switch_is_a_row_with_its_correlation_id(settings: Settings, pair: Pair) -> None:
    settings.DEMO_MODE = False
    bearer = service_bearer(caller="backend", audience="kit")
    body = envelope("cid-1", pair.booking, simulate_failure=True)
    assert post(pair.action, body, Authorization=bearer).status_code == 403
    assert rows() == [("refusal", "backend", f"POST {pair.action}", "cid-1", "NOT_ALLOWED", "")]


@pytest.mark.django_db
def test_correlation_id_used_again_for_another_request_is_a_row(pair: Pair) -> None:
    pair.act("cid-1")
    assert post(pair.action, envelope("cid-1", pair.other)).status_code == 422
    assert rows() == [("mismatch", "", f"POST {pair.action}", "cid-1", "DIFFERENT_REQUEST", "")]


@pytest.mark.django_db
def test_success_and_bad_input_leave_no_row(pair: Pair) -> None:
    pair.act("cid-1")
    assert post(pair.action, b"no json").status_code == 400
    assert rows() == []


@pytest.mark.django_db
def test_knocking_all_day_does_not_fill_the_disk(settings: Settings, pair: Pair) -> None:
    settings.DEMO_MODE = False
    settings.LIMITS = {**settings.LIMITS, "refusals": Limit(0, 3)}
    assert {post(pair.action, b"{}").status_code for _ in range(9)} == {401}
    assert len(rows()) == 3


@pytest.mark.django_db
def test_refusal_stands_where_its_row_cannot_be_written(
    settings: Settings, pair: Pair, around_database: Callable[..., Any]
) -> None:
    settings.DEMO_MODE = False
    with around_database(f'INTO "{TABLE}"', OperationalError("disk full")), capture_logs() as lines:
        assert_problem(post(pair.action, b"{}"), 401, "NOT_AUTHENTICATED")
    assert ("audit_row_lost", "NOT_AUTHENTICATED") in [(line["event"], line.get("code")) for line in lines]


# Who reads it


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "status", "code"),
    [
        (None, 401, "NOT_AUTHENTICATED"),
        ("traveller", 403, "NOT_ALLOWED"),
        ("operator", 200, None),
        ("auditor", 200, None),
    ],
)
def test_audit_trail_is_for_operators_and_auditors(
    settings: Settings, role: str | None, status: int, code: str | None
) -> None:
    settings.DEMO_MODE = False
    add()
    answer = ask(**({"Authorization": token(role)} if role else {}))
    assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.django_db
def test_audit_trail_is_read_newest_first_page_by_page() -> None:
    for number in range(5):
        add(cid=f"saga-{number}")
    first = ask("?limit=2").json()
    second = client().get(first["next"]).json()
    third = client().get(second["next"]).json()
    seen = [entry["correlation_id"] for page in (first, second, third) for entry in page["results"]]
    assert seen == ["saga-4", "saga-3", "saga-2", "saga-1", "saga-0"]
    assert third["next"] is None
    assert {key: value for key, value in third["results"][0].items() if key != "id"} == {
        "created_at": "2026-11-23T12:00:00.000000Z",
        "kind": "operator",
        "actor": "op",
        "address": "",
        "action": "retry",
        "correlation_id": "saga-0",
        "reason": "why",
        "evidence": "",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["kind=alarm", "actor=zoe", "correlation_id=other"])
def test_audit_trail_is_filtered(query: str) -> None:
    add()
    add(AuditKind.ALARM, "zoe", "other")
    found = ask(f"?{query}").json()["results"]
    assert [entry["kind"] for entry in found] == ["alarm"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "kind=x",
        "correlation_id=a/b",
        "actor=a%20b",
        "before=0",
        "before=-1",
        "limit=0",
        "limit=201",
        "limit=",
    ],
)
def test_bad_filter_of_the_audit_trail_is_400_and_named(query: str) -> None:
    answer = ask(f"?{query}")
    assert_problem(answer, 400, "INVALID")
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]
