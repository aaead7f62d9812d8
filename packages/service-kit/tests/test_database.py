import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django_sagas import database
from django_sagas.clock import iso, iso_or_none, utc_now
from django_sagas.database import (
    db_time,
    execute,
    fetch_all,
    fetch_one,
    from_db_time,
    values,
    write_alone,
    write_transaction,
)
from pytest_django import Settings
from service_kit.testing.calls import another_thread_in, at_once, busy_database

from tests.participant.models import Entry

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one writer at a time")
INSERT = "INSERT INTO participant_entry (correlation_id, amount) VALUES (%s, %s)"


def write(name: str, *, then: Exception | None = None) -> None:
    with write_transaction():
        execute(INSERT, (name, 1))
        if then is not None:
            raise then


NOON = datetime(2030, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_block_that_raises_is_rolled_back_and_lets_the_next_one_in() -> None:
    with pytest.raises(ValueError, match="no"):
        write("a", then=ValueError("no"))
    write("b")
    assert fetch_all("SELECT correlation_id, amount FROM participant_entry") == [("b", 1)]


@pytest.mark.django_db(transaction=True)
def test_block_within_a_block_is_a_savepoint() -> None:
    with write_transaction():
        write("a")
        with pytest.raises(ValueError, match="no"):
            write("b", then=ValueError("no"))
    assert fetch_one("SELECT COUNT(*) FROM participant_entry") == (1,)


@pytest.mark.django_db(transaction=True)
def test_who_watches_statements_sees_those_of_a_block_too() -> None:
    with CaptureQueriesContext(connection) as watched:
        write("a")
    assert [query["sql"] for query in watched if "participant_entry" in query["sql"]]
    assert fetch_one("SELECT amount FROM participant_entry WHERE correlation_id = %s", ("a",)) == (1,)


@pytest.mark.django_db(transaction=True)
def test_statements_of_a_block_share_a_cursor_that_ends_with_it() -> None:
    used: list[object] = []

    def note(run: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        if "participant_entry" in sql:
            used.append(context["cursor"])
        return run(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        with pytest.raises(ValueError, match="no"):
            write("a", then=ValueError("no"))
        with write_transaction():
            write("b")
            write("c")
        # The rest of a result is dropped when the next statement runs.
        with write_transaction():
            assert fetch_one("SELECT amount FROM participant_entry") == (1,)
            assert execute("UPDATE participant_entry SET amount = 2") == 2
        assert fetch_all("SELECT amount FROM participant_entry") == [(2,), (2,)]
    assert [used.index(each) for each in used] == [0, 1, 1, 3, 3, 5]


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_writers_of_one_process_follow_each_other() -> None:
    inside, most = [0], [0]

    def one_writer() -> None:
        with write_transaction():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            execute(INSERT, (threading.current_thread().name, 1))
            inside[0] -= 1

    at_once(*[one_writer] * 12)
    assert (most[0], Entry.objects.count()) == (1, 12)


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_writer_gives_up_when_another_one_does_not_end(settings: Settings) -> None:
    settings.DATABASE_BUSY_SECONDS = 0.1
    began = time.monotonic()
    with another_thread_in(write_transaction), pytest.raises(OperationalError, match="another writer"):
        write("a")
    assert 0.1 <= time.monotonic() - began < 2
    write("b")


@pytest.mark.django_db(transaction=True)
def test_writer_gives_up_when_another_process_does_not_end_and_leaves_the_lock_free() -> None:
    with busy_database(), pytest.raises(OperationalError, match="lock"):
        write("a")
    assert not database._writer.locked()


@pytest.mark.django_db(transaction=True)
def test_write_that_is_a_transaction_by_itself_is_the_only_statement() -> None:
    with CaptureQueriesContext(connection) as watched:
        assert write_alone(INSERT, ("a", 1)) == 1
    assert [query["sql"].split()[0] for query in watched] == ["INSERT"]
    assert Entry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_write_alone_within_a_block_is_rolled_back_with_it() -> None:
    with suppress(KeyError), write_transaction():
        write_alone(INSERT, ("a", 1))
        raise KeyError
    assert not Entry.objects.exists()


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_write_alone_takes_its_turn(settings: Settings) -> None:
    settings.DATABASE_BUSY_SECONDS = 0.1
    with another_thread_in(write_transaction), pytest.raises(OperationalError, match="another writer"):
        write_alone(INSERT, ("a", 1))
    assert write_alone(INSERT, ("b", 1)) == 1


@pytest.mark.django_db(transaction=True)
def test_write_alone_that_meets_another_process_leaves_the_lock_free() -> None:
    with busy_database(), pytest.raises(OperationalError, match="lock"):
        write_alone(INSERT, ("a", 1))
    assert not database._writer.locked()


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_wait_for_our_own_writers_is_taken_from_the_wait_for_another_process(settings: Settings) -> None:
    usual = fetch_one("PRAGMA busy_timeout")
    settings.DATABASE_BUSY_SECONDS = 3.0
    database._writer.acquire()
    with busy_database(), connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 60000")
        threading.Timer(0.5, database._writer.release).start()
        with pytest.raises(OperationalError, match="lock"):
            write("a")
        assert fetch_one("PRAGMA busy_timeout") == (3000,)
    assert fetch_one("PRAGMA busy_timeout") == usual


@pytest.mark.django_db
def test_plain_sql_helpers_return_rows_and_counts() -> None:
    placeholders, parameters = values([("a", 1), ("b", 2)])
    assert (placeholders, parameters) == ("(%s,%s),(%s,%s)", ["a", 1, "b", 2])
    sql = f"INSERT INTO participant_entry (correlation_id, amount) VALUES {placeholders}"  # noqa: S608
    assert execute(sql, parameters) == 2
    assert fetch_one("SELECT amount FROM participant_entry WHERE correlation_id = %s", ("c",)) is None
    assert execute("DELETE FROM participant_entry WHERE amount > %s", (1,)) == 1


def test_row_lock_is_postgresqls() -> None:
    assert database.for_update() == {"sqlite": "", "postgresql": " FOR UPDATE"}[connection.vendor]


def test_moment_comes_back_from_the_database_in_utc() -> None:
    assert from_db_time(db_time(NOON)) == NOON
    assert from_db_time(NOON.replace(tzinfo=None)) == NOON
    assert from_db_time(NOON) == NOON
    assert (from_db_time(None), db_time(None)) == (None, None)


def test_moment_is_written_in_utc_to_the_microsecond() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=5)))
    assert iso(east) == "2030-01-02T12:00:00.000005Z"
    assert (iso_or_none(None), iso_or_none(NOON)) == (None, iso(NOON))
    assert utc_now().tzinfo is UTC
