"""What the bench asks of its PostgreSQL server, a private one with the defaults of a fresh cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from scripts.postgres import Server, private_server


class Postgres:
    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def pid(self) -> int:
        return self._server.pid

    def create(self, database: str) -> str:
        """Make an empty database; its address."""
        with self._connect() as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self._server.url(database)

    def backends(self, database: str) -> list[int]:
        """The server's processes that serve a database now."""
        with self._connect() as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (database,))
            return [int(pid) for (pid,) in rows]

    def sessions(self) -> dict[str, int]:
        """How many connections each database has ever been given."""
        with self._connect() as connection:
            rows = connection.execute("SELECT datname, sessions FROM pg_stat_database WHERE datname <> ''")
            return {str(name): int(number) for name, number in rows}

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._server.url("postgres"), autocommit=True)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Every commit waits for the disk. Raises NoPostgresError."""
    with private_server() as server:
        yield Postgres(server)
