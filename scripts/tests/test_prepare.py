import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scripts.booking_suite import Config, services, settings_of
from scripts.prepare import MIGRATE, mark_of, read_mark, write_mark

COMMANDS = [MIGRATE, ("make_schedule",)]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    tmp_path.joinpath("models.py").write_text("seats = 1\n")
    return tmp_path


def test_database_that_does_not_exist_has_no_mark(tmp_path: Path) -> None:
    assert read_mark(tmp_path / "backend.sqlite3") is None
    assert list(tmp_path.iterdir()) == []


def test_mark_stays_with_the_database(tmp_path: Path, package: Path) -> None:
    database, mark = tmp_path / "backend.sqlite3", mark_of(package, COMMANDS)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE seat (number TEXT)")
    assert read_mark(database) == 0
    write_mark(database, mark)
    assert read_mark(database) == mark


def test_changed_code_asks_for_another_preparation(package: Path) -> None:
    before = mark_of(package, COMMANDS)
    assert mark_of(package, COMMANDS) == before
    package.joinpath("models.py").write_text("seats = 2\n")
    assert mark_of(package, COMMANDS) != before


def test_other_commands_ask_for_another_preparation(package: Path) -> None:
    assert mark_of(package, COMMANDS) != mark_of(package, [MIGRATE])


def test_suite_beside_another_has_ports_and_settings_of_its_own(tmp_path: Path) -> None:
    config = Config.beside(tmp_path, SAGA_LEASE="4")
    assert len(set(config.ports.values())) == 4
    assert not set(config.ports.values()) & {8000, 8001, 8002, 8003}
    assert config.environment["SAGA_LEASE"] == "4"
    assert config.demo_mode


def test_service_with_an_address_runs_elsewhere_and_is_not_started(tmp_path: Path) -> None:
    given = {"PAYMENT_URL": "http://10.0.0.7/pay/", "DATA_DIR": str(tmp_path)}
    config = Config.from_environment(given)
    assert [service.name for service in services(config)] == ["backend", "loyalty", "ui", "recovery"]
    assert [name for name, _, _ in config.started] == ["backend", "loyalty", "ui"]
    assert settings_of(config, "backend", "flight")["PAYMENT_URL"] == "http://10.0.0.7/pay"
    elsewhere = Config.from_environment(given | {"BACKEND_URL": "http://10.0.0.8"})
    assert [service.name for service in services(elsewhere)] == ["loyalty", "ui"]


def test_database_addresses_are_taken_per_service(tmp_path: Path) -> None:
    config = Config.from_environment(
        {"BACKEND_DATABASE_URL": "postgres://db/flights", "DATA_DIR": str(tmp_path)}
    )
    assert config.databases == {"backend": "postgres://db/flights"}
