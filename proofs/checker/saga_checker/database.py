"""One service's database, read in one transaction: SQLite by path or address, PostgreSQL by address."""

import importlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

TIMES = ("timestamp",)
SQLITE_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
POSTGRES_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"

Row = TypeVar("Row")


class Cannot(Exception):
    """The database cannot be read; the message says why."""


class Connection(Protocol):
    def execute(self, sql: str, /) -> Any: ...

    def close(self) -> None: ...


class Database:
    """A snapshot: what others commit after `__init__` is not seen."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        postgres = address.startswith(("postgres://", "postgresql://"))
        self._list_tables = POSTGRES_TABLES if postgres else SQLITE_TABLES
        self._connection = _open_postgres(address) if postgres else _open_sqlite(address)

    def close(self) -> None:
        self._connection.close()

    def tables(self) -> list[str]:
        return sorted(row[0] for row in self._connection.execute(self._list_tables))

    def table(self, name: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
        """The columns and the rows of a table, as they are stored."""
        cursor = self._connection.execute(f'SELECT * FROM "{name}"')  # noqa: S608  a name from the catalogue
        return [column[0] for column in cursor.description], iter(cursor)

    def rows(self, kind: type[Row]) -> list[Row]:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        table: str = kind.table  # type: ignore[attr-defined]
        sql = f"SELECT {', '.join(names)} FROM {table}"  # noqa: S608  names of this program's classes
        try:
            found = self._connection.execute(sql)
        except Exception as error:
            raise Cannot(f"{self.name}: {table} cannot be read: {error}") from error
        times = [name in TIMES or name.endswith("_at") for name in names]
        return [
            kind(*(_moment(value) if time else value for value, time in zip(row, times, strict=True)))
            for row in found
        ]


def _open_sqlite(address: str) -> Connection:
    path = Path(address.removeprefix("sqlite:///"))
    if not path.is_file():
        raise Cannot(f"{path} is no file")
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10, check_same_thread=False)
    connection.execute("BEGIN")
    # Only the first read fixes what the transaction sees.
    connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    return connection


def _open_postgres(address: str) -> Connection:
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError as error:
        raise Cannot("a PostgreSQL address needs the package psycopg") from error
    connection: Connection = psycopg.connect(address, autocommit=True)
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute("SELECT 1")
    return connection


def _moment(value: Any) -> datetime | None:
    """SQLite holds times as text in UTC without a zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is None or value.tzinfo is not None:
        moment: datetime | None = value
        return moment
    stamped: datetime = value.replace(tzinfo=UTC)
    return stamped
