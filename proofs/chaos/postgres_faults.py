"""What PostgreSQL does to its clients. Each fault lasts about as long as `pause` takes, and then is over."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count

import psycopg

from scripts.postgres import Server

Pause = Callable[[], object]
# A column of each service that its own statements read.
COLUMNS = {
    "backend": ("sagas_saga", "reason"),
    "payment": ("payment_ledger", "authorization_id"),
    "loyalty": ("loyalty_ledger", "user_id"),
    "ui": ("ui_user", "username"),
}
SELECT_CUT = """
    SELECT COUNT(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IN ({names})
        ORDER BY random() LIMIT {most}) AS chosen;"""
LOCK_WITHIN = "SET lock_timeout = '5s'"
_widths = count(200)


def cut(server: Server, names: Sequence[str], most: int | str = 1) -> None:
    """So many connections, chosen at random, or ALL."""
    quoted = ", ".join(f"'{name}'" for name in names)
    server.run(SELECT_CUT.format(names=quoted, most=most))


def read_only(server: Server, names: Sequence[str], pause: Pause) -> None:
    """A failover: new sessions cannot write, and there are only new ones."""
    _for_each(server, names, "ALTER DATABASE {} SET default_transaction_read_only = on;")
    try:
        cut(server, names, "ALL")
        pause()
    finally:
        _for_each(server, names, "ALTER DATABASE {} RESET default_transaction_read_only;")


def exhaust(server: Server, names: Sequence[str], pause: Pause) -> None:
    """Each service gets one connection and no more: its pools stay empty."""
    _for_each(server, names, "ALTER ROLE {} CONNECTION LIMIT 1;")
    try:
        cut(server, names, "ALL")
        pause()
    finally:
        _for_each(server, names, "ALTER ROLE {} CONNECTION LIMIT -1;")


def migrate(server: Server, names: Sequence[str], pause: Pause) -> None:
    """A table that the service needs is changed, and locked until that is committed."""
    with ExitStack() as stack:
        for name in names:
            connection = stack.enter_context(psycopg.connect(server.url(name)))
            connection.execute(LOCK_WITHIN)
            table, column = COLUMNS[name]
            sql = f"ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar({next(_widths)})"
            connection.execute(sql.encode())
        pause()


def lock(server: Server, tables: dict[str, str], pause: Pause) -> None:
    """Each request that needs the table keeps its connection until its time-out."""
    with ExitStack() as stack:
        for name, table in tables.items():
            connection = stack.enter_context(psycopg.connect(server.url(name)))
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        pause()


def _for_each(server: Server, names: Sequence[str], sql: str) -> None:
    server.run("".join(sql.format(name) for name in names))
