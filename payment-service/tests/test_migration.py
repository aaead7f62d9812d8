"""Authorisations of earlier releases become payments, which are captured, refunded and cancelled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_sagas.clock import utc_now
from django_sagas.database import db_time, execute
from pytest_django import Settings
from service_kit.security import append_only
from service_kit.testing.calls import envelope, post

from payment.models import LedgerEntry, Payment
from tests.conftest import CANCEL, CAPTURE, held_at_the_bank

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = ("payment", "0002_longer_authorization_id")
LONG_AGO = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
INSERT = """
    INSERT INTO payment_ledger (correlation_id, kind, authorization_id, user_id, amount, flight_fare,
        other_charges, currency, created_at)
    VALUES (%s, %s, %s, 'ada', 55000, 50000, 5000, 'USD', %s)"""


def migrate(*targets: tuple[str, str]) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())
    for table in append_only.protected(connection):
        append_only.release(connection, table)  # What is emptied after a test.


def wrote(cid: str, *kinds: str, at: datetime | None = None) -> None:
    """What an earlier release wrote."""
    for kind in kinds:
        execute(INSERT, (cid, kind, f"auth-{cid}", db_time(at or utc_now())))


@pytest.fixture(autouse=True)
def earlier_release(settings: Settings) -> Iterator[None]:
    settings.DEMO_MODE = True
    migrate(BEFORE)
    wrote("held", "AUTHORIZED")
    wrote("cancelled", "AUTHORIZED", "CANCELLED")
    wrote("old", "AUTHORIZED", at=LONG_AGO)
    migrate()
    yield
    migrate()


def payment(cid: str) -> Payment:
    return Payment.objects.get(correlation_id=cid)


def test_each_authorisation_becomes_a_payment_with_the_same_money() -> None:
    found = dict(Payment.objects.values_list("correlation_id", "status"))
    assert found == {"held": "AUTHORIZED", "cancelled": "CANCELLED", "old": "AUTHORIZED"}
    old = payment("old")
    assert (old.trip_id, old.user_id, old.currency) == ("old", "ada", "USD")
    assert (old.amount, old.flight_fare, old.other_charges) == (55000, 50000, 5000)
    assert (old.authorized_at, old.capture_before) == (LONG_AGO, LONG_AGO + timedelta(days=7))
    assert (old.authorization_id, old.captured, old.refunded) == ("auth-old", 0, 0)


def test_ledger_is_as_it_was() -> None:
    names = ("payment_id", "kind", "number", "amount", "attempt")
    rows: list[Any] = list(LedgerEntry.objects.order_by("id").values_list(*names))
    assert rows == [
        ("held", "AUTHORIZED", 1, 55000, None),
        ("cancelled", "AUTHORIZED", 1, 55000, None),
        ("cancelled", "CANCELLED", 1, 55000, None),
        ("old", "AUTHORIZED", 1, 55000, None),
    ]


def test_bank_holds_what_is_live() -> None:
    held = {cid: held_at_the_bank(payment(cid)) for cid in ("held", "cancelled", "old")}
    assert held == {"held": 55000, "cancelled": 0, "old": 55000}


def test_migrated_payment_is_captured_and_given_back() -> None:
    captured: dict[str, Any] = post(CAPTURE, envelope("settle", {"payment_id": "held"})).json()
    assert (captured["success"], captured["captured"]) == (True, 550)
    assert post(CANCEL, envelope("held")).json()["success"] is True


def test_migrated_authorisation_that_is_too_old_is_not_captured() -> None:
    refused = post(CAPTURE, envelope("settle", {"payment_id": "old"})).json()
    assert refused["error_code"] == "AUTHORIZATION_EXPIRED"


def test_migration_can_be_taken_back() -> None:
    migrate(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT correlation_id, kind FROM payment_ledger ORDER BY id")
        assert cursor.fetchall()[0] == ("held", "AUTHORIZED")
