"""The miles of a trip that is changed, and the reversal of all that it has earned."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django_sagas.clock import utc_now
from django_sagas.database import db_time, execute
from django_sagas.guard.models import StepRecord
from pytest_django import Settings
from service_kit.security import append_only
from service_kit.testing.calls import at_once, envelope, post, snapshot
from service_kit.testing.ledgers import AppendOnly
from service_kit.testing.protocol import assert_done, assert_refused

from loyalty.models import Account, LedgerEntry
from tests.conftest import ADJUST, AWARD, REVERSE, TRIP, booking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def award(settings: Settings) -> None:
    """500 miles of user 1."""
    settings.DEMO_MODE = True
    assert_done(post(AWARD, envelope(TRIP, booking())), TRIP)


def adjust(cid: str, miles: int, *, trip: str = TRIP, user_id: int | str = 1) -> Any:
    return post(ADJUST, envelope(cid, {"user_id": user_id, "trip_id": trip, "miles": miles}))


def reverse() -> dict[str, Any]:
    return assert_done(post(REVERSE, envelope(TRIP)), TRIP)


def entries() -> list[tuple[str, str, str, int]]:
    found = LedgerEntry.objects.order_by("id")
    return list(found.values_list("correlation_id", "trip_id", "kind", "miles"))


def balance() -> int:
    return Account.objects.get(user_id="1").balance


def test_adjustment_is_an_entry_of_its_own_under_the_trip() -> None:
    assert assert_done(adjust("change-1", 70), "change-1") == {
        "success": True,
        "correlation_id": "change-1",
        "user_id": "1",
        "miles_adjusted": 70,
        "new_balance": 570,
    }
    assert entries() == [(TRIP, TRIP, "AWARD", 500), ("change-1", TRIP, "ADJUSTED", 70)]
    assert balance() == 570


def test_reversal_takes_back_all_that_the_trip_has_earned() -> None:
    adjust("change-1", 70)
    adjust("change-2", -300)
    body = reverse()
    assert (body["miles_reversed"], body["new_balance"]) == (270, 0)
    assert entries()[-1] == (TRIP, TRIP, "REVERSAL", -270)


def test_reversal_of_one_trip_leaves_the_adjustments_of_others() -> None:
    post(AWARD, envelope("trip-2", booking(flight_fare=100)))
    adjust("change-2", 30, trip="trip-2")
    assert reverse()["miles_reversed"] == 500
    assert balance() == 130


def test_after_the_reversal_an_adjustment_changes_nothing() -> None:
    reverse()
    before = snapshot()
    body = assert_done(adjust("change-1", 70), "change-1")
    assert (body["miles_adjusted"], body["message"]) == (
        0,
        "The miles of this trip were taken back: there is nothing to adjust.",
    )
    assert {**snapshot(), "guard_step_record": before["guard_step_record"]} == before
    assert adjust("change-1", 70).json() == body


def test_adjustment_of_an_award_that_was_reversed_before_it_came_changes_nothing() -> None:
    assert_done(post(REVERSE, envelope("never-came")), "never-came")
    assert assert_done(adjust("change-1", 70, trip="never-came"), "change-1")["miles_adjusted"] == 0


@pytest.mark.parametrize("miles", [-500, 1, 1_000_000])
def test_trip_may_lose_all_its_miles_and_earn_more(miles: int) -> None:
    assert assert_done(adjust("change-1", miles), "change-1")["new_balance"] == 500 + miles
    assert reverse()["new_balance"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"trip": "no-such-trip"}, "TRIP_NOT_FOUND"),
        ({"user_id": 2}, "TRIP_NOT_FOUND"),
        ({"miles": -501}, "TOO_MANY_MILES"),
    ],
)
def test_adjustment_of_another_trip_or_of_more_than_it_has_earned_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    before = snapshot()
    assert_refused(adjust("change-1", **{"miles": 70, **changes}), "change-1", code)
    assert {**snapshot(), "guard_step_record": before["guard_step_record"]} == before


def test_adjustment_of_a_trip_that_is_not_known_yet_succeeds_later() -> None:
    """Such as after a restore to a moment before the award, which is then made again."""
    assert_refused(adjust("change-1", 70, trip="trip-2"), "change-1", "TRIP_NOT_FOUND")
    assert not StepRecord.objects.filter(correlation_id="change-1").exists()
    post(AWARD, envelope("trip-2", booking()))
    assert assert_done(adjust("change-1", 70, trip="trip-2"), "change-1")["miles_adjusted"] == 70


def test_refused_award_is_no_trip() -> None:
    Account.objects.create(user_id="closed", balance=0, closed=True, created_at=utc_now())
    post(AWARD, envelope("refused", booking(user_id="closed")))
    assert_refused(adjust("change-1", 70, trip="refused", user_id="closed"), "change-1", "TRIP_NOT_FOUND")


def test_account_closed_meanwhile_is_adjusted_all_the_same() -> None:
    Account.objects.update(closed=True)
    assert assert_done(adjust("change-1", -70), "change-1")["new_balance"] == 430


@pytest.mark.django_db(transaction=True)
def test_adjustment_racing_the_reversal_leaves_no_miles() -> None:
    for number in range(5):
        trip = f"raced-{number}"
        post(AWARD, envelope(trip, booking()))
        adjusted, reversed_ = at_once(
            partial(adjust, f"change-{trip}", 70, trip=trip),
            partial(post, REVERSE, envelope(trip)),
        )
        assert assert_done(adjusted, f"change-{trip}")["miles_adjusted"] in (0, 70)
        assert_done(reversed_, trip)
        assert sum(LedgerEntry.objects.filter(trip_id=trip).values_list("miles", flat=True)) == 0
    assert balance() == 500


@pytest.mark.parametrize(
    ("cid", "kind", "miles"), [("other", "ADJUSTED", 0), ("other", "AWARD", 1), ("other", "REVERSAL", -1)]
)
def test_database_refuses_an_empty_adjustment_and_an_award_of_another_trip(
    cid: str, kind: str, miles: int
) -> None:
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO loyalty_ledger (correlation_id, trip_id, kind, user_id, miles, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [cid, TRIP, kind, "1", miles, utc_now().isoformat()],
        )


@pytest.mark.django_db(transaction=True)
def test_entries_of_earlier_releases_are_trips_of_their_own() -> None:
    def migrate(target: str) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([("loyalty", target)])

    migrate("0001_initial")
    execute(
        "INSERT INTO loyalty_ledger (correlation_id, kind, user_id, miles, created_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        ("before", "AWARD", "1", 40, db_time(utc_now())),
    )
    migrate("0002_trips_that_change")
    assert entries() == [(TRIP, TRIP, "AWARD", 500), ("before", "before", "AWARD", 40)]
    migrate("0003_append_only_ledger")
    append_only.release(connection, "loyalty_ledger")  # What is emptied after a test.


class TestLedger(AppendOnly):
    table = "loyalty_ledger"
