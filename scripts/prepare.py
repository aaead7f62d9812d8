"""Brings the four databases up to date: migrations, the schedule, the demo login.

What was done is written into each SQLite file's `user_version`, so that a second start does nothing.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from scripts.booking_suite import SERVERS, Config, ConfigError, folder, settings_of
from scripts.commands import Commands
from scripts.console import Console
from scripts.paths import PACKAGES, REQUIREMENTS, VENV_PYTHON
from scripts.suite import WRONG_SETTING

MIGRATE = ("migrate", "--noinput", "--verbosity", "0")


class PrepareError(Exception):
    """A database could not be prepared; the lines above say why."""


def prepare(config: Config, console: Console, *, seed: bool = True) -> None:
    """All four at once. `seed=False` leaves out the demo login; the schedule is always made."""
    commands = Commands()

    def prepare_one(server: tuple[str, str, int]) -> None:
        _prepare(config, console, commands, *server[:2], seed)

    commands.together(prepare_one, config.started, at_once=len(SERVERS))


def _prepare(
    config: Config, console: Console, commands: Commands, name: str, package: str, seed: bool
) -> None:
    mark = mark_of(folder(name) / package, list(_commands(config, name, seed=seed)))
    database = None if name in config.databases else config.data_dir / f"{name}.sqlite3"
    try:
        if database and read_mark(database) == mark:
            return
        for command in _commands(config, name, seed=seed):
            _manage(config, console, commands, name, package, command)
        if database:
            write_mark(database, mark)
    except sqlite3.Error as error:
        raise PrepareError(f"{name}: {database} cannot be used: {error}") from error


def _commands(config: Config, name: str, *, seed: bool) -> Iterator[tuple[str, ...]]:
    yield MIGRATE
    if name == "backend":
        yield ("make_schedule",)
    if name == "ui" and seed and config.demo_mode:
        yield ("make_demo_user",)


def _manage(
    config: Config, console: Console, commands: Commands, name: str, package: str, command: tuple[str, ...]
) -> None:
    console.line(name, f"manage.py {' '.join(command[:1])}")
    environment = os.environ | settings_of(config, name, package)
    manage = [str(VENV_PYTHON), "manage.py", *command]
    with commands.process(manage, cwd=folder(name), env=environment) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        code = process.wait()
    if code == WRONG_SETTING:
        raise ConfigError(f"{name}: {lines[-1] if lines else 'a setting is wrong'}")
    for line in lines:
        console.line(name, line)
    if code:
        raise PrepareError(f"{name}: manage.py {command[0]} failed")


def mark_of(package: Path, commands: list[tuple[str, ...]]) -> int:
    """Another number when the code, a dependency, the commands or the day are others."""
    sources = sorted([*package.rglob("*.py"), *PACKAGES.rglob("*.py"), REQUIREMENTS / "runtime.txt"])
    day = f"{datetime.now(UTC).date()} {commands}"
    total = zlib.crc32(day.encode())
    for path in sources:
        total = zlib.crc32(path.read_bytes(), total)
    # The file's field is a signed 32-bit number, and 0 in a fresh one.
    return total & 0x7FFFFFFF or 1


def read_mark(database: Path) -> int | None:
    """None on a first start."""
    if not database.is_file():
        return None
    with closing(sqlite3.connect(database)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def write_mark(database: Path, mark: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {mark:d}")
