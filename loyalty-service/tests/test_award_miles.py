from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.testing.calls import at_once, envelope, post, snapshot
from service_kit.testing.protocol import assert_done, assert_refused

from loyalty.models import Account, EntryKind, LedgerEntry
from tests.conftest import AWARD, REVERSE, booking, miles_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True


def award(cid: str, **changes: Any) -> Any:
    return post(AWARD, envelope(cid, booking(**changes)))


def reverse(cid: str) -> Any:
    return post(REVERSE, envelope(cid))


def balance(user_id: str = "1") -> int:
    return Account.objects.get(user_id=user_id).balance


def test_first_award_opens_the_account() -> None:
    assert assert_done(award("test-1"), "test-1") == {
        "success": True,
        "correlation_id": "test-1",
        "user_id": "1",
        "miles_awarded": 500,
        "original_balance": 0,
        "new_balance": 500,
    }
    assert balance() == 500
    (entry,) = LedgerEntry.objects.all()
    assert (entry.kind, entry.user_id, entry.miles) == (EntryKind.AWARD, "1", 500)


def test_next_award_adds_to_the_balance() -> None:
    award("test-1")
    body = award("test-2", flight_fare=1200).json()
    assert (body["original_balance"], body["miles_awarded"], body["new_balance"]) == (500, 1200, 1700)


@pytest.mark.parametrize(
    ("fare", "miles"), [(0.01, 0), (0.99, 0), (1, 1), (1.99, 1), (99.99, 99), (1_000_000, 1_000_000)]
)
def test_one_mile_is_awarded_per_whole_dollar(fare: float, miles: int) -> None:
    assert award("test-1", flight_fare=fare).json()["miles_awarded"] == miles
    body = assert_done(reverse("test-1"), "test-1")
    assert (body["miles_reversed"], body["new_balance"]) == (miles, 0)


def test_reversal_takes_exactly_the_award_back() -> None:
    award("test-1")
    award("test-2", flight_fare=70)
    assert assert_done(reverse("test-1"), "test-1") == {
        "success": True,
        "correlation_id": "test-1",
        "user_id": "1",
        "miles_reversed": 500,
        "new_balance": 70,
        "status": "REVERSED",
    }
    assert (miles_of("test-1"), miles_of("test-2"), balance()) == (0, 70, 70)


def test_reversal_of_spent_miles_makes_a_debt() -> None:
    award("test-1")
    Account.objects.update(balance=100)
    assert reverse("test-1").json()["new_balance"] == -400
    assert balance() == -400


def test_reversal_works_on_an_account_closed_meanwhile() -> None:
    award("test-1")
    Account.objects.update(closed=True)
    assert_done(reverse("test-1"), "test-1")
    assert balance() == 0


def test_closed_account_is_refused_and_left_alone() -> None:
    award("test-1")
    Account.objects.update(closed=True)
    before = snapshot()
    assert_refused(award("test-2"), "test-2", "ACCOUNT_CLOSED")
    assert {**snapshot(), "guard_step_record": before["guard_step_record"]} == before


def test_number_and_text_are_one_user() -> None:
    award("test-1", user_id=7)
    assert award("test-2", user_id="7").json()["new_balance"] == 1000


@pytest.mark.parametrize("user_id", ["a.b_c:d@e-f", "x" * 64, 2**63 - 1])
def test_every_kind_of_user_id_gets_its_miles(user_id: str | int) -> None:
    assert award("test-1", user_id=user_id).json()["user_id"] == str(user_id)
    assert balance(str(user_id)) == 500


@pytest.mark.django_db(transaction=True)
def test_many_awards_to_one_account_at_once_all_count() -> None:
    at_once(*[lambda: award(str(uuid4()), flight_fare=10)] * 8)
    assert balance() == 80
    assert sorted(LedgerEntry.objects.values_list("miles", flat=True)) == [10] * 8


@pytest.mark.parametrize(("kind", "miles"), [("AWARD", -1), ("REVERSAL", 1)])
def test_database_refuses_an_entry_of_the_wrong_sign(kind: str, miles: int) -> None:
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO loyalty_ledger (correlation_id, trip_id, kind, user_id, miles, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            ["test-1", "test-1", kind, "1", miles, utc_now().isoformat()],
        )
