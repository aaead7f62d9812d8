import io
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.backups import backup, manifest, restore
from scripts.backups.backup import RefusedError, back_up
from scripts.backups.restore import restore as put_back
from scripts.backups.sqlite import DamagedError, copy
from scripts.booking_suite import Config
from scripts.claim import Claim
from scripts.console import Console
from scripts.postgres import find_binaries, private_server

ROWS = 3000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    data = tmp_path / "data"
    data.mkdir()
    for name in manifest.ORDER:
        with closing(sqlite3.connect(data / f"{name}.sqlite3")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE said (text TEXT)")
            connection.executemany("INSERT INTO said VALUES (?)", [(f"{name} {n}",) for n in range(ROWS)])
            connection.commit()
    return Config.beside(data)


@pytest.fixture
def console() -> Console:
    return Console(io.StringIO())


def said(config: Config, name: str) -> int:
    with closing(sqlite3.connect(config.data_dir / f"{name}.sqlite3")) as connection:
        number: int = connection.execute("SELECT COUNT(*) FROM said").fetchone()[0]
    return number


def write(config: Config, name: str) -> None:
    with closing(sqlite3.connect(config.data_dir / f"{name}.sqlite3")) as connection:
        connection.execute("INSERT INTO said VALUES ('later')")
        connection.commit()


def test_callers_are_copied_before_those_they_call(config: Config, tmp_path: Path, console: Console) -> None:
    copies = back_up(config, tmp_path / "copy", console)
    assert [each.service for each in copies] == ["ui", "backend", "payment", "loyalty"]
    assert [each.taken_at for each in copies] == sorted(each.taken_at for each in copies)
    assert all(each.rows == {"said": ROWS} for each in copies)
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "copy").glob("*.sqlite3")} == {0}


def test_service_is_told_of_its_newest_back_up_also_when_that_is_restored(
    config: Config, tmp_path: Path, console: Console
) -> None:
    database = config.data_dir / "loyalty.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE security_newest_backup (id INTEGER PRIMARY KEY, made_at TEXT)")

    def told() -> list[str]:
        with closing(sqlite3.connect(database)) as connection:
            return [made for (made,) in connection.execute("SELECT made_at FROM security_newest_backup")]

    first = back_up(config, tmp_path / "first", console)[-1]
    assert first.service == "loyalty"
    at = first.taken_at.removesuffix("+00:00").replace("T", " ")
    assert told() == [at]
    back_up(config, tmp_path / "second", console)
    assert told() > [at]
    put_back(config, tmp_path / "first", console, only=["loyalty"], overwrite=True)
    assert told() == [at]


def test_copy_is_of_one_moment_while_others_write(config: Config, tmp_path: Path) -> None:
    writers: list[threading.Thread] = []

    def write_at_first(_: str) -> None:
        if not writers:
            writers.append(threading.Thread(target=write, args=(config, "backend")))
            writers[0].start()
            writers[0].join()

    rows = copy(config.data_dir / "backend.sqlite3", tmp_path / "copy", write_at_first)
    assert (rows["said"], said(config, "backend")) == (ROWS, ROWS + 1)


def test_restored_databases_are_those_of_the_back_up(
    config: Config, tmp_path: Path, console: Console
) -> None:
    back_up(config, tmp_path / "copy", console)
    for name in manifest.ORDER:
        write(config, name)
    put_back(config, tmp_path / "copy", console, only=["payment"], overwrite=True)
    assert {name: said(config, name) - ROWS for name in manifest.ORDER} == {
        "ui": 1,
        "backend": 1,
        "payment": 0,
        "loyalty": 1,
    }
    put_back(config, tmp_path / "copy", console, overwrite=True)
    put_back(config, tmp_path / "copy", console, overwrite=True)
    assert {said(config, name) for name in manifest.ORDER} == {ROWS}


