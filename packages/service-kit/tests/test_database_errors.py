"""What an error means to the caller, and whether its connection is used again; the errors are real ones."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from django.db import Error, IntegrityError, NotSupportedError, OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from django_sagas import database_errors
from django_sagas.database import execute, fetch_one, write_transaction
from django_sagas.database_errors import Meaning, meaning_of
from service_kit.testing.calls import at_once, busy_database, client

from tests.participant.models import Entry
from tests.participant.views import FAILURES

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no pool")
INSERT = "INSERT INTO participant_entry (correlation_id, amount) VALUES (%s, %s)"
# Sessions that can be told from a fresh one, and sessions that refuse to write.
MARK = {"sqlite": "PRAGMA cache_size = 123", "postgresql": "SET application_name = '123'"}
READ_MARK = {"sqlite": "PRAGMA cache_size", "postgresql": "SHOW application_name"}
READ_ONLY = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET default_transaction_read_only = on"}
WIDEN = "ALTER TABLE participant_entry ALTER COLUMN correlation_id TYPE varchar({})"


@pytest.fixture(autouse=True)
def may_drain() -> Iterator[None]:
    database_errors._drain_at = float("-inf")
    yield
    connection.close()


def mark() -> None:
    execute(MARK[connection.vendor])


def marked() -> bool:
    row = fetch_one(READ_MARK[connection.vendor])
    return row is not None and str(row[0]) == "123"


def become_read_only() -> None:
    mark()
    execute(READ_ONLY[connection.vendor])


def write(name: str | None = "a") -> None:
    with write_transaction():
        execute(INSERT, (name, 1))


def create_in_transaction() -> None:
    with write_transaction():
        Entry.objects.create(correlation_id="a", amount=1)


def no_such_table() -> None:
    fetch_one("SELECT 1 FROM nowhere")


def locked() -> None:
    with busy_database():
        mark()
        write()


CASES: list[tuple[Any, Meaning]] = [
    (lambda: write(None), Meaning.CONFLICT),
    (lambda: (become_read_only(), write()), Meaning.FAILED),  # type: ignore[func-returns-value]
    (lambda: (become_read_only(), execute(INSERT, ("a", 1))), Meaning.FAILED),  # type: ignore[func-returns-value]
    (lambda: (become_read_only(), Entry.objects.update(amount=2)), Meaning.FAILED),  # type: ignore[func-returns-value]
    (lambda: (become_read_only(), create_in_transaction()), Meaning.FAILED),  # type: ignore[func-returns-value]
    (no_such_table, Meaning.FAILED),
]


@pytest.mark.parametrize(("fails", "meaning"), CASES)
def test_connection_is_used_again_only_after_an_error_that_is_not_its_own(
    fails: Any, meaning: Meaning
) -> None:
    mark()
    with pytest.raises(Error) as raised:
        fails()
    assert meaning_of(raised.value) is meaning
    assert marked() == (meaning is not Meaning.FAILED)
    write("after")
    assert list(Entry.objects.values_list("correlation_id", flat=True)) == ["after"]


def test_lock_that_others_hold_means_busy() -> None:
    with pytest.raises(OperationalError) as raised:
        locked()
    assert meaning_of(raised.value) is Meaning.BUSY


@on_postgresql
def test_text_that_cannot_be_stored_means_the_request_is_wrong_and_keeps_the_connection() -> None:
    mark()
    with pytest.raises(Error) as raised:
        write("a\0")
    assert meaning_of(raised.value) is Meaning.UNSTORABLE
    assert marked()


def test_error_swallowed_in_a_transaction_is_not_taken_for_a_commit() -> None:
    for block in (nullcontext, transaction.atomic):
        with pytest.raises(Error):
            write_and_swallow(block)
        assert not Entry.objects.exists()
    write("after")


def write_and_swallow(block: Callable[[], Any]) -> None:
    with write_transaction():
        execute(INSERT, ("lost", 1))
        with suppress(Error), block():
            no_such_table()


def test_error_of_a_constraint_undone_by_its_savepoint_does_not_spoil_the_transaction() -> None:
    with write_transaction():
        execute(INSERT, ("kept", 1))
        with suppress(IntegrityError), transaction.atomic():
            execute(INSERT, (None, 1))
    assert Entry.objects.get().correlation_id == "kept"


def test_transaction_that_can_only_be_rolled_back_keeps_its_connection() -> None:
    mark()
    with pytest.raises(OperationalError, match="spoiled"):
        spoil_and_write()
    assert marked()
    assert not Entry.objects.exists()


def spoil_and_write() -> None:
    with write_transaction():
        with suppress(ValueError), transaction.atomic(savepoint=False):
            raise ValueError
        with suppress(TransactionManagementError):
            execute(INSERT, ("a", 1))


@on_postgresql
def test_the_pools_other_connections_are_replaced_with_the_one_that_failed() -> None:
    at_once(*[become_read_only] * 4)
    connection.close()
    while fetch_one("SHOW default_transaction_read_only") != ("on",):
        connection.close()  # Back to the end of the pool's queue.
    with pytest.raises(Error):
        write()
    at_once(*[write] * 4)
    assert Entry.objects.count() == 4


@on_postgresql
def test_table_altered_under_a_running_service_fails_one_statement_of_a_connection() -> None:
    write()
    other = connection.copy()
    with other.cursor() as cursor:
        for length in (200, 64):  # The second is what the model says.
            for _ in range(8):
                assert fetch_one("SELECT * FROM participant_entry") is not None
            cursor.execute(WIDEN.format(length))
            with pytest.raises(NotSupportedError, match="cached plan"):
                fetch_one("SELECT * FROM participant_entry")
            assert fetch_one("SELECT * FROM participant_entry") is not None
    other.close()


@on_postgresql
def test_pool_without_a_free_connection_is_a_503(settings: Any) -> None:
    FAILURES["now"] = no_such_table  # Something that has to ask the database.
    pool = connection.pool  # type: ignore[attr-defined]
    taken = []
    try:
        with suppress(Exception):
            while True:
                taken.append(pool.getconn(timeout=1.0))
        answer = client().get("/api/fail/now/")
    finally:
        for one in taken:
            pool.putconn(one)
        FAILURES.clear()
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "DATABASE_UNAVAILABLE"


@pytest.mark.parametrize("path", ["/api/fail/now/", "/plain/now/"])
def test_database_that_refuses_is_a_503_inside_and_outside_of_rest_framework(path: str) -> None:
    def fail() -> None:
        become_read_only()
        write()

    FAILURES["now"] = fail
    answer = client().get(path)
    FAILURES.clear()
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "DATABASE_UNAVAILABLE"


def test_readiness_tells_that_the_database_cannot_be_written_and_heals() -> None:
    become_read_only()
    answer = client().get("/api/health/ready/")
    assert (answer.status_code, answer.json()["database"]) == (503, "unwritable")
    assert client().get("/api/health/ready/").status_code == 200
