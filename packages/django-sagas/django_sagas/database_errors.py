"""Classifies database errors: the caller's answer, and whether the connection is kept.

| error                                            | caller | connection  |
| ------------------------------------------------ | ------ | ----------- |
| a value that the database cannot store           | 400    | kept        |
| a lock, a deadlock, a cancelled statement        | 503    | kept        |
| a constraint, a trigger or a missing right where | 503    | kept        |
| no code expected it                              |        |             |
| anything else: read-only, shut down, disk full,  | 503    | thrown away |
| a plan or a schema that is no longer valid, a    |        |             |
| file that is not the one that was opened         |        |             |

The last kind may be a state of the session that outlives its cause: a session that began on a read-only
server stays read-only.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any

import structlog
from django.db import DataError, Error, IntegrityError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from django_sagas import database_file

log = structlog.get_logger(__name__)
DRAIN_SECONDS = 1.0
# SQLSTATEs: class 40 is a rollback by deadlock or serialisation; lock_timeout; a cancelled statement.
BUSY_STATES = ("40", "55P03", "57014")
BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT)
# Raised by own triggers, such as those of append-only tables, and for a missing privilege.
RULE_STATES = ("P0001", "42501")


class Meaning(Enum):
    UNSTORABLE = "the request holds a value that cannot be stored"
    BUSY = "others were faster; the same again may succeed"
    CONFLICT = "a rule of the database said no where no code expected it"
    FAILED = "the server or the session cannot do it now"


def meaning_of(error: Error) -> Meaning:
    if isinstance(error, DataError):
        return Meaning.UNSTORABLE
    driver, state = error.__cause__, getattr(error.__cause__, "sqlstate", None) or ""
    if isinstance(error, IntegrityError) or state in RULE_STATES:
        return Meaning.CONFLICT
    if state.startswith(BUSY_STATES) or _primary_code(driver) in BUSY_CODES:
        return Meaning.BUSY
    # Without a driver's error: raised by write_transaction, which did not get its lock.
    ours = isinstance(error, OperationalError) and driver is None
    return Meaning.BUSY if ours else Meaning.FAILED


def is_of_the_call(error: BaseException) -> bool:
    """Whether the call itself is at fault: it would fail again on a healthy database."""
    return not isinstance(error, Error) or isinstance(error, DataError | IntegrityError)


def _primary_code(driver: BaseException | None) -> int:
    """SQLite's result code without its details, 0 for another database."""
    return int(getattr(driver, "sqlite_errorcode", 0)) & 0xFF


def throw_away_failed(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """A wrapper of Django's `execute_wrapper` form, on every connection and for good."""
    try:
        return execute(sql, params, many, context)
    except TransactionManagementError:
        raise  # Raised by Django for a transaction that can only be rolled back.
    except Error as error:
        if error.__cause__ is not None and meaning_of(error) is Meaning.FAILED:
            _throw_away(context["connection"])
        raise


def install(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A receiver of `connection_created`."""
    if throw_away_failed not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, throw_away_failed)
    database_file.watch(connection)


def _throw_away(connection: BaseDatabaseWrapper) -> None:
    """Close the driver's connection: a pool replaces one that comes back closed, and Django's `close()`
    alone would give it back as it is. An open transaction finds it closed, and cannot be committed."""
    if connection.vendor == "sqlite":
        _let_go(connection)
        return
    if connection.connection is not None:
        connection.connection.close()
    if not connection.in_atomic_block:
        connection.close()
    _drain_now_and_then(getattr(connection, "pool", None))


def _let_go(connection: BaseDatabaseWrapper) -> None:
    """As Django's `close()`, but the driver's connection closes itself when its last cursor is gone: the ORM
    closes the cursor of a statement that failed, and SQLite's driver refuses that on a closed connection."""
    with suppress(sqlite3.Error):
        connection.connection.rollback()
    connection.connection = None
    if connection.in_atomic_block:
        connection.closed_in_transaction = connection.needs_rollback = True


_drain_at = float("-inf")


def _drain_now_and_then(pool: Any) -> None:
    """The pool's other connections are likely to fail too: replace them all."""
    global _drain_at
    if pool is not None and time.monotonic() >= _drain_at:
        _drain_at = time.monotonic() + DRAIN_SECONDS
        pool.drain()
