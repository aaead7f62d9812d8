"""A PostgreSQL server of the bench's own: a cluster in a temporary folder, gone when the bench is."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from scripts.ports import free_ports
from scripts.service import HOST

USER = "bench"
ACCOUNTS = ("postgres", "nobody")


class NoPostgresError(Exception):
    """initdb and pg_ctl were not found; put PostgreSQL's bin folder on the PATH."""


class Postgres:
    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self.port = folder, port

    @property
    def pid(self) -> int:
        return int(self._folder.joinpath("data", "postmaster.pid").read_text().split()[0])

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}"

    def create(self, database: str) -> str:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)

    def backends(self, database: str) -> list[int]:
        """The server's processes that serve a database now."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (database,))
            return [int(pid) for (pid,) in rows]

    def sessions(self) -> dict[str, int]:
        """How many connections each database has ever been given."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            rows = connection.execute("SELECT datname, sessions FROM pg_stat_database WHERE datname <> ''")
            return {str(name): int(number) for name, number in rows}


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A server with the defaults of a fresh cluster: every commit waits for the disk."""
    if not shutil.which("initdb") or not shutil.which("pg_ctl"):
        raise NoPostgresError
    server = Postgres(folder, free_ports(1)[0])
    account = _account()
    folder.mkdir()
    if account:
        shutil.chown(folder, account)
        _open_the_way(folder)
    data = str(folder / "data")
    _run(account, "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8")
    options = (
        f"-p {server.port} -c listen_addresses={HOST} -c unix_socket_directories='' -c max_connections=200"
    )
    _run(account, "pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield server
    finally:
        _run(account, "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _run(account: str | None, *command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=account, cwd="/")


def _account() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ACCOUNTS if name in names), None)


def _open_the_way(folder: Path) -> None:
    """Let the other account pass through the temporary folder, which only its maker may enter."""
    folder.parent.chmod(folder.parent.stat().st_mode | 0o011)