def test_nothing_is_overwritten_without_being_told(config: Config, tmp_path: Path, console: Console) -> None:
    back_up(config, tmp_path / "copy", console)
    with pytest.raises(RefusedError, match="not empty"):
        back_up(config, tmp_path / "copy", console)
    back_up(config, tmp_path / "copy", console, overwrite=True)
    with pytest.raises(RefusedError, match="OVERWRITE=1"):
        put_back(config, tmp_path / "copy", console)
    shutil.rmtree(config.data_dir)
    put_back(config, tmp_path / "copy", console)
    assert said(config, "backend") == ROWS


def test_damaged_or_unfinished_back_up_replaces_nothing(
    config: Config, tmp_path: Path, console: Console
) -> None:
    back_up(config, tmp_path / "copy", console)
    write(config, "backend")
    with (tmp_path / "copy" / "loyalty.sqlite3").open("r+b") as file:
        file.seek(5000)
        file.write(b"another")
    with pytest.raises(DamagedError, match="loyalty"):
        put_back(config, tmp_path / "copy", console, overwrite=True)
    (tmp_path / "copy" / manifest.NAME).unlink()
    with pytest.raises(DamagedError, match="no whole back-up"):
        put_back(config, tmp_path / "copy", console, overwrite=True)
    assert said(config, "backend") == ROWS + 1


def test_interrupted_back_up_leaves_no_part_and_can_be_made_again(
    config: Config, tmp_path: Path, console: Console
) -> None:
    lost = config.data_dir / "payment.sqlite3"
    lost.rename(tmp_path / "aside")
    with pytest.raises(sqlite3.OperationalError):
        back_up(config, tmp_path / "copy", console)
    assert not list((tmp_path / "copy").glob("*.part"))
    assert not (tmp_path / "copy" / manifest.NAME).exists()
    (tmp_path / "aside").rename(lost)
    back_up(config, tmp_path / "copy", console, overwrite=True)


def test_running_suite_is_not_restored(config: Config, tmp_path: Path, console: Console) -> None:
    back_up(config, tmp_path / "copy", console)
    given = {"FROM": str(tmp_path / "copy"), "OVERWRITE": "1"}
    claim = Claim(config.data_dir)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATA_DIR", str(config.data_dir))
            assert restore.main(given) == restore.RUNNING
    finally:
        claim.release()


def test_commands_say_what_was_done(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(config.data_dir))
    assert backup.main({"TO": str(tmp_path / "copy")}) == 0
    assert backup.main({"TO": str(tmp_path / "copy")}) == backup.WRONG_SETTING
    assert restore.main({}) == restore.main({"FROM": str(tmp_path / "copy")}) == backup.WRONG_SETTING
    assert restore.main({"FROM": str(tmp_path / "copy"), "ONLY": "flights"}) == backup.WRONG_SETTING
    assert restore.main({"FROM": str(tmp_path / "copy"), "OVERWRITE": "1"}) == 0
    assert f"payment  | {ROWS} rows in 1 tables, checked" in capsys.readouterr().out


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    if find_binaries() is None:
        pytest.skip("no PostgreSQL")
    with private_server(durable=False) as server:
        yield server.make_databases(("backend", "ui", "payment", "loyalty"))


def test_postgresql_is_restored_to_the_rows_of_its_dump(
    config: Config, tmp_path: Path, console: Console, urls: dict[str, str]
) -> None:
    psycopg = pytest.importorskip("psycopg")
    config = replace(config, databases=urls)

    def run(sql: str, name: str = "payment") -> list[tuple[object, ...]]:
        with psycopg.connect(urls[name], autocommit=True) as connection:
            cursor = connection.execute(sql)
            return list(cursor) if cursor.description else []

    for name in urls:
        run("CREATE TABLE said (text TEXT); INSERT INTO said VALUES ('first')", name)
    back_up(config, tmp_path / "copy", console)
    run("INSERT INTO said VALUES ('later'); CREATE TABLE later (said INT)")
    with pytest.raises(RefusedError, match="OVERWRITE=1"):
        put_back(config, tmp_path / "copy", console)
    with psycopg.connect(urls["payment"]), pytest.raises(RefusedError, match="connections"):
        put_back(config, tmp_path / "copy", console, overwrite=True)
    put_back(config, tmp_path / "copy", console, overwrite=True)
    assert run("SELECT text FROM said") == [("first",)]
    assert run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("said",)]
