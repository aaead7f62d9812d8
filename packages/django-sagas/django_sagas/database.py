"""Write transactions and plain SQL for the hot paths, the same on SQLite and PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, QuerySet

from django_sagas.conf import conf

Row = TypeVar("Row", bound=Model)
T = TypeVar("T")
NOTABLE_WAIT_SECONDS = 0.1

_writer = threading.Lock()


class _Transaction(threading.local):
    cursor: CursorWrapper | None = None
    "of this thread's write transaction; making one for each statement costs more than a short statement"


_transaction = _Transaction()


@contextmanager
def write_transaction() -> Iterator[None]:
    """One write transaction. Raises OperationalError if the database stays busy for the time-out."""
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    waited = _take_turn()
    try:
        _leave_time(waited)
        with transaction.atomic():
            with connection.cursor() as _transaction.cursor:
                yield
            if transaction.get_rollback():
                # An error was swallowed that no savepoint undid; Django would roll back silently.
                raise OperationalError("the transaction was spoiled by an earlier error")
    finally:
        _transaction.cursor = None
        _end_turn(waited)


def write_alone(sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run one write as a whole transaction, which needs no BEGIN and COMMIT; how many rows it changed.

    Within a transaction it is a part of that. Raises OperationalError as `write_transaction` does.
    """
    if connection.in_atomic_block:
        return execute(sql, parameters)
    waited = _take_turn()
    try:
        _leave_time(waited)
        return execute(sql, parameters)
    finally:
        _end_turn(waited)


@contextmanager
def commits_not_awaited() -> Iterator[None]:
    """Commits of this thread return before they are on the disk; the next ordinary commit brings them there.

    A killed process loses nothing. A power cut loses them only if that next commit is lost too.
    """
    if connection.in_atomic_block:
        yield
        return
    setting = "PRAGMA synchronous = {}" if is_sqlite() else "SET synchronous_commit = {}"
    relaxed, usual = ("NORMAL", "FULL") if is_sqlite() else ("off", "on")
    execute(setting.format(relaxed))
    try:
        yield
    finally:
        if connection.connection is not None:  # A new connection has its usual setting.
            execute(setting.format(usual))


def _take_turn() -> float:
    """Take the process's write lock and return the seconds waited. SQLite has one writer at a time and lets
    others sleep in its busy handler; with a lock the writers of this process follow each other at once."""
    if not is_sqlite() or _writer.acquire(blocking=False):
        return 0.0
    began = time.monotonic()
    if not _writer.acquire(timeout=conf.DATABASE_BUSY_SECONDS):
        raise OperationalError("database is locked by another writer of this process")
    return time.monotonic() - began


def _leave_time(waited: float) -> None:
    """SQLite waits for writers of other processes for the rest of the time-out."""
    if waited >= NOTABLE_WAIT_SECONDS:
        _set_busy_timeout(max(0.0, conf.DATABASE_BUSY_SECONDS - waited))


def _end_turn(waited: float) -> None:
    if not is_sqlite():
        return
    try:
        if waited >= NOTABLE_WAIT_SECONDS:
            _set_busy_timeout(conf.DATABASE_BUSY_SECONDS)
    finally:
        _writer.release()


def _set_busy_timeout(seconds: float) -> None:
    execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def execute(sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run one statement; how many rows it changed."""
    return _run(sql, parameters, _changed)


def fetch_one(sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    return _run(sql, parameters, _first)


def fetch_all(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    return _run(sql, parameters, _all)


def _run(sql: str, parameters: Sequence[Any], result: Callable[[CursorWrapper], T]) -> T:
    if _transaction.cursor is not None:
        _transaction.cursor.execute(sql, parameters)
        return result(_transaction.cursor)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return result(cursor)


def _changed(cursor: CursorWrapper) -> int:
    changed: int = cursor.rowcount
    return changed


def _first(cursor: CursorWrapper) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _all(cursor: CursorWrapper) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall())


def by_pages(rows: QuerySet[Row], size: int = 200) -> Iterator[Row]:
    """All rows by their id, read a page at a time, so that no cursor is open while they are worked on."""
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:size]):
        yield from page
        last = page[-1].pk


def values(rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """The placeholders and the flat parameters of a statement that inserts several rows."""
    row = "(" + ",".join(["%s"] * len(rows[0])) + ")"
    return ",".join([row] * len(rows)), [value for row_values in rows for value in row_values]


def for_update() -> str:
    """The row lock's clause; SQLite's immediate transaction is the lock there."""
    return "" if is_sqlite() else " FOR UPDATE"


def db_time(moment: datetime | None) -> Any:
    """A moment as a parameter of plain SQL."""
    return moment if moment is None or not is_sqlite() else _sqlite_time(moment)


@cache
def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


@lru_cache(maxsize=16)
def _sqlite_time(moment: datetime) -> str:
    """In the format of Django's adapter. Cached: the rows of a transaction share one time."""
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def from_db_time(value: Any) -> Any:
    """A moment from the result of plain SQL, in UTC. SQLite gives text, or a datetime without its zone
    where the column's declared type is known; PostgreSQL an aware datetime."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
