"""A copy of an SQLite file that others may be writing, and the way back."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

Progress = Callable[[str], None]
PAGES = 2048
"Between two lines of progress; a signal ends the copy there."
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


class DamagedError(Exception):
    """A copy is not what was written; the message says how."""


def copy(source: Path, target: Path, progress: Progress) -> dict[str, int]:
    """The database as it is at one moment, checked; its rows by table."""
    with closing(_snapshot(source)) as held, closing(sqlite3.connect(target)) as written:
        held.backup(written, pages=PAGES, progress=lambda _, left, pages: progress(_share(left, pages)))
        rows = count(held)
    check(target, rows)
    _flush(target)
    return rows


def check(path: Path, rows: dict[str, int]) -> None:
    """Raises DamagedError unless the file is whole and has these rows."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise DamagedError(f"{path}: {verdict}")
        if (found := count(connection)) != rows:
            raise DamagedError(f"{path} has the rows {found}, not {rows}")


def count(connection: sqlite3.Connection) -> dict[str, int]:
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    # The names are the catalogue's.
    return {name: connection.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def put(copy_of: Path, database: Path, rows: dict[str, int], progress: Progress) -> None:
    """Replace the database, in one step once the new one is checked. Nobody may have it open."""
    draft = database.with_suffix(".restoring")
    draft.unlink(missing_ok=True)
    try:
        progress("copying")
        shutil.copyfile(copy_of, draft)
        check(draft, rows)
        _flush(draft)
        for left in (f"{database}-wal", f"{database}-shm"):
            Path(left).unlink(missing_ok=True)
        draft.replace(database)
    finally:
        draft.unlink(missing_ok=True)


def _snapshot(source: Path) -> sqlite3.Connection:
    """Its open read transaction keeps writers from starting the copy over again."""
    uri = f"file:{quote(str(source))}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)
    connection.execute("BEGIN")
    # Only the first read fixes what the transaction sees.
    connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    return connection


def _share(left: int, pages: int) -> str:
    return f"{100 * (pages - left) // max(pages, 1)} % of {pages} pages"


def _flush(path: Path) -> None:
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
