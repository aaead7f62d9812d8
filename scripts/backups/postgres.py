"""A dump of a PostgreSQL database that others may be writing, and the way back."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from scripts.backups.sqlite import DamagedError, Progress
from scripts.postgres import find_binaries

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
OTHERS = (
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"


class MissingToolError(Exception):
    """A program of PostgreSQL is not installed."""


def dump(url: str, target: Path, progress: Progress) -> dict[str, int]:
    """The database as it is at one moment, read back whole; its rows by table."""
    with psycopg.connect(url) as held:
        held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        (snapshot,) = held.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges",
             f"--snapshot={snapshot}", f"--file={target}")  # fmt: skip
        progress("dumped; counting")
        rows = count(held)
    target.chmod(0o600)
    check(target)
    return rows


def check(dumped: Path) -> None:
    """Raises DamagedError unless every block of the dump can be read."""
    _run("pg_restore", None, "--file=/dev/null", str(dumped))


def put(dumped: Path, url: str, rows: dict[str, int], progress: Progress) -> None:
    """Replace all of the database's tables by those of the dump, in one transaction."""
    script = dumped.with_suffix(".sql")
    try:
        _run("pg_restore", None, "--no-owner", "--no-privileges", f"--file={script}", str(dumped))
        script.chmod(0o600)
        progress("writing")
        statements = ("--command", EMPTY, "--file", str(script))
        _run("psql", url, "-qX", "-v", "ON_ERROR_STOP=1", "--single-transaction", *statements)
    finally:
        script.unlink(missing_ok=True)
    with psycopg.connect(url) as connection:
        if (found := count(connection)) != rows:
            raise DamagedError(f"the restored database has the rows {found}, not {rows}")


def is_empty(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return not _tables(connection)


def connected(url: str) -> int:
    """How many other connections the database has."""
    with psycopg.connect(url) as connection:
        (others,) = connection.execute(OTHERS).fetchone() or (0,)
    return int(others)


def count(connection: psycopg.Connection) -> dict[str, int]:
    query = sql.SQL("SELECT COUNT(*) FROM {}")
    found = {}
    for table in _tables(connection):
        (found[table],) = connection.execute(query.format(sql.Identifier(table))).fetchone() or (0,)
    return found


def _tables(connection: psycopg.Connection) -> list[str]:
    return [name for (name,) in connection.execute(TABLES).fetchall()]


def _run(program: str, url: str | None, *words: str) -> None:
    """The address goes by the environment: others can read the words of a command."""
    done = subprocess.run(
        [_find(program), *words],
        env=os.environ | (_variables(url) if url else {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DamagedError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-400:]}")


def _find(program: str) -> str:
    if found := shutil.which(program):
        return found
    folder = find_binaries()
    if folder and (folder / program).exists():
        return str(folder / program)
    raise MissingToolError(
        f"{program} is missing: install PostgreSQL's client, of the server's version at least."
    )


def _variables(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    given = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port) if parts.port else None,
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.lstrip("/"),
    }
    return {name: unquote(value) for name, value in given.items() if value}
