"""How the sagas stand, read straight from the backend's database."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from proofs.chaos.profiles import TERMINAL_WITHIN

BY_STATUS = "SELECT status, COUNT(*) FROM sagas_saga WHERE name = 'book-trip' GROUP BY status"
IDS = "SELECT correlation_id FROM sagas_saga WHERE name = 'book-trip'"
ENDED = "SELECT created_at, finished_at FROM sagas_saga WHERE finished_at IS NOT NULL"
NOT_ENDED = """
    SELECT correlation_id, epoch, owner FROM sagas_saga WHERE due_at IS NOT NULL AND name = 'book-trip'"""
OPEN_BOOKINGS = """
    SELECT version, status, steps FROM sagas_saga WHERE due_at IS NOT NULL AND name = 'book-trip'"""
ALL_OPEN = "SELECT COUNT(*) FROM sagas_saga WHERE due_at IS NOT NULL"
ALL = "SELECT COUNT(*) FROM sagas_saga"
OPEN = ("PENDING", "RUNNING", "COMPENSATING")
AWAY = (sqlite3.Error, psycopg.Error)
"What is raised while the database is away."
POLL = 0.05


class NotTerminalError(Exception):
    """Sagas were still open when all of them had to have ended."""


class Held(NamedTuple):
    """A saga with an owner, identified by its epoch."""

    correlation_id: str
    epoch: int


def open_of_all(address: str) -> int:
    """How many sagas have not ended, settlements among them."""
    return int(_rows(address, ALL_OPEN)[0][0])


def longest_end(address: str, calm: datetime) -> float:
    """The most seconds that a saga took to end, from the calm on, or from its beginning if that was later."""
    times = [(_moment(begun), _moment(ended)) for begun, ended in _rows(address, ENDED)]
    return max(((ended - max(calm, begun)).total_seconds() for begun, ended in times), default=0.0)


def number_of_sagas(address: str) -> int:
    return int(_rows(address, ALL)[0][0])


def open_bookings(address: str) -> list[tuple[int, str, str]]:
    """Version, status and steps, the latter as they are stored."""
    return _rows(address, OPEN_BOOKINGS)


def statuses(address: str) -> dict[str, int]:
    """Of the sagas that book."""
    return dict(_rows(address, BY_STATUS))


def saga_ids(address: str) -> frozenset[str]:
    return frozenset(cid for (cid,) in _rows(address, IDS))


def open_sagas(counts: dict[str, int]) -> int:
    return sum(counts.get(status, 0) for status in OPEN)


def wait_until(holds: Callable[[], bool]) -> None:
    """Raises NotTerminalError."""
    deadline = time.monotonic() + TERMINAL_WITHIN
    while time.monotonic() < deadline:
        with suppress(*AWAY):
            if holds():
                return
        time.sleep(POLL)
    raise NotTerminalError


def left_by_the_dead(address: str) -> frozenset[Held]:
    """The open sagas whose owner's process is gone."""
    return frozenset(
        Held(cid, epoch)
        for cid, epoch, owner in _rows(address, NOT_ENDED)
        if owner and not _lives(int(owner.rpartition(":")[2]))
    )


def open_held(address: str) -> frozenset[Held]:
    """All open sagas, with and without an owner."""
    return frozenset(Held(cid, epoch) for cid, epoch, _ in _rows(address, NOT_ENDED))


def _moment(told: datetime | str) -> datetime:
    """SQLite has times as texts, in UTC."""
    return told if isinstance(told, datetime) else datetime.fromisoformat(told).replace(tzinfo=UTC)


def _lives(pid: int) -> bool:
    """A zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _rows(address: str, sql: str) -> list[Any]:
    if address.startswith("postgres"):
        with psycopg.connect(address, connect_timeout=5) as connection:
            return connection.execute(sql.encode()).fetchall()
    with closing(sqlite3.connect(f"file:{address}?mode=ro", uri=True, timeout=5)) as database:
        return database.execute(sql).fetchall()
