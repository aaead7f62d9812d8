"""What a booking stores on PostgreSQL before it is settled, and the load of idle replicas.

python -m bench.footprint [--bookings 3000] [--each 1] [--workers 1]    `make bench-footprint`

Rows and bytes of every table that grew, WAL and what it is made of, transactions, connections under load,
updates and how many of them were heap-only (the others write every index anew), and transactions a second
without load.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests
from psycopg.sql import SQL, Identifier

from bench import wal
from bench.replicas import booking
from bench.systems import LATER
from proofs.e2e.replicas import PACKAGES, Replicas, replicas

CLIENTS = 12
IDLE_SECONDS = 15.0
LEAST_BYTES = 10.0
"What is told of the WAL."
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
ROWS = SQL("SELECT COUNT(*) FROM {}")
BYTES = "SELECT pg_table_size(%s::regclass), pg_indexes_size(%s::regclass)"
WAL = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
CONNECTIONS = """
    SELECT datname, COUNT(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY datname"""
UPDATES = """
    SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE n_tup_upd > %s ORDER BY relname"""
COMMITS = "SELECT datname, xact_commit FROM pg_stat_database WHERE datname = ANY(%s)"


@dataclass(frozen=True)
class Size:
    rows: int
    table: int
    "bytes, with what is stored beside it"
    indexes: int


Sizes = dict[tuple[str, str], Size]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=3000)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        replicas(Path(folder), each=given.each, workers=given.workers, SETTLE_AFTER_SECONDS=LATER) as suite,
    ):
        _book(suite, range(200))  # So that every table has its first pages.
        _tell_growth(suite, given.bookings)
        _tell_updates(suite, given.bookings)
        _tell_idle(suite)
    return 0


def _tell_growth(suite: Replicas, bookings: int) -> None:
    before, began, commits = _sizes(suite), _wal(suite), _commits(suite)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(_book, suite, range(200, 200 + bookings))
        most: Counter[str] = Counter()
        while not load.done():
            most |= Counter(dict(_ask(suite, "postgres", CONNECTIONS)))
            time.sleep(0.2)  # Between two looks at the connections.
        load.result()
    ended, after = _wal(suite), _commits(suite)
    for key, size in sorted(_sizes(suite).items()):
        grown = [(now - then) / bookings for now, then in _pairs(size, before[key])]
        if grown[0] >= 0.01:
            _say(f"{'.'.join(key):<34}{grown[0]:7.2f} rows {grown[1]:8.0f} bytes {grown[2]:8.0f} of indexes")
    _tell_wal(suite, began, ended, bookings)
    for name in PACKAGES:
        made = (after[name] - commits[name]) / bookings
        _say(f"{name}: {made:.2f} transactions a booking, at most {most[name]} connections")


def _tell_wal(suite: Replicas, began: int, ended: int, bookings: int) -> None:
    _say(f"WAL {(ended - began) / bookings:.0f} bytes a booking, of it")
    names = {file: name for service in PACKAGES for file, name in _files(suite, service)}
    for part, size in wal.by_part(wal.records(suite.server, began, ended), names).most_common():
        if size / bookings >= LEAST_BYTES:
            _say(f"    {part:<46}{size / bookings:8.0f}")


def _files(suite: Replicas, service: str) -> Iterator[tuple[str, str]]:
    for file, table, is_index in _ask(suite, service, wal.FILES):
        yield file, f"{service}.{table}{', indexes' if is_index else ''}"


def _tell_updates(suite: Replicas, bookings: int) -> None:
    for name in PACKAGES:
        for table, updates, heap_only in _ask(suite, name, UPDATES, bookings // 10):
            _say(f"{name}.{table}: {updates} updates, {heap_only} of them heap-only")


def _tell_idle(suite: Replicas) -> None:
    """A connection tells its transactions within a second, or when it has been idle for ten."""
    time.sleep(IDLE_SECONDS)  # Until what the load did has been told.
    before, began = _commits(suite), time.monotonic()
    time.sleep(IDLE_SECONDS)  # What is measured: nobody books.
    seconds = time.monotonic() - began
    for name, commits in _commits(suite).items():
        _say(f"{name}: {(commits - before[name]) / seconds:.1f} transactions a second while nobody books")


def _book(suite: Replicas, numbers: range) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda first: _client(suite, numbers[first::CLIENTS]), range(CLIENTS)))
    suite.wait_until_quiet(60)


def _client(suite: Replicas, numbers: range) -> None:
    with requests.Session() as session:
        for number in numbers:
            headers = {"Idempotency-Key": f"footprint-{number}"}
            url = suite.url("backend") + "/api/saga/start-booking/"
            session.post(url, json=booking(number), headers=headers, timeout=30).raise_for_status()


def _sizes(suite: Replicas) -> Sizes:
    found: Sizes = {}
    for name in PACKAGES:
        with psycopg.connect(suite.server.url(name), autocommit=True) as connection:
            connection.execute("VACUUM")
            for (table,) in connection.execute(TABLES).fetchall():
                (rows,) = _one(connection, ROWS.format(Identifier(table)))
                found[name, table] = Size(rows, *_one(connection, BYTES, table, table))
    return found


def _pairs(now: Size, then: Size) -> list[tuple[int, int]]:
    return [(now.rows, then.rows), (now.table, then.table), (now.indexes, then.indexes)]


def _wal(suite: Replicas) -> int:
    return int(_ask(suite, "postgres", WAL)[0][0])


def _commits(suite: Replicas) -> Mapping[str, int]:
    return dict(_ask(suite, "postgres", COMMITS, list(PACKAGES)))


def _ask(suite: Replicas, database: str, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(suite.server.url(database)) as connection:
        return connection.execute(sql.encode(), parameters).fetchall()


def _one(connection: psycopg.Connection[Any], sql: Any, *parameters: Any) -> tuple[Any, ...]:
    row = connection.execute(sql, parameters).fetchone()
    assert row is not None
    return tuple(row)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
