from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django_sagas import database_clock
from django_sagas.database import fetch_one
from django_sagas.database_clock import DatabaseClock

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no clock of its own")
SOON = timedelta(seconds=1)


@pytest.fixture
def wrong_clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """This machine believes that it is tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(database_clock, "utc_now", lambda: tomorrow)
    return tomorrow


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_machine_whose_clock_is_wrong_goes_by_the_databases(wrong_clock: datetime) -> None:
    row = fetch_one("SELECT clock_timestamp()")
    assert row is not None
    assert timedelta(0) <= DatabaseClock()() - row[0] < SOON


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_database_is_asked_once_in_a_while_and_time_goes_on_in_between(
    django_assert_num_queries: Any,
) -> None:
    clock = DatabaseClock()
    with django_assert_num_queries(1):
        times = [clock() for _ in range(50)]
    assert times == sorted(times) and times[0] < times[-1]
    often = DatabaseClock(every=0)
    with django_assert_num_queries(3):
        assert [often(), often(), often()]


@pytest.mark.django_db
def test_nothing_is_asked_within_a_transaction(wrong_clock: datetime, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert DatabaseClock()() == wrong_clock


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_clock_goes_on_while_the_database_is_away(wrong_clock: datetime) -> None:
    clock = DatabaseClock(every=0)
    known = clock()

    def away(*_: Any) -> None:
        raise OperationalError("away")

    with connection.execute_wrapper(away):
        assert timedelta(0) <= clock() - known < SOON


@pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite")
@pytest.mark.django_db(transaction=True)
def test_on_sqlite_it_is_this_machines_clock(wrong_clock: datetime) -> None:
    assert DatabaseClock()() == wrong_clock
