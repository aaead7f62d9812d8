"""What is done to databases is over afterwards, and what cannot be done is named."""

import sqlite3
from contextlib import closing
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from proofs.chaos.aftermath import aftermath
from proofs.chaos.clock import Clock
from proofs.chaos.outages import Outage, Trouble
from proofs.chaos.small_disk import small_disk, why_no_disk
from proofs.chaos.sqlite_faults import why_not_read_only
from proofs.chaos.vandal import OnPostgres, OnSqlite, Vandal, fill
from scripts.postgres import Server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "backend.sqlite3"
    with closing(sqlite3.connect(made)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE seat (number)")
    return made


def write(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file, timeout=0)) as database, database:
            database.execute("INSERT INTO seat VALUES (1)")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.parametrize("trouble", [Trouble.LOCKED, Trouble.READ_ONLY])
def test_nobody_can_write_while_it_lasts_and_everybody_after_it(file: Path, trouble: Trouble) -> None:
    if trouble is Trouble.READ_ONLY and (why := why_not_read_only()):
        pytest.skip(why)
    meanwhile: list[bool] = []
    outage = Outage(0, 1.0, trouble, "backend")
    OnSqlite({"backend": file}, None).spoil(outage, lambda seconds: meanwhile.append(write(file)))
    assert (meanwhile, write(file)) == ([False], True)


def test_what_a_machine_does_not_permit_is_left_out_and_named(file: Path) -> None:
    outages = [Outage(0, 0.0, trouble, "backend") for trouble in (Trouble.DISK_FULL, Trouble.LOCKED)]
    vandal = Vandal(OnSqlite({"backend": file}, None, "no rights"), outages, Clock())
    vandal.start()
    vandal.stop()
    assert vandal.left_out == {Trouble.DISK_FULL: "no rights"}
    assert not vandal.failed
    after = aftermath(outages, vandal.happened, vandal.left_out, vandal.failed, [], Clock())
    assert after.planned == {"locked": 1}


def test_what_could_not_be_done_has_not_happened(tmp_path: Path) -> None:
    server = Server(1, "secret", tmp_path / "no-binaries", tmp_path)
    vandal = Vandal(OnPostgres(server, None), [Outage(0, 1.0, Trouble.CRASH, "")], Clock())
    vandal.start()
    vandal.join()
    assert (len(vandal.failed), vandal.happened) == (1, [])


def test_file_on_a_full_disk_cannot_grow_until_it_is_empty_again() -> None:
    if why := why_no_disk():
        pytest.skip(why)
    try:
        with small_disk() as disk:
            meanwhile: list[bool] = []
            fill(disk, lambda: meanwhile.append(_grow(disk.folder)))
            assert (meanwhile, _grow(disk.folder)) == ([False], True)
    except CalledProcessError as error:
        pytest.skip(f"a file system cannot be mounted here: {error.stderr!r}")


def _grow(folder: Path) -> bool:
    try:
        (folder / "more").write_bytes(b"x" * 1_000_000)
    except OSError:
        return False
    return True
