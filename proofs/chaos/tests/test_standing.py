"""How long sagas took to end once the faults were over."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from proofs.chaos.standing import longest_end

CALM = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def stored(seconds: float) -> str:
    """As Django stores a time in SQLite."""
    return str((CALM + timedelta(seconds=seconds)).replace(tzinfo=None))


def longest(folder: Path, *sagas: tuple[float, float | None]) -> float:
    """Of sagas that were begun and ended so many seconds after the calm."""
    file = folder / "backend.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE sagas_saga (created_at TEXT, finished_at TEXT)")
        for begun, ended in sagas:
            row = (stored(begun), None if ended is None else stored(ended))
            database.execute("INSERT INTO sagas_saga VALUES (?, ?)", row)
    return longest_end(str(file), CALM)


def test_a_saga_that_was_open_has_the_time_from_the_calm_on(tmp_path: Path) -> None:
    assert longest(tmp_path, (-100, -90), (-100, 12.5)) == 12.5


def test_one_that_was_begun_later_has_its_own_time(tmp_path: Path) -> None:
    assert longest(tmp_path, (-5, 3), (50, 90.25)) == 40.25


def test_one_that_has_not_ended_has_none(tmp_path: Path) -> None:
    assert longest(tmp_path, (-5, 3), (-100, None)) == 3
