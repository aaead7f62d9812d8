"""A SQLite file that is deleted, moved or replaced under a running service, and a disk that is full."""

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django_sagas.database import execute, fetch_one, write_transaction
from service_kit import health
from service_kit.settings import existing
from service_kit.testing.calls import client

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="a file is a database on SQLite only"),
]
WRITE = "INSERT INTO participant_entry (correlation_id, amount) VALUES ('a', 1)"
COUNT = "SELECT count(*) FROM participant_entry"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """The database of this service, for one test."""
    usual, copy = connection.settings_dict["NAME"], tmp_path / "a ?#%.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(copy)) as other:
        connection.connection.backup(other)
    connection.close()
    connection.settings_dict["NAME"] = existing(copy)
    write()
    yield copy
    connection.close()
    connection.settings_dict["NAME"] = usual
    health._migrated = False


def write() -> None:
    with write_transaction():
        execute(WRITE)


def count() -> int:
    row = fetch_one(COUNT)
    assert row is not None
    return int(row[0])


def ready() -> str:
    return str(client().get("/api/health/ready/").json()["database"])


def move(file: Path, target: Path) -> None:
    for end in ("", "-wal", "-shm"):
        if Path(f"{file}{end}").exists():
            Path(f"{file}{end}").rename(f"{target}{end}")


def test_nothing_is_written_or_read_while_the_file_is_away_and_all_goes_on_when_it_is_back(
    file: Path, tmp_path: Path
) -> None:
    assert ready() == "ok"
    move(file, tmp_path / "away")
    for use in (write, count, write, count):
        with pytest.raises(OperationalError):
            use()
    assert ready() == "unavailable"
    assert not file.exists()
    move(tmp_path / "away", file)
    write()
    assert (count(), ready()) == (2, "ok")


def test_file_in_its_place_is_opened_after_one_failure(file: Path, tmp_path: Path) -> None:
    write()
    connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(file, tmp_path / "copy")
    write()
    file.unlink()
    shutil.copy(tmp_path / "copy", file)
    for end in ("-wal", "-shm"):
        Path(f"{file}{end}").unlink()
    with pytest.raises(OperationalError):
        write()
    write()
    assert count() == 3
    with closing(sqlite3.connect(file)) as other:
        assert other.execute(COUNT).fetchone() == (3,)


def test_readiness_tells_a_full_disk_and_heals(file: Path) -> None:
    assert ready() == "ok"
    sizes = [path.stat().st_size for path in file.parent.iterdir()]
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(sizes), usual[1]))  # No file grows, as on a full disk.
    try:
        assert ready() == "unwritable"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert ready() == "ok"


def test_wrapper_around_a_new_connection_is_taken_off_at_its_end(file: Path) -> None:
    def passing(execute: Any, *call: Any) -> Any:
        return execute(*call)

    connection.close()
    before = list(connection.execute_wrappers)
    with connection.execute_wrapper(passing):
        count()
        assert passing in connection.execute_wrappers
    assert passing not in connection.execute_wrappers
    assert len(connection.execute_wrappers) == len(before)
