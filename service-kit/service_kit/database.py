"""Write transactions and plain SQL for the hot paths, the same on SQLite and PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import OperationalError, connection, transaction

NOTABLE_WAIT_SECONDS = 0.1
T = TypeVar("T")


class _Current(threading.local):
    cursor: Any = None
    "that of the write transaction open in this thread: to make one costs as much as half a statement"


_current, _writer = _Current(), threading.Lock()


@contextmanager
def write_transaction() -> Iterator[None]:
    """One write transaction. Raises OperationalError when the database stays busy for its time-out."""
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    turn = _turn() if _is_sqlite() else nullcontext()
    with turn, transaction.atomic(), connection.cursor() as _current.cursor:
        try:
            yield
        finally:
            _current.cursor = None


@contextmanager
def _turn() -> Iterator[None]:
    """SQLite has one writer at a time and lets the others sleep in its busy handler; a lock lets the
    writers of this process follow each other at once instead."""
    began = time.monotonic()
    if not _writer.acquire(timeout=settings.DATABASE_BUSY_SECONDS):
        raise OperationalError("database is locked by another writer of this process")
    waited = time.monotonic() - began
    notable = waited >= NOTABLE_WAIT_SECONDS
    try:
        # SQLite, which waits for writers of other processes, gets what our own lock left of the time-out.
        if notable:
            _set_busy_timeout(max(0.0, settings.DATABASE_BUSY_SECONDS - waited))
        yield
    finally:
        if notable:
            _set_busy_timeout(settings.DATABASE_BUSY_SECONDS)
        _writer.release()


def _set_busy_timeout(seconds: float) -> None:
    execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def execute(sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run one statement; how many rows it changed."""
    return _run(sql, parameters, lambda cursor: int(cursor.rowcount))


def fetch_one(sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    return _run(sql, parameters, lambda cursor: cast(tuple[Any, ...] | None, cursor.fetchone()))


def fetch_all(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    return _run(sql, parameters, lambda cursor: list(cursor.fetchall()))


def _run(sql: str, parameters: Sequence[Any], result: Callable[[Any], T]) -> T:
    if (cursor := _current.cursor) is not None:
        cursor.execute(sql, parameters)
        return result(cursor)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return result(cursor)


def values(rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """The placeholders and the flat parameters of a statement that inserts several rows."""
    row = "(" + ",".join(["%s"] * len(rows[0])) + ")"
    return ",".join([row] * len(rows)), [value for row_values in rows for value in row_values]


def for_update() -> str:
    """The row lock's clause; SQLite's immediate transaction is the lock there."""
    return " FOR UPDATE" if connection.vendor == "postgresql" else ""


def db_time(moment: datetime | None) -> Any:
    """A moment as the database's driver takes it in plain SQL."""
    return moment if moment is None or not _is_sqlite() else _sqlite_time(moment)


@cache
def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


@lru_cache(maxsize=16)
def _sqlite_time(moment: datetime) -> str:
    """As Django's own adapter has it; all rows of a transaction bear one time."""
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def from_db_time(value: Any) -> Any:
    """A moment as plain SQL gives it back, in UTC. SQLite gives text, or a datetime without its zone
    where the column's declared type is known; PostgreSQL an aware datetime."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
