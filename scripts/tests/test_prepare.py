import io
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from scripts.booking_suite import SERVERS, Config, ConfigError, services, settings_of
from scripts.commands import Commands, EndedError
from scripts.console import Console
from scripts.paths import ROOT
from scripts.prepare import MIGRATE, PrepareError, mark_of, prepare, read_mark, write_mark
from scripts.tests.waiting import alive, eventually

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


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    for name, _, _ in SERVERS:
        tmp_path.joinpath(f"{name}.sqlite3").write_text("no database, but a text of another program " * 9)
    with pytest.raises(PrepareError, match=r"(backend|loyalty|payment|ui)\.sqlite3 cannot be used: file is"):
        prepare(Config.beside(tmp_path), Console(io.StringIO()))


def test_commands_are_ended_together_and_none_is_begun_afterwards() -> None:
    commands, begun = Commands(), threading.Semaphore(0)

    def run() -> None:
        command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
        with commands.process(command, cwd=Path.cwd(), env=os.environ) as process:
            begun.release()
            process.wait()

    with ThreadPoolExecutor(2) as pool:
        two = [pool.submit(run) for _ in range(2)]
        for _ in two:
            begun.acquire()
        commands.end()
    assert [type(each.exception()) for each in two] == [EndedError, EndedError]
    with pytest.raises(EndedError):
        run()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_command_ends_with_the_one_that_started_it() -> None:
    program = (
        "import os, pathlib, sys; from scripts.commands import Commands\n"
        "command = [sys.executable, '-S', '-c', 'import time; time.sleep(600)']\n"
        "with Commands().process(command, cwd=pathlib.Path(), env=os.environ) as process:\n"
        "    print(process.pid, flush=True); process.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    assert eventually(lambda: not alive(pid))


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


def test_a_file_is_found_from_where_the_runner_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"SECRET_KEY_FILE": "secrets/key", "UI_SIGNING_KEY_FILE": "./ui", "DATA_DIR": str(tmp_path)}
    environment = settings_of(Config.from_environment(given), "ui", "ui")
    assert environment["SECRET_KEY_FILE"] == str(tmp_path / "secrets" / "key")
    assert environment["SIGNING_KEY_FILE"] == str(tmp_path / "ui")


def test_database_addresses_are_taken_per_service(tmp_path: Path) -> None:
    config = Config.from_environment(
        {"BACKEND_DATABASE_URL": "postgres://db/flights", "DATA_DIR": str(tmp_path)}
    )
    assert config.databases == {"backend": "postgres://db/flights"}


def test_each_service_gets_the_secrets_of_its_own_and_of_no_other(tmp_path: Path) -> None:
    given = {
        "DEMO_MODE": "0",
        "DATA_DIR": str(tmp_path),
        "VERIFYING_KEYS": "{}",
        "SECRET_KEY_FILE": "/shared",
    }
    for name, _, _ in SERVERS:
        own = {"SECRET_KEY": f"secret of {name}", "SIGNING_KEY_FILE": f"/{name}/key"}
        given |= {f"{name.upper()}_{kind}": value for kind, value in own.items()}
    config = Config.from_environment(given)
    for name, package, _ in SERVERS:
        # A process has the runner's environment below these.
        seen = given | settings_of(config, name, package)
        assert (seen["SECRET_KEY"], seen["SECRET_KEY_FILE"]) == (f"secret of {name}", "")
        assert (seen["SIGNING_KEY"], seen["SIGNING_KEY_FILE"]) == ("", f"/{name}/key")
        others = [other for other, _, _ in SERVERS if other != name]
        assert not [value for value in seen.values() for other in others if f"secret of {other}" in value]
        assert not [value for value in seen.values() for other in others if f"/{other}/key" in value]


def test_one_secret_key_for_all_is_refused_outside_demo_mode(tmp_path: Path) -> None:
    given = {"DEMO_MODE": "0", "DATA_DIR": str(tmp_path), "VERIFYING_KEYS": "{}", "SECRET_KEY": "x" * 40}
    given |= {f"{name.upper()}_SIGNING_KEY": "{}" for name, _, _ in SERVERS}
    with pytest.raises(ConfigError, match=r"BACKEND_SECRET_KEY, .* UI_SECRET_KEY must be set"):
        Config.from_environment(given)
